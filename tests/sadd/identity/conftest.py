from collections.abc import AsyncIterator

import asyncpg
import pytest

from sadd.identity.store import KeyStore


@pytest.fixture
async def pool(migrated_database_url: str) -> "AsyncIterator[asyncpg.Pool[asyncpg.Record]]":
    async with asyncpg.create_pool(migrated_database_url, min_size=1, max_size=4) as pool:
        yield pool


@pytest.fixture
def store(pool: "asyncpg.Pool[asyncpg.Record]") -> KeyStore:
    return KeyStore(pool)
