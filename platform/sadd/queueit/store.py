"""The connections in PostgreSQL, each change with its audit row in one transaction.

What asyncpg raises when the database is away goes through; nothing was changed then. Audit rows never have
the secret, only that it was made anew.
"""

import secrets
from typing import TypeAlias

import asyncpg
import msgspec

from sadd.postgres.pool import Pool
from sadd.queueit.connection import Connection, ConnectionSettings

CHANNEL = "sadd_queueit"
"""Notified by the table's own trigger when a change is committed."""

SECRET_BYTES = 32

Executor: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

_DECODER = msgspec.json.Decoder(ConnectionSettings)

_READ = "SELECT settings::text, secret, version FROM queueit_connection ORDER BY customer"
_LOCK = "SELECT settings::text, secret, version FROM queueit_connection WHERE customer = $1 FOR UPDATE"
_WRITE = """
INSERT INTO queueit_connection (customer, settings, secret) VALUES ($1, $2::text::jsonb, $3)
ON CONFLICT (customer) DO UPDATE
SET settings = EXCLUDED.settings, secret = EXCLUDED.secret, at = now(),
    version = queueit_connection.version + 1
RETURNING settings::text, secret, version
"""
_DELETE = "DELETE FROM queueit_connection WHERE customer = $1"
_AUDIT = """
INSERT INTO audit (actor, action, subject, before, after)
VALUES ($1, $2, $3, $4::text::jsonb, $5::text::jsonb)
"""


class UnknownCustomer(LookupError):
    """No site is connected under this name."""


async def read(pool: Pool) -> dict[str, Connection]:
    """All of them, by customer. msgspec.ValidationError: a newer release wrote what this one cannot read."""
    async with pool.acquire() as connection:
        return {
            one.settings.customer: one for row in await connection.fetch(_READ) if (one := _connection(row))
        }


async def connect(
    pool: Pool, settings: ConnectionSettings, actor: str, *, new_secret: bool = False
) -> Connection:
    """Make the connection, or change it; the secret is made at first, later only when asked for.

    The settings must have no findings: that is for the caller to see to.
    """
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_LOCK, settings.customer)
        before = None if row is None else _connection(row)
        fresh = before is None or new_secret
        secret = secrets.token_hex(SECRET_BYTES) if before is None or new_secret else before.secret
        text = msgspec.json.encode(settings).decode()
        after = await connection.fetchrow(_WRITE, settings.customer, text, secret)
        assert after is not None, "RETURNING gives the row"
        await _note(connection, actor, "queueit.connect", before, settings, new_secret=fresh)
        return _connection(after)


async def disconnect(pool: Pool, customer: str, actor: str) -> None:
    """End it: its tokens are good until they end, new ones are not made. Raises UnknownCustomer."""
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_LOCK, customer)
        if row is None:
            raise UnknownCustomer(customer)
        await connection.execute(_DELETE, customer)
        await _note(connection, actor, "queueit.disconnect", _connection(row), None, new_secret=False)


async def _note(
    connection: Executor,
    actor: str,
    action: str,
    before: Connection | None,
    after: ConnectionSettings | None,
    *,
    new_secret: bool,
) -> None:
    about = after if after is not None else before.settings if before is not None else None
    assert about is not None, "a change is of something"
    was = None if before is None else msgspec.json.encode(before.settings).decode()
    told = None if after is None else {"settings": after, "new_secret": new_secret}
    now = None if told is None else msgspec.json.encode(told).decode()
    await connection.execute(_AUDIT, actor, action, f"queueit/{about.customer}", was, now)


def _connection(row: asyncpg.Record) -> Connection:
    return Connection(_DECODER.decode(row["settings"]), row["version"], row["secret"])
