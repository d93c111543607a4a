"""API keys in PostgreSQL: create, list, revoke, each change with its audit row in one transaction.

Errors: ``UnknownKey`` when there is no such prefix. What asyncpg raises when the database is away goes
through; nothing was changed then, save that a connection which breaks during the commit leaves it unknown.

The table's own trigger announces a change to all workers (channel ``sadd_keys``) at commit.
"""

import json
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from sadd.identity.key import Key, mint
from sadd.identity.record import KeyRecord, KeyWish

CHANNEL = "sadd_keys"

_INSERT = """
    INSERT INTO api_key (prefix, hash, agency, scopes, label, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *
"""
_LIST = "SELECT * FROM api_key WHERE $1::text IS NULL OR agency = $1 ORDER BY agency, created_at, prefix"
_LOCK = "SELECT * FROM api_key WHERE prefix = $1 FOR UPDATE"
_REVOKE = "UPDATE api_key SET revoked_at = $2 WHERE prefix = $1 RETURNING *"
# By way of text, so that it does not matter which jsonb codec the pool has.
_AUDIT = """
    INSERT INTO audit (at, actor, action, subject, before, after)
    VALUES ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb)
"""


class UnknownKey(LookupError):
    """There is no key with this prefix."""


@dataclass(frozen=True, slots=True)
class KeyStore:
    """``actor`` is who the audit rows name: ``cli``, or the prefix of the calling key."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    actor: str = "cli"

    async def create(self, wish: KeyWish, now: datetime) -> tuple[Key, KeyRecord]:
        """A new key. Its secret exists only in this answer."""
        key = mint()
        row = (wish.agency, sorted(wish.scopes), wish.label, now, wish.expires_at)
        async with self.pool.acquire() as connection, connection.transaction():
            record = _record(await connection.fetchrow(_INSERT, key.prefix, key.hash, *row))
            await connection.execute(_AUDIT, *self._audit("keys.create", now, None, record))
        return key, record

    async def records(self, agency: str | None = None) -> list[KeyRecord]:
        """All keys, dead ones too, by agency and age."""
        return [_record(row) for row in await self.pool.fetch(_LIST, agency)]

    async def revoke(self, prefix: str, now: datetime) -> tuple[bool, KeyRecord]:
        """Whether this call revoked it, and the key. A second revocation changes nothing."""
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_LOCK, prefix)
            if row is None:
                raise UnknownKey(prefix)
            before = _record(row)
            if before.revoked_at is not None:
                return False, before
            after = _record(await connection.fetchrow(_REVOKE, prefix, now))
            await connection.execute(_AUDIT, *self._audit("keys.revoke", now, before, after))
        return True, after

    def _audit(
        self, action: str, now: datetime, before: KeyRecord | None, after: KeyRecord
    ) -> tuple[object, ...]:
        was = None if before is None else json.dumps(before.as_json())
        return now, self.actor, action, after.prefix, was, json.dumps(after.as_json())


def _record(row: asyncpg.Record | None) -> KeyRecord:
    """The row without its hash, which no answer and no audit row needs."""
    assert row is not None, "RETURNING gives the row"
    return KeyRecord(
        prefix=row["prefix"],
        agency=row["agency"],
        scopes=tuple(row["scopes"]),
        label=row["label"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
