"""Opens the stores of a folder in a process of its own, for tests that kill it.

    python -m tests.sadd.embedded.holding FOLDER [uvloop]

Prints one line of JSON with the URLs when they are open, then waits for SIGTERM or Ctrl-C.
"""

import asyncio
import json
import sys
from pathlib import Path

import uvloop

from sadd.embedded.binaries import BinaryMissing
from sadd.embedded.folder import FolderInUse
from sadd.embedded.server import StoreFailed
from sadd.embedded.stores import open_stores
from sadd.supervisor.signals import run
from sadd.telemetry.logs import configure_logs


async def hold(folder: Path) -> int:
    try:
        async with open_stores(folder) as urls:
            sys.stdout.write(json.dumps({"valkey": urls.valkey_url, "database": urls.database_url}) + "\n")
            sys.stdout.flush()
            await asyncio.Event().wait()
    except (FolderInUse, StoreFailed, BinaryMissing) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    configure_logs("warning")
    if "uvloop" in sys.argv:
        uvloop.install()
    sys.exit(run(hold(Path(sys.argv[1]))))
