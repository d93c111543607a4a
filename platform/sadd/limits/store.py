"""The rules in PostgreSQL: whole sets in versions, changed in one transaction at a time.

limit_rules(version) = the whole set, who wrote it, when, and why
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

import asyncpg
import msgspec

from sadd.limits.rule import Rule, Rules
from sadd.postgres.pool import AWAY, Pool


class StoreUnavailable(Exception):
    """The database is away, full, or too slow. Nothing was changed; workers keep the rules that they have."""


class UnknownVersion(LookupError):
    """The history has no such version."""


class VersionMoved(Exception):
    """The last version is not the one that the writer looked at. Nothing was changed."""

    def __init__(self, last: int, expected: int) -> None:
        super().__init__(f"the last version of the rules is {last}, not {expected}")


CHANNEL = "sadd_limits"
"""Notified by the table's own trigger when a version is committed."""

NOTE_LENGTH_MAX = 200
ACQUIRE_SECONDS: Final = 5.0

Verb = Literal["add", "change", "remove"]
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

_DECODER = msgspec.json.Decoder(tuple[Rule, ...])

# Writers wait for one another, readers for nobody.
_LOCK = "LOCK TABLE limit_rules IN SHARE ROW EXCLUSIVE MODE"
_LAST = "SELECT version, rules::text FROM limit_rules ORDER BY version DESC LIMIT 1"
_ONE = "SELECT version, rules::text FROM limit_rules WHERE version = $1"
_VERSION = "SELECT coalesce(max(version), 0) FROM limit_rules"
_HISTORY = """
SELECT version, at, actor, note, jsonb_array_length(rules) AS count
FROM limit_rules ORDER BY version DESC LIMIT $1
"""
_WRITE = "INSERT INTO limit_rules (version, rules, actor, note) VALUES ($1, $2::text::jsonb, $3, $4)"
_AUDIT = """
INSERT INTO audit (actor, action, subject, before, after)
SELECT $1, 'limits.' || verb, 'limits/' || id, before::jsonb, after::jsonb
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS new (verb, id, before, after)
"""
_NOTE = "INSERT INTO audit (actor, action, subject, after) VALUES ($1, $2, $3, $4::text::jsonb)"


@dataclass(frozen=True, slots=True)
class Change:
    """One rule that differs between two sets."""

    verb: Verb
    id: str
    before: Rule | None
    after: Rule | None


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did. No changes, no new version."""

    version: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Edition:
    """A version in the history."""

    version: int
    at: datetime
    actor: str
    note: str
    count: int


async def read(pool: Pool, version: int | None = None) -> Rules:
    """A version, or the last one; no rules where there is none yet.

    UnknownVersion. msgspec.ValidationError: a newer release wrote what this one cannot read.
    """
    async with _connection(pool) as connection:
        return await _read(connection, version)


async def read_last(pool: Pool) -> Rules:
    """The last version, with no rules where it cannot be read: what a publication would replace."""
    async with _connection(pool) as connection:
        return await _last(connection)


async def read_version(pool: Pool) -> int:
    async with _connection(pool) as connection:
        return int(await connection.fetchval(_VERSION))


async def history(pool: Pool, limit: int) -> list[Edition]:
    """The last versions, the newest first."""
    async with _connection(pool) as connection:
        return [Edition(**row) for row in await connection.fetch(_HISTORY, limit)]


async def publish(
    pool: Pool, rules: Sequence[Rule], actor: str, note: str = "", *, expected: int | None = None
) -> Published:
    """Make these the rules: a new version, unless they are the last one's.

    They must have no findings: that is for the caller to see to. ValueError: the note is too long.
    VersionMoved: the last version is not the ``expected`` one.
    """
    if len(note) > NOTE_LENGTH_MAX or not note.isprintable():
        raise ValueError(f"a note is one line of at most {NOTE_LENGTH_MAX} characters")
    async with _connection(pool) as connection, connection.transaction():
        await connection.execute(_LOCK)
        last = await _last(connection)
        if expected is not None and expected != last.version:
            raise VersionMoved(last.version, expected)
        return await _publish(connection, last, rules, actor, note)


async def roll_back(pool: Pool, version: int, actor: str, note: str = "") -> Published:
    """Make an earlier version's rules those that hold, as a new version; 0 is none. UnknownVersion."""
    async with _connection(pool) as connection, connection.transaction():
        await connection.execute(_LOCK)
        wanted = await _read(connection, version)
        said = note or f"back to version {version}"
        return await _publish(connection, await _last(connection), wanted.rules, actor, said)


async def write_audit(pool: Pool, actor: str, action: str, subject: str, after: object) -> None:
    """A row about what was done to a counter."""
    async with _connection(pool) as connection:
        await connection.execute(_NOTE, actor, action, subject, msgspec.json.encode(after).decode())


def changes(before: Sequence[Rule], after: Sequence[Rule]) -> Iterator[Change]:
    """What leads from one set to another, by id."""
    old, new = {rule.id: rule for rule in before}, {rule.id: rule for rule in after}
    for id_ in sorted(old.keys() | new.keys()):
        was, now = old.get(id_), new.get(id_)
        if was == now:
            continue
        verb: Verb = "add" if was is None else "remove" if now is None else "change"
        yield Change(verb, id_, was, now)


async def _publish(
    connection: Connection, last: Rules, rules: Sequence[Rule], actor: str, note: str
) -> Published:
    made = tuple(changes(last.rules, rules))
    if not made:
        return Published(last.version, ())
    version = last.version + 1
    ordered = sorted(rules, key=lambda rule: rule.id)
    await connection.execute(_WRITE, version, msgspec.json.encode(ordered).decode(), actor, note)
    verbs, ids = [one.verb for one in made], [one.id for one in made]
    before, after = [_text(one.before) for one in made], [_text(one.after) for one in made]
    await connection.execute(_AUDIT, actor, verbs, ids, before, after)
    return Published(version, made)


async def _last(connection: Connection) -> Rules:
    """The last version, with no rules if it cannot be read: it must be possible to replace that one."""
    try:
        return await _read(connection)
    except msgspec.ValidationError:
        return Rules(int(await connection.fetchval(_VERSION)))


async def _read(connection: Connection, version: int | None = None) -> Rules:
    if version == 0:
        return Rules()
    row = await (connection.fetchrow(_LAST) if version is None else connection.fetchrow(_ONE, version))
    if row is None and version is not None:
        raise UnknownVersion(f"there is no version {version} of the rules")
    return Rules() if row is None else Rules(row["version"], _DECODER.decode(row["rules"]))


@asynccontextmanager
async def _connection(pool: Pool) -> AsyncIterator[Connection]:
    try:
        async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
            yield connection
    except AWAY as error:
        raise StoreUnavailable(str(error) or type(error).__name__) from error


def _text(rule: Rule | None) -> str | None:
    return None if rule is None else msgspec.json.encode(rule).decode()
