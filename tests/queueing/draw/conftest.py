from collections.abc import AsyncIterator

import pytest

from queueing.draw.draws import Draws
from queueing.draw.postgres import PostgresDraws
from sadd.postgres.pool import AWAY, Pool, open_pool
from tests.queueing.draw.chain import OURS
from tests.queueing.draw.scene import REFUSED, Scene


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(migrated_database_url, pool_max=8, deadline_seconds=10)
    yield pool
    await pool.close()


@pytest.fixture
async def scene(pool: Pool) -> Scene:
    draws = Draws(PostgresDraws(pool, AWAY, REFUSED, OURS), chain=OURS)
    await draws.refresh()
    return Scene(pool, draws)
