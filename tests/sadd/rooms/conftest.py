from collections.abc import AsyncIterator

import pytest

from sadd.postgres.pool import Pool, open_pool


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(migrated_database_url, pool_max=10, deadline_seconds=5)
    try:
        yield opened
    finally:
        await opened.close()
