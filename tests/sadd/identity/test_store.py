import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import pytest

from sadd.identity.caller import SCOPES
from sadd.identity.key import mint
from sadd.identity.record import KeyRecord, KeyWish
from sadd.identity.store import KeyStore, UnknownKey

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
NOW = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
WISH = KeyWish("moi", frozenset({"limits:check", "cache:read"}), "portal", NOW + timedelta(days=30))


async def _audit(pool: Pool) -> list[dict[str, Any]]:
    rows = await pool.fetch("SELECT * FROM audit ORDER BY id")
    return [
        {**row, "before": json.loads(row["before"] or "null"), "after": json.loads(row["after"])}
        for row in rows
    ]


async def test_create(store: KeyStore, pool: Pool) -> None:
    """A new key is listed with all that was asked for, and its hash alone is at rest."""
    key, record = await store.create(WISH, NOW)

    assert record == KeyRecord(
        key.prefix, "moi", ("cache:read", "limits:check"), "portal", NOW, NOW + timedelta(days=30), None, None
    )
    assert await store.records() == [record]
    assert await pool.fetchval("SELECT hash FROM api_key") == key.hash


async def test_secret_is_nowhere(store: KeyStore, pool: Pool) -> None:
    """No table holds the secret, and no audit row holds the hash."""
    key, _ = await store.create(WISH, NOW)
    await store.revoke(key.prefix, NOW)

    everything = str(await pool.fetch("SELECT k::text FROM api_key k UNION ALL SELECT a::text FROM audit a"))
    audited = str(await pool.fetch("SELECT a::text FROM audit a"))

    assert key.secret not in everything
    assert key.hash.hex() not in audited


async def test_rotation(store: KeyStore) -> None:
    """An agency has as many live keys as it likes; revoking one leaves the others."""
    old, _ = await store.create(WISH, NOW)
    new, _ = await store.create(WISH, NOW + timedelta(seconds=1))
    await store.revoke(old.prefix, NOW)

    states = {record.prefix: record.state(NOW) for record in await store.records("moi")}

    assert states == {old.prefix: "revoked", new.prefix: "live"}


async def test_agencies_apart(store: KeyStore) -> None:
    """The keys of one agency are listed without those of another."""
    await store.create(WISH, NOW)
    _, other = await store.create(replace(WISH, agency="moe"), NOW)

    assert await store.records("moe") == [other]
    assert len(await store.records()) == 2
    assert await store.records("none") == []


async def test_revoke(store: KeyStore) -> None:
    """A revoked key says when, and a second revocation changes nothing."""
    key, _ = await store.create(WISH, NOW)

    first = await store.revoke(key.prefix, NOW)
    second = await store.revoke(key.prefix, NOW + timedelta(hours=1))

    assert first[0] is True
    assert second == (False, first[1])
    assert first[1].revoked_at == NOW


async def test_revoke_unknown(store: KeyStore, pool: Pool) -> None:
    """Revoking what is no key is an error and leaves no audit row."""
    with pytest.raises(UnknownKey):
        await store.revoke(mint().prefix, NOW)
    assert await _audit(pool) == []


async def test_audit(pool: Pool) -> None:
    """Creating and revoking leave who, when, before and after; a second revocation leaves nothing."""
    store = KeyStore(pool, actor="admin-key")
    key, record = await store.create(WISH, NOW)
    later = NOW + timedelta(days=1)
    _, revoked = await store.revoke(key.prefix, later)
    await store.revoke(key.prefix, later)

    created_row, revoked_row = await _audit(pool)

    assert (created_row["actor"], created_row["at"], created_row["subject"]) == ("admin-key", NOW, key.prefix)
    assert (created_row["action"], created_row["before"], created_row["after"]) == (
        "keys.create",
        None,
        record.as_json(),
    )
    assert (revoked_row["action"], revoked_row["at"]) == ("keys.revoke", later)
    assert (revoked_row["before"], revoked_row["after"]) == (record.as_json(), revoked.as_json())


async def test_no_change_without_audit(store: KeyStore, pool: Pool) -> None:
    """A key whose audit row cannot be written is not made, and not revoked."""
    key, record = await store.create(WISH, NOW)
    await pool.execute("ALTER TABLE audit ADD CHECK (action = 'nothing') NOT VALID")

    with pytest.raises(asyncpg.CheckViolationError):
        await store.create(WISH, NOW)
    with pytest.raises(asyncpg.CheckViolationError):
        await store.revoke(key.prefix, NOW)

    assert await store.records() == [record]


@pytest.mark.parametrize(
    ("scopes", "label"),
    [
        (set(), ""),
        ({"limits:chek"}, ""),
        ({"limits:check", "root"}, ""),
        ({"limits:check"}, "x" * 101),
        ({"limits:check"}, "two\nlines"),
    ],
)
def test_impossible_wish(scopes: set[str], label: str) -> None:
    """A key that may do nothing, or what there is not, or has no plain label, cannot be asked for."""
    with pytest.raises(ValueError):
        KeyWish("moi", frozenset(scopes), label)


async def test_every_scope(store: KeyStore) -> None:
    """A key may have every scope that there is."""
    _, record = await store.create(replace(WISH, scopes=SCOPES), NOW)

    assert record.scopes == tuple(sorted(SCOPES))


def test_state() -> None:
    """A key expires at its very second, and revoked counts more than expired."""
    end = WISH.expires_at
    assert end is not None
    record = KeyRecord("p", "moi", (), "", NOW, end, None, None)

    assert record.state(end - timedelta(microseconds=1)) == "live"
    assert record.state(end) == "expired"
    assert replace(record, expires_at=None).state(end) == "live"
    assert replace(record, revoked_at=NOW).state(end) == "revoked"


@pytest.mark.parametrize(
    "change",
    [
        "hash = '\\x00'",
        "scopes = '{}'",
        "agency = ''",
        "prefix = 'Not-A-Prefix'",
        "expires_at = created_at",
    ],
)
async def test_table_refuses(store: KeyStore, pool: Pool, change: str) -> None:
    """The table itself refuses what no key can be, whoever writes it."""
    await store.create(WISH, NOW)

    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(f"UPDATE api_key SET {change}")
