"""Webhooks in PostgreSQL: who wants to be told, and the outbox of what is still to be sent.

room_told(room) = the state that was told last ; webhook_delivery = a message of a webhook, until it is taken
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from sadd.postgres.pool import AWAY, Pool
from sadd.rooms.store import Connection, StoreUnavailable
from sadd.rooms.webhook_signing import headers

PER_AGENCY_MAX = 50
WAITING_MAX = 10_000
"""Messages that wait for one webhook; beyond them the oldest are given up."""
LEASE_SECONDS = 60.0
"""So long a worker has for a message before another one takes it, in case it died over it."""
KEEP_DAYS = 30
"""Messages that were given up stay to be looked at."""
ACQUIRE_SECONDS: Final = 5.0
LOCK = 0x5ADD_0010
"""One worker at a time looks at the rooms; whoever finds it taken has nothing to do."""

_CREATE = """
INSERT INTO webhook (id, agency, room, url, events, secret)
SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT count(*) FROM webhook WHERE agency = $2) < $7
RETURNING id, agency, room, url, events, created_at, disabled_at
"""
_LIST = """
SELECT w.id, agency, room, url, events, w.created_at, disabled_at,
    count(d.id) FILTER (WHERE gave_up_at IS NULL) AS waiting, count(gave_up_at) AS given_up,
    (array_agg(last_error ORDER BY d.id DESC))[1] AS last_error
FROM webhook AS w LEFT JOIN webhook_delivery AS d ON d.webhook = w.id
WHERE $1::text IS NULL OR agency = $1 GROUP BY w.id ORDER BY w.created_at, w.id
"""
_DELETE = """
DELETE FROM webhook WHERE id = $1 AND ($2::text IS NULL OR agency = $2)
RETURNING id, agency, room, url, events, created_at, disabled_at
"""
_AUDIT = """
INSERT INTO audit (actor, action, subject, before, after)
VALUES ($1, $2, $3, $4::text::jsonb, $5::text::jsonb)
"""
_WANTED = "SELECT id, agency, room, events FROM webhook WHERE disabled_at IS NULL"
_TOLD = "SELECT room, state, extract(epoch FROM now() - told_at)::float AS since FROM room_told"
_TELL = """
INSERT INTO room_told (room, state) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (room) DO UPDATE SET state = excluded.state, told_at = now()
"""
_PUT = """
INSERT INTO webhook_delivery (webhook, message, body)
SELECT new.webhook, message, body
FROM unnest($1::text[], $2::text[], $3::text[]) AS new (webhook, message, body)
JOIN webhook AS w ON w.id = new.webhook
"""
_CROWDED = """
UPDATE webhook_delivery SET gave_up_at = now(), last_error = 'too many wait' WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY webhook ORDER BY id DESC) AS place
        FROM webhook_delivery WHERE gave_up_at IS NULL AND webhook = ANY ($1::text[])
    ) AS waiting WHERE place > $2
)
"""
_TAKE = """
UPDATE webhook_delivery AS d
SET attempts = attempts + 1, due_at = now() + make_interval(secs => $2)
FROM webhook AS w
WHERE w.id = d.webhook AND d.id IN (
    SELECT id FROM webhook_delivery WHERE gave_up_at IS NULL AND due_at <= now() AND id IN (
        SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY webhook ORDER BY due_at, id) AS place
            FROM webhook_delivery
            WHERE gave_up_at IS NULL AND due_at <= now() AND webhook <> ALL ($4::text[])
        ) AS due WHERE place <= $3
    )
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING d.id, d.webhook, d.message, d.body, d.attempts, w.url, w.secret
"""
_DONE = "DELETE FROM webhook_delivery WHERE id = $1"
_LATER = """
UPDATE webhook_delivery SET due_at = now() + make_interval(secs => $2), last_error = $3 WHERE id = $1
"""
_GIVE_UP = "UPDATE webhook_delivery SET gave_up_at = now(), last_error = $2 WHERE id = $1"
_DISABLE = "UPDATE webhook SET disabled_at = now() WHERE id = $1 AND disabled_at IS NULL"
_FORGET = "DELETE FROM webhook_delivery WHERE gave_up_at < now() - make_interval(days => $1)"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Whom to tell what, of which rooms; ``room`` None is all of the agency."""

    id: str
    agency: str
    room: str | None
    url: str
    events: Sequence[str]
    created_at: datetime
    disabled_at: datetime | None
    waiting: int = 0
    """Messages that are still to be taken."""
    given_up: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the outbox is filled by."""

    id: str
    agency: str
    room: str | None
    events: Collection[str]


@dataclass(frozen=True, slots=True)
class Told:
    """The state that was told last, and how long ago."""

    state: str
    since_seconds: float


@dataclass(frozen=True, slots=True)
class Message:
    """One for one webhook."""

    webhook: str
    id: str
    body: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that a worker has taken to send; the ``attempts``-th time."""

    id: int
    webhook: str
    message: str
    body: str
    attempts: int
    url: str
    secret: bytes

    def letter(self, sent_s: int) -> tuple[Mapping[str, str], bytes]:
        """Header fields and body of an attempt."""
        body = self.body.encode()
        return {**headers(self.secret, self.message, sent_s, body), "Content-Type": "application/json"}, body


async def create(
    pool: Pool,
    id_: str,
    agency: str,
    room: str | None,
    url: str,
    events: Sequence[str],
    secret: bytes,
    by: str,
) -> Webhook | None:
    """None: the agency has as many as it may."""
    async with _connection(pool) as connection, connection.transaction():
        row = await connection.fetchrow(_CREATE, id_, agency, room, url, list(events), secret, PER_AGENCY_MAX)
        if row is None:
            return None
        made = Webhook(**row)
        await connection.execute(_AUDIT, by, "webhooks.add", f"webhooks/{id_}", None, _text(made))
    return made


async def all_of(pool: Pool, agency: str | None) -> list[Webhook]:
    async with _connection(pool) as connection:
        return [Webhook(**row) for row in await connection.fetch(_LIST, agency)]


async def delete(pool: Pool, id_: str, agency: str | None, by: str) -> bool:
    """Whether there was one of the agency; what waited for it is gone too."""
    async with _connection(pool) as connection, connection.transaction():
        row = await connection.fetchrow(_DELETE, id_, agency)
        if row is not None:
            before = _text(Webhook(**row))
            await connection.execute(_AUDIT, by, "webhooks.remove", f"webhooks/{id_}", before, None)
    return row is not None


async def put(connection: Connection, messages: Sequence[Message]) -> None:
    """Into the outbox, in the caller's transaction."""
    webhooks = [one.webhook for one in messages]
    ids, bodies = [one.id for one in messages], [one.body for one in messages]
    await connection.execute(_PUT, webhooks, ids, bodies)
    await connection.execute(_CROWDED, sorted(set(webhooks)), WAITING_MAX)


async def read_wanted(connection: Connection) -> list[Wanted]:
    return [Wanted(**row) for row in await connection.fetch(_WANTED)]


async def read_told(connection: Connection) -> Mapping[str, Told]:
    return {row["room"]: Told(row["state"], row["since"]) for row in await connection.fetch(_TOLD)}


async def tell(connection: Connection, states: Mapping[str, str]) -> None:
    """Note what is told, in the transaction that puts it into the outbox."""
    await connection.execute(_TELL, list(states), list(states.values()))


@asynccontextmanager
async def looking(pool: Pool) -> AsyncIterator["Connection | None"]:
    """A transaction in which nobody else looks at the rooms; None: somebody does just now."""
    async with _connection(pool) as connection, connection.transaction():
        has_lock = await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK)
        yield connection if has_lock else None


@asynccontextmanager
async def writing(pool: Pool) -> AsyncIterator[Connection]:
    async with _connection(pool) as connection, connection.transaction():
        yield connection


async def take(pool: Pool, most: int, each_most: int = 1_000, but: Sequence[str] = ()) -> list[Delivery]:
    """Messages that are due, for this worker alone, as long as LEASE_SECONDS; so many for each webhook, and
    none for ``but``."""
    async with _connection(pool) as connection:
        rows = await connection.fetch(_TAKE, most, LEASE_SECONDS, each_most, list(but))
        return [Delivery(**row) for row in rows]


async def done(pool: Pool, delivery: Delivery) -> None:
    async with _connection(pool) as connection:
        await connection.execute(_DONE, delivery.id)


async def again(pool: Pool, delivery: Delivery, after_seconds: float, error: str) -> None:
    async with _connection(pool) as connection:
        await connection.execute(_LATER, delivery.id, after_seconds, error)


async def give_up(pool: Pool, delivery: Delivery, error: str, *, disable: bool = False) -> None:
    """The message stays to be looked at. ``disable``: the webhook wants no more of them."""
    async with _connection(pool) as connection, connection.transaction():
        await connection.execute(_GIVE_UP, delivery.id, error)
        if disable:
            await connection.execute(_DISABLE, delivery.webhook)


async def forget(pool: Pool) -> None:
    """What was given up long ago."""
    async with _connection(pool) as connection:
        await connection.execute(_FORGET, KEEP_DAYS)


@asynccontextmanager
async def _connection(pool: Pool) -> AsyncIterator[Connection]:
    try:
        async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
            yield connection
    except AWAY as error:
        raise StoreUnavailable(str(error) or type(error).__name__) from error


def _text(webhook: Webhook) -> str:
    told = msgspec.to_builtins(webhook)
    return msgspec.json.encode({k: told[k] for k in ("id", "agency", "room", "url", "events")}).decode()
