"""A connection of one's own that hears what the store tells."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sadd.valkey.errors import StoreAway
from tests.stores import StoppableValkey, connected, stoppable_valkey
from tests.waiting import eventually

CHANNELS = (b"one", b"two")


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[StoppableValkey]:
    with stoppable_valkey(tmp_path) as server:
        yield server


class Ears:
    def __init__(self) -> None:
        self.heard: list[tuple[bytes, bytes]] = []
        self.lost = 0

    def hear(self, channel: bytes, said: bytes) -> None:
        self.heard.append((channel, said))

    def lose(self) -> None:
        self.lost += 1


async def test_what_is_told_is_heard_in_order(valkey_url: str) -> None:
    """On both channels, in the order of the store, while the shared connection goes on with its calls."""
    async with connected(valkey_url) as client:
        ears = Ears()
        connection = await client.listen(b"k", CHANNELS, ears.hear, ears.lose)
        await asyncio.gather(
            *(client.command("PUBLISH", CHANNELS[number % 2], str(number)) for number in range(500))
        )
        await eventually(lambda: len(ears.heard) == 500)
        assert ears.heard == [(CHANNELS[number % 2], str(number).encode()) for number in range(500)]
        assert ears.lost == 0
        connection.abort()
        assert ears.lost == 1


async def test_its_end_is_told_once(own_valkey: StoppableValkey) -> None:
    """The store dies: whoever listens learns of it, and may listen again when the store is back."""
    async with connected(own_valkey.url) as client:
        ears = Ears()
        await client.listen(b"k", CHANNELS, ears.hear, ears.lose)
        own_valkey.stop()
        await eventually(lambda: ears.lost == 1)
        with pytest.raises(StoreAway):
            await client.listen(b"k", CHANNELS, ears.hear, ears.lose)
        own_valkey.start()
        await eventually(lambda: client.stats().breaker == "closed")
        connection = await client.listen(b"k", CHANNELS, ears.hear, ears.lose)
        await eventually(lambda: client.command("PUBLISH", b"one", b"again"))
        await eventually(lambda: (b"one", b"again") in ears.heard)
        connection.abort()


async def test_a_node_alone_is_one_primary(valkey_url: str) -> None:
    """The same key each time, so who compares finds that nothing moved."""
    async with connected(valkey_url) as client:
        assert client.key_of_each(b"canary:") == client.key_of_each(b"canary:")
        assert list(client.key_of_each(b"canary:")) == [b"canary:"]
