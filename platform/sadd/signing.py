"""The platform's own signing keys: made once for all workers, kept in PostgreSQL, read at start.

They are kept in the clear; who reads the table can forge passes, so only the platform's role may. A rotation
inserts the next serial, and sets ``retired_at`` of the old one when nothing signed with it is left; workers
read the keys when they start.
"""

import secrets
from dataclasses import dataclass, field
from typing import Protocol

import asyncpg

PURPOSES = ("queue-ticket", "queue-pass", "session-pepper")
SECRET_BYTES = 32

_CREATE = """
INSERT INTO signing_keys (purpose, serial, key_id, secret) VALUES ($1, 1, $2, $3) ON CONFLICT DO NOTHING
"""
_READ = """
SELECT key_id, secret FROM signing_keys
WHERE purpose = $1 AND (retired_at IS NULL OR retired_at > now()) ORDER BY serial DESC
"""


class NoSigningKey(RuntimeError):
    """Every key of a purpose is retired: somebody retired the last one without making the next."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """Keys in force by purpose, newest first and never none. The newest signs, all are accepted."""

    queue_ticket: tuple[SigningKey, ...]
    queue_pass: tuple[SigningKey, ...]
    session_pepper: tuple[SigningKey, ...]


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
    tickets, passes, peppers = [await _in_force(pool, purpose) for purpose in PURPOSES]
    return SigningKeys(tickets, passes, peppers)


async def _in_force(pool: Pool, purpose: str) -> tuple[SigningKey, ...]:
    rows = await pool.fetch(_READ, purpose)
    if not rows:
        raise NoSigningKey(f"no {purpose} key is in force")
    return tuple(SigningKey(row["key_id"], row["secret"]) for row in rows)
