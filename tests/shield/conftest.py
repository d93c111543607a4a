"""One origin and one shield in front of it for each module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import redis

from tests.shield.origin import Origin, origin
from tests.shield.scene import Scene, shielded


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _origin(_valkey_server: str) -> AsyncIterator[Origin]:
    with redis.Redis.from_url(_valkey_server) as client:
        client.flushall()  # other modules ask for the same pages, and what cannot be shared is remembered
    async with origin(_valkey_server) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _shield(_origin: Origin) -> AsyncIterator[Scene]:
    async with shielded(_origin) as scene:
        yield scene


@pytest.fixture
def site(_origin: Origin) -> Origin:
    """The module's origin, which was asked nothing yet and knows no pages."""
    _origin.asked.clear()
    _origin.says.clear()
    if _origin.hold is not None:
        _origin.hold.set()
    _origin.hold = None
    return _origin


@pytest_asyncio.fixture(loop_scope="module")
async def shield(_shield: Scene) -> Scene:
    """The module's shield, which has kept nothing yet."""
    await _shield.forget()
    return _shield
