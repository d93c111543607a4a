"""Real Sentinel: safe settings, a fail-over, and what is refused."""

import contextlib
from collections.abc import Iterator

import pytest

from sadd.valkey.errors import StoreAway, StoreRefused
from sadd.valkey.sentinel import fence_fault
from sadd.valkey.topology import open_client
from tests.sadd.valkey.fleet import Watched, opened, under_load
from tests.waiting import eventually


@pytest.mark.parametrize(
    ("name", "unsafe", "said"),
    [
        ("min-replicas-to-write", 0, "min-replicas-to-write is 0; accepted: 1 or more"),
        ("min-replicas-max-lag", 10, "min-replicas-max-lag is 10; accepted: 1 to 2"),
    ],
)
async def test_an_open_fence_is_refused(sentinel: Watched, name: str, unsafe: int, said: str) -> None:
    """Without the fence a fail-over leaves two writable primaries: start-up stops with one line."""
    with _setting(sentinel, name, unsafe), pytest.raises(StoreRefused, match=said):
        await open_client(sentinel.url, deadline_ms=250, max_in_flight=10)


async def test_a_hasty_sentinel_is_refused(sentinel: Watched) -> None:
    """down-after below 3000 ms made Sentinel fail over twice, and lose writes."""
    sentinel.set_down_after(1000)
    try:
        with pytest.raises(StoreRefused, match="down-after-milliseconds is 1000; accepted: 3000 or more"):
            await open_client(sentinel.url, deadline_ms=250, max_in_flight=10)
    finally:
        sentinel.set_down_after(3000)


async def test_an_unknown_service_is_away(sentinel: Watched) -> None:
    """The service's name is told: it is the likely mistake."""
    url = sentinel.url.replace("/main", "/mian")
    with pytest.raises(StoreAway, match="mian"):
        await open_client(url, deadline_ms=250, max_in_flight=10)


async def test_a_killed_primary_is_followed_to_the_new_one(sentinel: Watched) -> None:
    """kill -9 of the primary: refusals meanwhile, then writes go on at the new one, nothing lost."""
    async with opened(sentinel.url) as client:
        async with under_load(client, repeat_safe=False, workers=8) as load:
            await eventually(lambda: load.acknowledged.total() > 200)
            before = client.incarnation(b"key")
            sentinel.primary.kill()
            await eventually(lambda: client.stats().breaker != "closed")
            await eventually(lambda: client.stats().breaker == "closed")
            acknowledged = load.acknowledged.total()
            await eventually(lambda: load.acknowledged.total() > acknowledged + 200)
            assert client.incarnation(b"key") != before  # a replica may lag
        assert all(isinstance(error, ConnectionError | TimeoutError) for error in load.errors)
        assert await load.lost() == 0


def test_the_fence_says_the_first_fault() -> None:
    """Both settings count, and a lag of nought would switch the fence off."""
    assert fence_fault({"min-replicas-to-write": 1, "min-replicas-max-lag": 2}) == ""
    assert "to-write is 0" in fence_fault({"min-replicas-max-lag": 2})
    assert "max-lag is 0" in fence_fault({"min-replicas-to-write": 1, "min-replicas-max-lag": 0})
    assert "max-lag is 3" in fence_fault({"min-replicas-to-write": 2, "min-replicas-max-lag": 3})


@contextlib.contextmanager
def _setting(sentinel: Watched, name: str, value: int) -> Iterator[None]:
    sentinel.set(name, value)
    try:
        yield
    finally:
        sentinel.set("min-replicas-to-write", 1)
        sentinel.set("min-replicas-max-lag", 2)
