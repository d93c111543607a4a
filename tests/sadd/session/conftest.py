"""Sessions on a real, empty Valkey, under a pepper made for the test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sadd.session.ids import Ids
from sadd.session.valkey import ValkeyStore
from tests.stores import StoppableValkey, connected, stoppable_valkey


@pytest.fixture
async def store(valkey_url: str) -> AsyncIterator[ValkeyStore]:
    async with connected(valkey_url) as client:
        yield ValkeyStore(client)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[StoppableValkey]:
    with stoppable_valkey(tmp_path) as server:
        yield server


@pytest.fixture
def ids() -> Ids:
    return Ids(b"p" * 32)
