"""One worker, put together."""

import asyncio
from datetime import UTC, datetime

from structlog.testing import capture_logs

from sadd.app.compose import _write_last_used
from sadd.identity.record import KeyWish
from sadd.identity.ring import KeyRing
from sadd.identity.store import KeyStore
from sadd.postgres.pool import open_pool
from tests.waiting import eventually


async def test_a_worker_outlives_a_database_that_takes_no_writes(migrated_database_url: str) -> None:
    """When keys were last used is not worth a worker: whatever the database says, it is tried again."""
    async with await open_pool(migrated_database_url, pool_max=2, deadline_seconds=5.0) as pool:
        store, ring = KeyStore(pool), KeyRing()
        key, _ = await store.create(KeyWish("moehe", frozenset({"limits:check"})), datetime.now(UTC))
        await ring.load(pool)
        ring.authenticate(f"Bearer {key.text}")
        await pool.execute("ALTER TABLE api_key RENAME TO elsewhere")
        with capture_logs() as lines:
            writing = asyncio.create_task(_write_last_used(ring, pool, 0.01))
            await eventually(lambda: lines or writing.done())
            await pool.execute("ALTER TABLE elsewhere RENAME TO api_key")

            async def written() -> bool:
                return (await store.records())[0].last_used_at is not None

            try:
                await eventually(written)
            finally:
                writing.cancel()
                await asyncio.wait([writing])
