"""Bring a database to the shipped schema: plain SQL files, each applied once and remembered by its hash.

One migrator works at a time under an advisory lock of the session, so the connection must be direct and not go
through a pooler in transaction mode. The lock is polled: a waiter inside ``pg_advisory_lock`` holds a virtual
transaction, for which ``CREATE INDEX CONCURRENTLY`` of the migrator at work would wait for ever.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import asyncpg

SHIPPED = files("sadd.postgres") / "migrations"
LOCK = 0x5ADD  # any number that nothing else in the database locks
LOCK_POLL_SECONDS = 0.1
NO_TRANSACTION = "-- no transaction"

VERSION_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migration (
    name       text        PRIMARY KEY,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
REMEMBER = "INSERT INTO schema_migration (name, sha256) VALUES ($1, $2)"


class MigrationError(Exception):
    """The files and the database do not fit together, or a statement failed. Nothing was half applied, save by a
    file that opted out of the transaction."""


@dataclass(frozen=True, slots=True)
class Migration:
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """A file that begins with ``-- no transaction`` is run statement by statement as it stands."""
        return not self.sql.startswith(NO_TRANSACTION)


async def migrate(url: str, folder: Traversable | Path = SHIPPED) -> list[str]:
    """Apply what is missing, in order of name, and return the names applied now. Safe to call from many at once."""
    wanted = read_folder(folder)
    connection = await asyncpg.connect(url)
    try:
        async with _lock(connection):
            await connection.execute(VERSION_TABLE)
            missing = plan(wanted, await _applied(connection))
            for migration in missing:
                await _apply(connection, migration)
    finally:
        await connection.close()
    return [migration.name for migration in missing]


def read_folder(folder: Traversable | Path) -> list[Migration]:
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [Migration(name, (folder / name).read_text(encoding="utf-8")) for name in names]


def plan(wanted: Sequence[Migration], applied: Mapping[str, str]) -> list[Migration]:
    """What is missing. MigrationError when an applied file was edited since."""
    edited = [m.name for m in wanted if applied.get(m.name, m.sha256) != m.sha256]
    if edited:
        raise MigrationError(f"{', '.join(edited)}: edited after it was applied; write a new file instead")
    return [m for m in wanted if m.name not in applied]


@asynccontextmanager
async def _lock(connection: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[None]:
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
        await asyncio.sleep(LOCK_POLL_SECONDS)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)


async def _applied(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, str]:
    rows = await connection.fetch("SELECT name, sha256 FROM schema_migration")
    return {row["name"]: row["sha256"] for row in rows}


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    try:
        if migration.in_transaction:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(REMEMBER, migration.name, migration.sha256)
        else:
            await connection.execute(migration.sql)
            await connection.execute(REMEMBER, migration.name, migration.sha256)
    except asyncpg.PostgresError as error:
        raise MigrationError(f"{migration.name}: {error}") from error
