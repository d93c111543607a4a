"""Bring a database to the shipped schema: plain SQL files, each applied once and remembered by its hash.

One migrator works at a time, under an advisory lock of its session; so the connection must be direct and not
through a pooler in transaction mode. The lock is polled: a waiter inside ``pg_advisory_lock`` holds a virtual
transaction, and ``CREATE INDEX CONCURRENTLY`` of the migrator at work would wait for its end, for ever.

A file runs in one transaction, together with the note that it was applied. A file whose first line is
``-- no transaction`` runs statement by statement instead, each ended by a semicolon at the end of a line. A
kill may leave it half done and it is run again as a whole, so each statement must bear that: ``DROP INDEX IF
EXISTS x;`` before ``CREATE INDEX CONCURRENTLY x …;``, because an index that was cut short stays, invalid.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeAlias

import asyncpg
import structlog

log = structlog.get_logger("sadd.postgres")

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SHIPPED = files("sadd.postgres") / "migrations"
VERSION_MIN = 14
LOCK = 0x5ADD  # any number that nothing else in the database locks
LOCK_POLL_SECONDS = 0.1
LOCK_TIMEOUT_SECONDS = 600.0
CLOSE_TIMEOUT_SECONDS = 2.0
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
    """A file was edited after it was applied, a statement failed, or the server is too old; in one line."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. The hash is over its text as it stands, comments included."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        return not self.sql.startswith(NO_TRANSACTION)


async def migrate(url: str, folder: Traversable | Path = SHIPPED) -> list[str]:
    """Apply what is missing, in order of name, and return the names applied now.

    Many may call it at once: one applies, the others wait and find nothing to do. Raises `MigrationError`,
    and OSError or asyncpg's own errors if the database cannot be reached.
    """
    wanted = read_folder(folder)
    connection = await asyncpg.connect(url)
    try:
        require_version(connection.get_server_version().major)
        await _lock(connection)
        await connection.execute(VERSION_TABLE)
        missing = plan(wanted, await _applied(connection))
        for migration in missing:
            await _apply(connection, migration)
    finally:
        await connection.close(timeout=CLOSE_TIMEOUT_SECONDS)
    return [migration.name for migration in missing]


def require_version(major: int) -> None:
    """MigrationError for a server that is older than what the schema and the queries are tested with."""
    if major < VERSION_MIN:
        raise MigrationError(f"the database is PostgreSQL {major}; {VERSION_MIN} or later is needed")


def read_folder(folder: Traversable | Path) -> list[Migration]:
    """The folder's SQL files in order of name."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [Migration(name, (folder / name).read_text(encoding="utf-8")) for name in names]


def plan(wanted: Sequence[Migration], applied: Mapping[str, str]) -> list[Migration]:
    """What is missing. What was applied and is not wanted is a newer version's, and left alone."""
    edited = [each.name for each in wanted if applied.get(each.name, each.sha256) != each.sha256]
    if edited:
        raise MigrationError(
            f"{', '.join(edited)}: edited after it was applied to this database; "
            "put the old text back and write the change into a new file"
        )
    return [each for each in wanted if each.name not in applied]


def statements(sql: str) -> list[str]:
    """The statements of a file that runs without a transaction."""
    found: list[str] = []
    lines: list[str] = []
    for line in sql.splitlines():
        code = line.partition("--")[0].rstrip()
        if code:
            lines.append(line)
        if code.endswith(";"):
            found.append("\n".join(lines))
            lines = []
    return found if not lines else [*found, "\n".join(lines)]


async def _lock(connection: Connection) -> None:
    """Take the lock for as long as the session lasts: closing it gives the lock back, and so does a kill."""
    try:
        async with asyncio.timeout(LOCK_TIMEOUT_SECONDS):
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):  # noqa: ASYNC110
                await asyncio.sleep(LOCK_POLL_SECONDS)
    except TimeoutError:
        raise MigrationError(f"another migration has been at work for {LOCK_TIMEOUT_SECONDS:g} s") from None


async def _applied(connection: Connection) -> dict[str, str]:
    rows = await connection.fetch("SELECT name, sha256 FROM schema_migration")
    return {row["name"]: row["sha256"] for row in rows}


async def _apply(connection: Connection, migration: Migration) -> None:
    try:
        if migration.in_transaction:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(REMEMBER, migration.name, migration.sha256)
        else:
            for statement in statements(migration.sql):
                await connection.execute(statement)
            await connection.execute(REMEMBER, migration.name, migration.sha256)
    except asyncpg.PostgresError as error:
        raise MigrationError(f"{migration.name}: {error}") from error
    log.info("migration applied", name=migration.name)
