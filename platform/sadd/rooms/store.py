"""The rooms' settings in PostgreSQL: versions of single rooms, changed in one transaction at a time.

room_edition(version) = who, when, why ; room_setting(room, version) = the room from then on, null: none
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

import asyncpg
import msgspec

from sadd.postgres.pool import AWAY, Pool
from sadd.rooms.written import RoomBook, RoomSettings


class StoreUnavailable(Exception):
    """The database is away, full, or too slow. Nothing was changed; workers keep the rooms that they have."""


class UnknownVersion(LookupError):
    """The history has no such version."""


class VersionMoved(Exception):
    """The last version is not the one that the writer looked at. Nothing was changed."""

    def __init__(self, last: int, expected: int) -> None:
        super().__init__(f"the last version of the rooms is {last}, not {expected}")


CHANNEL = "sadd_rooms"
"""Notified by the table's own trigger when a version is committed."""

NOTE_LENGTH_MAX = 200
ACQUIRE_SECONDS: Final = 5.0

Verb = Literal["add", "change", "remove"]
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

_DECODER = msgspec.json.Decoder(RoomSettings)

# Writers wait for one another, readers for nobody.
_LOCK = "LOCK TABLE room_edition IN SHARE ROW EXCLUSIVE MODE"
_VERSION = "SELECT coalesce(max(version), 0) FROM room_edition"
_ROOMS = """
SELECT settings::text FROM (
    SELECT DISTINCT ON (room) room, settings FROM room_setting
    WHERE version <= $1 ORDER BY room, version DESC
) AS last WHERE settings IS NOT NULL ORDER BY room
"""
_HISTORY = """
SELECT version, at, actor, note, array(
    SELECT room FROM room_setting AS one WHERE one.version = edition.version ORDER BY room
) AS rooms
FROM room_edition AS edition
WHERE $2::text IS NULL OR EXISTS (
    SELECT 1 FROM room_setting AS one WHERE one.room = $2 AND one.version = edition.version
)
ORDER BY version DESC LIMIT $1
"""
_EDITION = "INSERT INTO room_edition (version, actor, note) VALUES ($1, $2, $3)"
_SETTING = """
INSERT INTO room_setting (version, room, settings)
SELECT $1, room, settings::jsonb FROM unnest($2::text[], $3::text[]) AS new (room, settings)
"""
_AUDIT = """
INSERT INTO audit (actor, action, subject, before, after)
SELECT $1, 'queues.' || verb, 'queues/' || id, before::jsonb, after::jsonb
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS new (verb, id, before, after)
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One room whose settings differ between two states."""

    verb: Verb
    id: str
    before: RoomSettings | None
    after: RoomSettings | None


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did. No changes, no new version."""

    version: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Edition:
    """A version in the history, and the rooms that it changed."""

    version: int
    at: datetime
    actor: str
    note: str
    rooms: list[str]


async def read(pool: Pool, version: int | None = None) -> RoomBook:
    """A version, or the last one; no rooms where there is none yet.

    UnknownVersion. msgspec.ValidationError: a newer release wrote what this one cannot read.
    """
    async with _connection(pool) as connection, connection.transaction(isolation="repeatable_read"):
        return await _read(connection, version)


async def read_version(pool: Pool) -> int:
    async with _connection(pool) as connection:
        return int(await connection.fetchval(_VERSION))


async def history(pool: Pool, limit: int, room: str | None = None) -> list[Edition]:
    """The last versions, the newest first; of one room only those that changed it."""
    async with _connection(pool) as connection:
        return [Edition(**row) for row in await connection.fetch(_HISTORY, limit, room)]


async def publish(
    pool: Pool, rooms: Sequence[RoomSettings], actor: str, note: str = "", *, expected: int | None = None
) -> Published:
    """Make these the rooms that are set: a new version, unless they are the last one's.

    They must have no findings: that is for the caller to see to. ValueError: the note is too long.
    VersionMoved: the last version is not the ``expected`` one.
    """
    _check_note(note)
    async with _connection(pool) as connection, connection.transaction():
        last = await _locked(connection)
        if expected is not None and expected != last.version:
            raise VersionMoved(last.version, expected)
        return await _publish(connection, last, rooms, actor, note)


async def roll_back(
    pool: Pool, version: int, actor: str, note: str = "", *, room: str | None = None
) -> Published:
    """Make an earlier version's rooms those that hold, as a new version, or only one room of it.

    0 is the catalogue alone. UnknownVersion. ValueError: the note is too long.
    """
    _check_note(note)
    async with _connection(pool) as connection, connection.transaction():
        last = await _locked(connection)
        wanted = (await _read(connection, version)).rooms
        if room is not None:
            others = (one for one in last.rooms if one.id != room)
            wanted = (*others, *(one for one in wanted if one.id == room))
        said = note or f"back to version {version}"
        return await _publish(connection, last, wanted, actor, said)


def changes(before: Sequence[RoomSettings], after: Sequence[RoomSettings]) -> Iterator[Change]:
    """What leads from one state to another, by id."""
    old: Mapping[str, RoomSettings] = {room.id: room for room in before}
    new: Mapping[str, RoomSettings] = {room.id: room for room in after}
    for id_ in sorted(old.keys() | new.keys()):
        was, now = old.get(id_), new.get(id_)
        if was == now:
            continue
        verb: Verb = "add" if was is None else "remove" if now is None else "change"
        yield Change(verb, id_, was, now)


async def _locked(connection: Connection) -> RoomBook:
    await connection.execute(_LOCK)
    return await _read(connection)


async def _publish(
    connection: Connection, last: RoomBook, rooms: Sequence[RoomSettings], actor: str, note: str
) -> Published:
    made = tuple(changes(last.rooms, rooms))
    if not made:
        return Published(last.version, ())
    version = last.version + 1
    await connection.execute(_EDITION, version, actor, note)
    ids = [one.id for one in made]
    before, after = [_text(one.before) for one in made], [_text(one.after) for one in made]
    await connection.execute(_SETTING, version, ids, after)
    await connection.execute(_AUDIT, actor, [one.verb for one in made], ids, before, after)
    return Published(version, made)


async def _read(connection: Connection, version: int | None = None) -> RoomBook:
    last = int(await connection.fetchval(_VERSION))
    if version is not None and not 0 <= version <= last:
        raise UnknownVersion(f"there is no version {version} of the rooms")
    wanted = last if version is None else version
    rows = await connection.fetch(_ROOMS, wanted)
    return RoomBook(wanted, tuple(_DECODER.decode(row["settings"]) for row in rows))


def _check_note(note: str) -> None:
    if len(note) > NOTE_LENGTH_MAX or not (note.isprintable() or not note):
        raise ValueError(f"a note is one line of at most {NOTE_LENGTH_MAX} characters")


@asynccontextmanager
async def _connection(pool: Pool) -> AsyncIterator[Connection]:
    try:
        async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
            yield connection
    except AWAY as error:
        raise StoreUnavailable(str(error) or type(error).__name__) from error


def _text(room: RoomSettings | None) -> str | None:
    return None if room is None else msgspec.json.encode(room).decode()
