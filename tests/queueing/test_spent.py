"""A pass is let through once, whichever worker and however many devices show it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from queueing.spent import REPEAT_MS, SpentPasses
from queueing.store import StoreUnavailable
from tests.stores import StoppableValkey, connected

MINE, HIS = b"12345678", b"87654321"
KEEP_MS = 60_000


class Clock:
    """Seconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def spent(valkey_url: str, clock: Clock) -> AsyncIterator[SpentPasses]:
    async with connected(valkey_url) as client:
        yield SpentPasses(client, clock=clock)


async def test_once(spent: SpentPasses) -> None:
    """The first who shows it is in; a second device is not, at any time."""
    assert await spent.spend("results", "p1", MINE, KEEP_MS) == "first"
    assert await spent.spend("results", "p1", HIS, KEEP_MS) == "spent"
    assert await spent.spend("results", "p2", HIS, KEEP_MS) == "first"
    assert await spent.spend("other", "p1", HIS, KEEP_MS) == "first"


async def test_a_reload_is_the_same_request(spent: SpentPasses, clock: Clock) -> None:
    """For ten seconds, whose answer may have been lost on its way; not after."""
    await spent.spend("results", "p1", MINE, KEEP_MS)
    clock.now += REPEAT_MS / 1000
    assert await spent.spend("results", "p1", MINE, KEEP_MS) == "again"
    clock.now += 0.1
    assert await spent.spend("results", "p1", MINE, KEEP_MS) == "spent"


async def test_of_a_hundred_devices_one_is_in(valkey_url: str) -> None:
    """Two workers, a hundred at the same moment: the store decides."""
    async with connected(valkey_url) as one, connected(valkey_url) as two:
        workers = [SpentPasses(one), SpentPasses(two)]
        found = await asyncio.gather(
            *(
                workers[number % 2].spend("results", "p1", number.to_bytes(8, "big"), KEEP_MS)
                for number in range(100)
            )
        )
    assert sorted(found) == ["first"] + ["spent"] * 99


async def test_it_is_remembered_while_the_pass_lasts(valkey_url: str, spent: SpentPasses) -> None:
    """And not much longer: nothing is kept for good."""
    await spent.spend("results", "p1", MINE, KEEP_MS)
    async with connected(valkey_url) as client:
        key = b"queue:{results}:spent:p1"
        left_ms = await client.command("PTTL", key, key=key)
    assert isinstance(left_ms, int)
    assert KEEP_MS - 5_000 < left_ms <= KEEP_MS


async def test_the_store_is_away(own_valkey: StoppableValkey) -> None:
    """Nobody can say whether it was spent."""
    async with connected(own_valkey.url, deadline_ms=2_000) as client:
        own_valkey.stop()
        with pytest.raises(StoreUnavailable):
            await SpentPasses(client).spend("results", "p1", MINE, KEEP_MS)
