"""The platform's own keys: made once for all workers, kept in PostgreSQL, read at start and when told.

They are kept in the clear; who reads the table can forge passes, so only the platform's role may. A rotation
inserts the next serial, which is accepted and published at once and signs from ``signs_from`` on, and sets
``retired_at`` of the older ones to when nothing that they signed is of use any more. The table's own trigger
announces a change to all workers (channel ``sadd_signing_keys``) at commit.
"""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import asyncpg

PURPOSES = ("queue-ticket", "queue-pass", "session-pepper", "seal", "logout-token")
ROTATED = ("queue-ticket", "queue-pass")
ROTATED_OF_SESSIONS = ("session-pepper", "seal")
"""Both accept the older key for as long as any session may live: with less, people would be signed out."""
LOGOUT_TOKENS = "logout-token"
"""Rotated too; a token is good for two minutes."""
SECRET_BYTES = 32
CHANNEL = "sadd_signing_keys"

_CREATE = """
INSERT INTO signing_keys (purpose, serial, key_id, secret) VALUES ($1, 1, $2, $3) ON CONFLICT DO NOTHING
"""
_READ = """
SELECT key_id, secret, extract(epoch FROM signs_from)::float8 AS signs_from_s FROM signing_keys
WHERE purpose = $1 AND (retired_at IS NULL OR retired_at > now()) ORDER BY serial DESC
"""
_NEXT = """
INSERT INTO signing_keys (purpose, serial, key_id, secret, signs_from)
SELECT $1, max(serial) + 1, $2, $3, $4 FROM signing_keys WHERE purpose = $1
HAVING max(serial) IS NOT NULL
RETURNING serial
"""
_RETIRE = """
UPDATE signing_keys SET retired_at = $2 WHERE purpose = $1 AND serial < $3 AND retired_at IS NULL
"""
# By way of text, so that it does not matter which jsonb codec the pool has.
_AUDIT = """
INSERT INTO audit (at, actor, action, subject, before, after)
VALUES ($1, $2, 'signing_keys.rotate', $3, NULL, $4::text::jsonb)
"""


class NoSigningKey(RuntimeError):
    """Every key of a purpose is retired: somebody retired the last one without making the next."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    id: str
    secret: bytes = field(repr=False)
    signs_from_s: float = 0.0
    """Seconds since the epoch; before it the key is accepted and does not sign."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """Keys in force by purpose, newest first and never none. All are accepted; ``signer`` tells who signs."""

    queue_ticket: tuple[SigningKey, ...]
    queue_pass: tuple[SigningKey, ...]
    session_pepper: tuple[SigningKey, ...]
    seal: tuple[SigningKey, ...] = ()
    """Of what is at rest in the store; not empty once it was read from the database."""
    logout_token: tuple[SigningKey, ...] = ()
    """Of what we tell relying parties; as above."""


def signer(keys: Sequence[SigningKey], now_s: float | None = None) -> SigningKey:
    """The newest whose time has come; the oldest if none's has."""
    now_s = time.time() if now_s is None else now_s
    return next((key for key in keys if key.signs_from_s <= now_s), keys[-1])


class Pool(Protocol):
    """What is asked of the database."""

    async def execute(self, query: str, *args: object) -> str: ...

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]: ...


async def load_signing_keys(pool: Pool) -> SigningKeys:
    """The keys in force; what is missing is made first. Workers that start together agree on one set.

    The primary key decides who made it: of several inserts of serial 1 one wins, and all read that one.
    """
    for purpose in PURPOSES:
        await pool.execute(_CREATE, purpose, secrets.token_hex(4), secrets.token_bytes(SECRET_BYTES))
    return await read_signing_keys(pool)


async def read_signing_keys(pool: Pool) -> SigningKeys:
    """The keys in force. Raises NoSigningKey."""
    return SigningKeys(*[await _in_force(pool, purpose) for purpose in PURPOSES])


async def _in_force(pool: Pool, purpose: str) -> tuple[SigningKey, ...]:
    rows = await pool.fetch(_READ, purpose)
    if not rows:
        raise NoSigningKey(f"no {purpose} key is in force")
    return tuple(SigningKey(row["key_id"], row["secret"], row["signs_from_s"]) for row in rows)


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation of one purpose did."""

    purpose: str
    key_id: str
    signs_from: datetime
    retires: datetime
    """When the keys before it are no longer accepted."""


async def rotate(
    pool: "asyncpg.Pool[asyncpg.Record]",
    purpose: str,
    *,
    now: datetime,
    signs_in: timedelta,
    keep: timedelta,
    actor: str = "cli",
) -> Rotation:
    """The next key, in one transaction with the end of the older ones. Two at once make two keys, one after
    the other. ValueError: a purpose that is not rotated. NoSigningKey: there is none yet to be followed.
    """
    if purpose not in (*ROTATED, *ROTATED_OF_SESSIONS, LOGOUT_TOKENS):
        raise ValueError(f"keys of {purpose} are not rotated")
    done = Rotation(purpose, secrets.token_hex(4), now + signs_in, now + signs_in + keep)
    secret = secrets.token_bytes(SECRET_BYTES)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE")
        serial = await connection.fetchval(_NEXT, purpose, done.key_id, secret, done.signs_from)
        if serial is None:
            raise NoSigningKey(f"no {purpose} key was made yet: start the platform once")
        await connection.execute(_RETIRE, purpose, done.retires, serial)
        told = {
            "key_id": done.key_id,
            "signs_from": done.signs_from.isoformat(),
            "older_until": done.retires.isoformat(),
        }
        await connection.execute(_AUDIT, now, actor, purpose, json.dumps(told))
    return done
