"""Rooms on a real, empty Valkey, with keys made for the test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from queueing.passes import PassKey, PassOffice
from queueing.policy import Room
from queueing.ticket import TicketKeys, TicketOffice
from queueing.valkey import ValkeyStore
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
def tickets() -> TicketOffice:
    return TicketOffice(TicketKeys("0000000a", {"0000000a": b"t" * 32}))


@pytest.fixture(scope="session")
def passes() -> PassOffice:
    return PassOffice([PassKey("0000000b", b"p" * 32)])


@pytest.fixture
def room() -> Room:
    """60 a minute, three at once; a minute to claim, ten minutes inside."""
    return Room("results", 60, 3, 60_000, 600_000)
