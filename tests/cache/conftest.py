"""The cache's store on a real, empty Valkey."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cache.valkey import ValkeyStore
from tests.stores import StoppableValkey, connected, stoppable_valkey


@pytest.fixture
async def store(valkey_url: str) -> AsyncIterator[ValkeyStore]:
    async with connected(valkey_url) as client:
        yield ValkeyStore(client)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[StoppableValkey]:
    with stoppable_valkey(tmp_path) as server:
        yield server
