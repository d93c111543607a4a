"""A pool on a fresh database with the shipped schema, and the engine on an empty Valkey."""

from collections.abc import AsyncIterator

import pytest

from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore
from sadd.postgres.pool import Pool, open_pool
from tests.stores import connected


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(migrated_database_url, pool_max=8, deadline_seconds=5.0) as opened:
        yield opened


@pytest.fixture
async def limiter(valkey_url: str) -> AsyncIterator[Limiter]:
    async with connected(valkey_url) as client:
        yield Limiter(ValkeyStore(client))
