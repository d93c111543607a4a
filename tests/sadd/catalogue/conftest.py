"""A pool on a fresh database with the shipped schema."""

from collections.abc import AsyncIterator

import pytest

from sadd.postgres.pool import Pool, open_pool


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(migrated_database_url, pool_max=8, deadline_seconds=5.0) as opened:
        yield opened
