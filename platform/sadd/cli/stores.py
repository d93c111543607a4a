"""The way from a command to the database, whoever runs it.

1. ``SADD_DATABASE_URL`` (or its flag, or the file): that database.
2. else an embedded one in the data folder, started for this command and stopped after it.
3. else, because somebody holds the data folder: the embedded one of that platform, which writes where its
   stores are into ``<data.dir>/run/stores.json`` (mode 0600: it opens them).

Migrations are applied first, save in the third case, where the platform did so.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import asyncpg

from sadd.cli.outcome import Failed
from sadd.embedded.binaries import BinaryMissing
from sadd.embedded.folder import FolderInUse
from sadd.embedded.server import StoreFailed
from sadd.embedded.stores import open_stores
from sadd.postgres.migrate import MigrationError, migrate
from sadd.postgres.pool import open_pool
from sadd.settings import Settings
from sadd.settings.masking import masked
from sadd.telemetry.logs import configure_logs

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

FOLDER_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Running:
    """A platform that runs on this machine, as its ``stores.json`` says."""

    valkey_url: str
    database_url: str
    http_url: str
    pid: int


def stores_file(settings: Settings) -> Path:
    return Path(settings.data.dir) / "run" / "stores.json"


def running(settings: Settings) -> Running | None:
    """The platform that runs on this data folder; None if none does, or its file outlived it."""
    try:
        told = json.loads(stores_file(settings).read_text(encoding="utf-8"))
        platform = Running(told["valkey_url"], told["database_url"], told["http_url"], int(told["pid"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return platform if _alive(platform.pid) else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Pool]:
    """A pool on the migrated database of these settings.

    Raises Failed with one line when there is none, and for errors of the database inside the block.
    """
    # A command's output is its answer; beside it stands only what its user should know of the stores.
    configure_logs("warning", "console")
    try:
        async with AsyncExitStack() as stack:
            url = await _database_url(settings, stack)
            pool = await open_pool(
                url, pool_max=settings.database.pool_max, deadline_seconds=settings.database.deadline_seconds
            )
            stack.push_async_callback(pool.close)
            yield pool
    except (BinaryMissing, StoreFailed, MigrationError) as error:
        raise Failed(f"sadd: {error}") from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        place = masked(settings.database.url) or f"embedded, in {settings.data.dir}"
        raise Failed(f"sadd: database ({place}): {str(error) or type(error).__name__}") from error


async def _database_url(settings: Settings, stack: AsyncExitStack) -> str:
    if settings.database.url:
        await migrate(settings.database.url)
        return settings.database.url
    deadline = asyncio.get_running_loop().time() + settings.startup.timeout_seconds
    while True:
        try:
            stores = await stack.enter_async_context(open_stores(Path(settings.data.dir), want_valkey=False))
        except FolderInUse as error:
            if platform := running(settings):
                return platform.database_url
            # A platform that starts, or another command: both are over in a moment.
            if asyncio.get_running_loop().time() > deadline:
                raise Failed(f"sadd: {error}") from error
            await asyncio.sleep(FOLDER_POLL_SECONDS)
        else:
            await migrate(stores.database_url)
            return stores.database_url
