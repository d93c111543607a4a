"""A change of one worker's, or of nobody's, reaches the others through PostgreSQL alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeAlias

import asyncpg
import pytest

from sadd.identity.key import Key
from sadd.identity.record import KeyWish
from sadd.identity.ring import KeyRing
from sadd.identity.store import CHANNEL, KeyStore
from sadd.postgres.listen import Listener
from tests.waiting import eventually

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
WISH = KeyWish("moi", frozenset({"limits:check"}))


@asynccontextmanager
async def _worker(url: str, pool: Pool) -> AsyncIterator[KeyRing]:
    """A worker's ring, fed by a Listener of its own as the application does it."""
    ring, listener = KeyRing(), Listener(url)
    listener.watch(CHANNEL, lambda: ring.load(pool))
    running = asyncio.create_task(listener.run())
    try:
        await eventually(lambda: ring.stats().loads > 0)
        yield ring
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture
async def worker(migrated_database_url: str, pool: Pool) -> AsyncIterator[KeyRing]:
    async with _worker(migrated_database_url, pool) as ring:
        yield ring


@pytest.fixture
async def other(migrated_database_url: str, pool: Pool) -> AsyncIterator[KeyRing]:
    async with _worker(migrated_database_url, pool) as ring:
        yield ring


def _now() -> datetime:
    return datetime.now(UTC)


def _knows(ring: KeyRing, key: Key) -> bool:
    return ring.authenticate(f"Bearer {key.text}") is not None


async def _live_key(store: KeyStore, *rings: KeyRing) -> Key:
    key, _ = await store.create(WISH, _now())
    await eventually(lambda: all(_knows(ring, key) for ring in rings))
    return key


async def _gone(ring: KeyRing, key: Key) -> None:
    await eventually(lambda: not _knows(ring, key))


async def test_in_every_worker(store: KeyStore, worker: KeyRing, other: KeyRing) -> None:
    """A new key opens, and a revoked one no longer does, in every worker: each is told at once."""
    key = await _live_key(store, worker, other)

    await store.revoke(key.prefix, _now())
    await eventually(lambda: not _knows(worker, key) and not _knows(other, key))
    assert not _knows(worker, key)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE api_key SET revoked_at = now()",
        "UPDATE api_key SET expires_at = now()",
        "DELETE FROM api_key",
        "TRUNCATE api_key",
    ],
)
async def test_by_hand(store: KeyStore, worker: KeyRing, pool: Pool, statement: str) -> None:
    """A change by hand in psql is told as well."""
    key = await _live_key(store, worker)

    await pool.execute(statement)

    await _gone(worker, key)


async def test_fewer_scopes(store: KeyStore, worker: KeyRing, pool: Pool) -> None:
    """A scope that is taken away is gone."""
    key, _ = await store.create(replace(WISH, scopes=frozenset({"limits:check", "cache:read"})), _now())
    await eventually(lambda: _knows(worker, key))

    await pool.execute("UPDATE api_key SET scopes = '{cache:read}'")

    def scopes() -> frozenset[str]:
        caller = worker.authenticate(f"Bearer {key.text}")
        assert caller is not None
        return caller.scopes

    await eventually(lambda: scopes() == {"cache:read"})


async def test_rolled_back(store: KeyStore, worker: KeyRing, pool: Pool) -> None:
    """A revocation that is rolled back never counted."""
    key = await _live_key(store, worker)
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("UPDATE api_key SET revoked_at = now()")
        await transaction.rollback()
    # A later change is announced after it would have been.
    later = await _live_key(store, worker)

    assert _knows(worker, later)
    assert _knows(worker, key)


async def test_last_used_tells_nobody(store: KeyStore, worker: KeyRing, pool: Pool) -> None:
    """Writing when keys were used makes no worker load."""
    await _live_key(store, worker)
    loads = worker.stats().loads
    assert await worker.write_last_used(pool) == 1
    await _live_key(store, worker)  # announced after whatever the writing would have announced

    assert worker.stats().loads == loads + 1


async def test_lost_connection(store: KeyStore, worker: KeyRing, pool: Pool) -> None:
    """A revocation whose notice is lost with the connection counts once the worker has connected again."""
    key = await _live_key(store, worker)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE api_key SET revoked_at = now()")
        # The listeners are cut off before the commit that would have told them.
        cut_off = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        assert len(cut_off) == 1

    await eventually(lambda: not _knows(worker, key))


async def test_no_request_sees_half(store: KeyStore, worker: KeyRing) -> None:
    """While keys come and go, a key that stays is known at every moment."""
    stays = await _live_key(store, worker)
    missed = 0
    for _ in range(20):
        key = await _live_key(store, worker)
        await store.revoke(key.prefix, _now())
        missed += not _knows(worker, stays)
        await _gone(worker, key)
        missed += not _knows(worker, stays)

    assert missed == 0
