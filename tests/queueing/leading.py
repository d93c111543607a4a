"""A process that leads, or stands by to: ``python -m tests.queueing.leading VALKEY DATABASE NAME``."""

import asyncio
import sys

from queueing.leader import Leader
from queueing.policy import Room
from queueing.postgres import PostgresLedger
from queueing.valkey import ValkeyStore
from sadd.postgres.pool import AWAY, open_pool
from tests.stores import connected

ROOM = Room("led", 6_000, 1_000, 5_000, 600_000)


async def lead(valkey_url: str, database_url: str, name: str) -> None:
    pool = await open_pool(database_url, pool_max=3, deadline_seconds=2)
    async with connected(valkey_url) as client:
        store, ledger = ValkeyStore(client), PostgresLedger(pool, AWAY)
        await Leader(lambda: [ROOM], store, ledger, holder=name).run()


if __name__ == "__main__":
    asyncio.run(lead(*sys.argv[1:]))
