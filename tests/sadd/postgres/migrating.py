"""Applies migrations in a process of its own, for tests that kill it: ``python -m … URL FOLDER``."""

import asyncio
import sys
from pathlib import Path

from sadd.postgres.migrate import MigrationError, migrate
from sadd.telemetry.logs import configure_logs

if __name__ == "__main__":
    configure_logs("warning")
    try:
        applied = asyncio.run(migrate(sys.argv[1], Path(sys.argv[2])))
    except MigrationError as error:
        sys.exit(str(error))
    sys.stdout.write(" ".join(applied))
