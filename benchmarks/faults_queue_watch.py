"""Notes when each leader of the rooms was first seen: ``python -m benchmarks.faults_queue_watch URL FILE``.

A line an epoch: its number and the moment in ns. It asks PostgreSQL itself, by no relay, 20 times a second,
and sees nothing while that is away.
"""

import asyncio
import os
import sys
import time
from contextlib import suppress

import asyncpg

EVERY_S = 0.05
_LED = "SELECT epoch FROM queue_leader WHERE until > clock_timestamp()"


async def _watch(url: str, file: int) -> None:
    seen = 0
    while True:
        with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection = await asyncpg.connect(url, timeout=1, command_timeout=1)
            try:
                while True:
                    epoch = await connection.fetchval(_LED)
                    if epoch is not None and epoch != seen:
                        seen = epoch
                        os.write(file, b"%d %d\n" % (epoch, time.time_ns()))
                    await asyncio.sleep(EVERY_S)
            finally:
                connection.terminate()
        await asyncio.sleep(EVERY_S)


if __name__ == "__main__":
    asyncio.run(_watch(sys.argv[1], os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)))
