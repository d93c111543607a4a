"""The catalogue in PostgreSQL: read as one snapshot, changed in one transaction at a time.

catalogue_entry(kind, id) = body      catalogue_version = n, goes up with each change
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

import asyncpg
import msgspec

from sadd.catalogue.kinds import TYPES, Kind
from sadd.catalogue.model import Entry
from sadd.postgres.pool import AWAY, Pool


class StoreUnavailable(Exception):
    """The database is away, full, or too slow. Nothing was changed; workers keep the state that they have."""


CHANNEL = "sadd_catalogue"
"""Notified with the new version when a change is committed."""

Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)
Verb = Literal["add", "change", "retire"]

ACQUIRE_SECONDS: Final = 5.0
"""Longest wait for a free connection of the pool."""

NUL = "\0"
"""No text of PostgreSQL holds it, so nothing is found by one that does; asked, the database would object."""

BATCH_ROWS = 50
"""Rows decoded in one go; about a third of a millisecond of the event loop."""

_DECODERS = {kind: msgspec.json.Decoder(type_) for kind, type_ in TYPES.items()}

_LOCK = "SELECT version FROM catalogue_version FOR UPDATE"
_VERSION = "SELECT version FROM catalogue_version"
_READ = "SELECT kind, id, body::text FROM catalogue_entry WHERE kind = ANY($1)"
_WRITE = """
INSERT INTO catalogue_entry (kind, id, body, version)
SELECT kind, id, body::jsonb, $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS new (kind, id, body)
ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, version = excluded.version
"""
_AUDIT = """
INSERT INTO audit (actor, action, subject, before, after)
SELECT $1, 'catalogue.' || verb, kind || '/' || id, before::jsonb, after::jsonb
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) AS new (verb, kind, id, before, after)
"""
_BUMP = "UPDATE catalogue_version SET version = $1, changed_at = now()"


@dataclass(frozen=True, slots=True)
class Write:
    """One entry to be written, beside what stood there before."""

    verb: Verb
    kind: Kind
    before: Entry | None
    after: Entry

    @property
    def id(self) -> str:
        return self.after.id


@dataclass(slots=True)
class Change:
    """An open transaction that holds the catalogue. ``version`` is the one before it."""

    connection: Connection
    version: int
    actor: str
    wrote: bool = False

    async def write(self, writes: Sequence[Write]) -> None:
        """Entries and their audit rows. Nothing is done for an empty sequence."""
        if not writes:
            return
        self.wrote = True
        kinds, ids = [w.kind for w in writes], [w.id for w in writes]
        after = [_text(w.after) for w in writes]
        before = [_text(w.before) if w.before else None for w in writes]
        verbs = [w.verb for w in writes]
        await self.connection.execute(_WRITE, kinds, ids, after, self.version + 1)
        await self.connection.execute(_AUDIT, self.actor, verbs, kinds, ids, before, after)


@asynccontextmanager
async def changing(pool: Pool, actor: str) -> AsyncIterator[Change]:
    """A transaction in which nobody else changes the catalogue. Committed and announced at the end."""
    async with _reachable(), pool.acquire(timeout=ACQUIRE_SECONDS) as connection, connection.transaction():
        change = Change(connection, await connection.fetchval(_LOCK), actor)
        yield change
        if change.wrote:
            await connection.execute(_BUMP, change.version + 1)
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, str(change.version + 1))


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """A connection on which every statement sees the same state."""
    async with (
        _reachable(),
        pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


@asynccontextmanager
async def _reachable() -> AsyncIterator[None]:
    try:
        yield
    except AWAY as error:
        raise StoreUnavailable(str(error) or type(error).__name__) from error


async def read_version(connection: Connection) -> int:
    return cast("int", await connection.fetchval(_VERSION))


async def read_batches(
    connection: Connection, kinds: Sequence[Kind] = tuple(TYPES)
) -> AsyncIterator[list[tuple[Kind, Entry]]]:
    """All entries of ``kinds`` in small batches, inside the caller's transaction."""
    cursor = await connection.cursor(_READ, list(kinds))
    while rows := await cursor.fetch(BATCH_ROWS):
        yield [(kind, _DECODERS[kind].decode(body)) for kind, _, body in rows]


async def read_entries(
    connection: Connection, kinds: Sequence[Kind] = tuple(TYPES)
) -> dict[Kind, dict[str, Entry]]:
    """All entries of ``kinds`` at once, by kind and id, inside the caller's transaction."""
    found: dict[Kind, dict[str, Entry]] = {kind: {} for kind in kinds}
    async for batch in read_batches(connection, kinds):
        for kind, entry in batch:
            found[kind][entry.id] = entry
    return found


async def read_entry(connection: Connection, kind: Kind, id_: str) -> Entry | None:
    if NUL in id_:
        return None
    body = await connection.fetchval(
        "SELECT body::text FROM catalogue_entry WHERE kind = $1 AND id = $2", kind, id_
    )
    return None if body is None else _DECODERS[kind].decode(body)


async def read_namesakes(connection: Connection, agency: str, id_: str) -> Mapping[tuple[str, str], str]:
    """The names of the other services that the agency offers: (language, name) to id."""
    if NUL in agency or NUL in id_:
        return {}
    rows = await connection.fetch(
        """SELECT id, body -> 'name' ->> 'ar' AS ar, body -> 'name' ->> 'en' AS en FROM catalogue_entry
           WHERE kind = 'services' AND body ->> 'agency' = $1
             AND body ->> 'status' <> 'retired' AND id <> $2""",
        agency,
        id_,
    )
    return {(language, row[language]): row["id"] for row in rows for language in ("ar", "en")}


async def read_hosts(connection: Connection, id_: str, hosts: Sequence[str]) -> Mapping[str, str]:
    """Which of these hosts other services in the offer have: host to id."""
    if NUL in id_ or any(NUL in host for host in hosts):
        return {}
    rows = await connection.fetch(
        """SELECT host, id FROM catalogue_entry, jsonb_array_elements_text(body -> 'hosts') AS host
           WHERE kind = 'services' AND body ->> 'status' <> 'retired' AND id <> $1 AND host = ANY($2)""",
        id_,
        list(hosts),
    )
    return {row["host"]: row["id"] for row in rows}


def _text(entry: Entry) -> str:
    return msgspec.json.encode(entry).decode()
