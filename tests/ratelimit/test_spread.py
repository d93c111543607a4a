"""Retries that do not come back together."""

import asyncio
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.check import Check
from ratelimit.limiter import Limiter
from ratelimit.policy import Policy
from ratelimit.spread import MS_MAX, SHARE, Spread
from ratelimit.valkey import ValkeyStore
from tests.stores import connected

CLIENTS = 10_000


def peak_to_mean(times_ms: list[int], bins: int = 20) -> float:
    """The fullest of equal parts of the time in which they come back, against the mean of all parts."""
    first, last = min(times_ms), max(times_ms)
    width = (last - first + 1) / bins
    counts = Counter(int((time - first) / width) for time in times_ms)
    return max(counts.values()) / (len(times_ms) / bins)


@pytest.mark.parametrize("wait_ms", [1_000, 60_000, 3_600_000])
@pytest.mark.parametrize("workers", [1, 4])
def test_ten_thousand_denied_at_once_come_back_evenly(wait_ms: int, workers: int) -> None:
    """At no more than 1.2 times the mean rate, whatever their keys, from one worker or from four."""
    spreads = [Spread() for _ in range(workers)]
    times = [spreads[n % workers].over(wait_ms) for n in range(CLIENTS)]
    assert min(times) >= wait_ms
    assert peak_to_mean(times) <= 1.2


def test_many_workers_that_refuse_a_few_each_spread_them_too() -> None:
    """64 workers, ten callers each: beginning at one place, 64 would come back in one instant, ten times."""
    chance = random.Random(1)
    spreads = [Spread(at=chance.random()) for _ in range(64)]
    times = [spread.over(10_000) for spread in spreads for _ in range(10)]
    assert peak_to_mean(times) <= 1.5


@pytest.mark.parametrize("shared", [True, False], ids=["one key", "a key each"])
async def test_so_do_those_of_a_real_limit(valkey_url: str, shared: bool) -> None:
    """10,000 clients of a used-up quota, of one key or of one each: never earlier than the quota's end."""
    policy = Policy("crowd", 1, 3600, 1)
    async with connected(valkey_url) as client:
        limiter = Limiter(ValkeyStore(client))
        keys = ["all" if shared else str(n) for n in range(CLIENTS)]
        await limiter.check_many([Check(policy, key) for key in keys])
        denied = await limiter.check_many([Check(policy, key) for key in keys])
        true_ms = (await Limiter(ValkeyStore(client), spread=Spread(0)).check(policy, keys[0])).retry_after_ms
    waits = [decision.retry_after_ms for decision in denied]
    assert true_ms is not None
    times = [wait for wait in waits if wait is not None]
    assert len(times) == CLIENTS
    assert min(times) >= true_ms
    assert peak_to_mean(times) <= 1.2


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=50))
def test_never_earlier_and_never_much_later(waits: list[int]) -> None:
    """Between the true time and a half more, 30 seconds at most."""
    spread = Spread()
    for wait in waits:
        assert wait <= spread.over(wait) <= wait + min(wait * SHARE, MS_MAX)


def test_the_first_is_told_the_true_time() -> None:
    """Where nobody else is refused there is nothing to spread; and share 0 spreads nothing."""
    assert Spread().over(1000) == 1000
    plain = Spread(0)
    assert {plain.over(1000) for _ in range(10)} == {1000}


async def test_a_store_that_is_away_spreads_too(valkey_url: str) -> None:
    """All clients of a closed policy are refused at one instant: they come back over half a second."""
    policy = Policy("closed", 1, 60, 1, "closed")
    async with connected(valkey_url) as client:
        limiter = Limiter(ValkeyStore(client))
        await client.aclose()
        denied = await asyncio.gather(*(limiter.check(policy, str(n)) for n in range(200)))
    waits = {decision.retry_after_ms for decision in denied}
    assert len(waits) > 150
