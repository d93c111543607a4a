"""Keys known to be over: no trip, true numbers, bounded memory, and nobody is shut out for long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.check import Check
from ratelimit.known import KNOWN_US_MAX, KnownOver
from ratelimit.limiter import Limiter
from ratelimit.policy import Policy
from ratelimit.spread import Spread
from ratelimit.valkey import ValkeyStore
from tests.stores import StoppableValkey, connected


class Clock:
    def __init__(self) -> None:
        self.us = 1_000_000

    def __call__(self) -> int:
        return self.us


@pytest.mark.parametrize(
    "policy",
    [Policy("over-g", 1, 60, 2), Policy.sliding("over-s", 2, 60), Policy.quota("over-c", 2, "day")],
    ids=lambda policy: policy.id,
)
async def test_a_key_that_is_over_is_refused_without_a_trip(valkey_url: str, policy: Policy) -> None:
    """A thousand refusals are one call; their times go on running, and end when the store's would."""
    clock = Clock()
    async with connected(valkey_url) as client:
        limiter = Limiter(ValkeyStore(client), spread=Spread(0), now_us=clock)
        for _ in range(2):
            assert (await limiter.check(policy, "k")).allowed
        first = await limiter.check(policy, "k")
        before = client.stats().calls
        clock.us += KNOWN_US_MAX // 2
        for _ in range(1000):
            again = await limiter.check(policy, "k")
        assert client.stats().calls == before
        assert (again.allowed, again.decided_by, again.remaining) == (False, "memory", 0)
        assert first.retry_after_ms is not None
        assert again.retry_after_ms is not None
        assert first.retry_after_ms - again.retry_after_ms == KNOWN_US_MAX // 2000
        assert first.reset_after_ms - again.reset_after_ms == KNOWN_US_MAX // 2000
        stats = limiter.stats()
    assert (stats.known_hits, stats.known_keys) == (1000, 1)


async def test_the_store_is_asked_again_after_a_second(valkey_url: str) -> None:
    """So long may a refund or a reset by another worker go unnoticed, and no longer."""
    policy, clock = Policy("again", 1, 3600, 1), Clock()
    async with connected(valkey_url) as one, connected(valkey_url) as two:
        here, there = Limiter(ValkeyStore(one), now_us=clock), Limiter(ValkeyStore(two))
        await here.check(policy, "k")
        assert not (await here.check(policy, "k")).allowed
        assert await there.reset(policy, "k")
        assert (await here.check(policy, "k")).decided_by == "memory"
        clock.us += KNOWN_US_MAX
        assert (await here.check(policy, "k")).allowed


@pytest.mark.parametrize(
    "policy",
    [Policy("away-g", 1, 3600, 1), Policy.sliding("away-s", 4, 3600), Policy.quota("away-c", 4, "day")],
    ids=lambda policy: policy.id,
)
async def test_a_key_that_is_over_stays_so_while_the_store_is_away(
    own_valkey: StoppableValkey, policy: Policy
) -> None:
    """Until its true time, alone or with others, though a fresh share would have let it pass."""
    clock, other = Clock(), Policy("other", 10, 60, 10)
    async with connected(own_valkey.url, deadline_ms=2_000) as client:
        limiter = Limiter(ValkeyStore(client), spread=Spread(0), now_us=clock)
        while (refused := await limiter.check(policy, "k")).allowed:
            pass
        own_valkey.stop()
        clock.us += 2 * KNOWN_US_MAX
        again = await limiter.check(policy, "k")
        assert (again.allowed, again.remaining, again.decided_by) == (False, 0, "memory")
        assert refused.retry_after_ms is not None
        assert again.retry_after_ms == refused.retry_after_ms - 2000
        assert not (await limiter.check_many([Check(policy, "k")]))[0].allowed
        verdict = await limiter.check_together([Check(other, "k"), Check(policy, "k")])
        assert (verdict.allowed, verdict.denied_by) == (False, verdict.decisions[1])
        assert (await limiter.check(other, "k")).remaining == 9
        assert (await limiter.check(policy, "l")).fallback == "local"
        clock.us += again.retry_after_ms * 1000
        assert (await limiter.check(policy, "k")).allowed


async def test_what_the_store_allows_is_over_no_more(own_valkey: StoppableValkey) -> None:
    """A reset by another worker that this one has seen holds while the store is away, too."""
    policy, clock = Policy("seen", 1, 3600, 2), Clock()
    async with connected(own_valkey.url, deadline_ms=2_000) as one, connected(own_valkey.url) as two:
        here, there = Limiter(ValkeyStore(one), now_us=clock), Limiter(ValkeyStore(two))
        while (await here.check(policy, "k")).allowed:
            pass
        await there.reset(policy, "k")
        clock.us += KNOWN_US_MAX
        assert (await here.check(policy, "k")).allowed
        own_valkey.stop()
        assert (await here.check(policy, "k")).allowed


async def test_a_refund_and_a_reset_open_the_key_here_at_once(valkey_url: str) -> None:
    """In the worker that did it nothing is remembered; never below nothing used."""
    policy = Policy("open", 1, 3600, 2)
    async with connected(valkey_url) as client:
        limiter = Limiter(ValkeyStore(client))
        for undo in (limiter.refund(policy, "k", 1), limiter.reset(policy, "k")):
            while (await limiter.check(policy, "k")).allowed:
                pass
            await undo
            assert (await limiter.check(policy, "k")).allowed
        assert (await limiter.refund(policy, "k", 1_000_000)).remaining == 2
        assert not await limiter.reset(policy, "k")


async def test_other_numbers_are_another_policy(valkey_url: str) -> None:
    """A policy that was made looser opens its keys at once."""
    async with connected(valkey_url) as client:
        limiter = Limiter(ValkeyStore(client))
        strict, loose = Policy("changed", 1, 3600, 1), Policy("changed", 1, 3600, 5)
        await limiter.check(strict, "k")
        assert not (await limiter.check(strict, "k")).allowed
        assert (await limiter.check(loose, "k")).allowed


async def test_higher_costs_ask_the_store(valkey_url: str) -> None:
    """How long they must wait only the store knows; and a refused high cost says nothing about a low one."""
    policy = Policy("costs", 1, 60, 5)
    async with connected(valkey_url) as client:
        limiter = Limiter(ValkeyStore(client), spread=Spread(0))
        await limiter.check(policy, "k", 3)
        assert not (await limiter.check(policy, "k", 3)).allowed
        assert (await limiter.check(policy, "k", 2)).allowed
        assert not (await limiter.check(policy, "k")).allowed
        refused = await limiter.check(policy, "k", 2)
        assert refused.decided_by == "store"
        assert refused.retry_after_ms is not None
        assert refused.retry_after_ms > 60_000


async def test_together_a_known_one_denies_at_once(valkey_url: str) -> None:
    """No trip; the verdict holds the one that is known."""
    wide, narrow = Policy("wide", 100, 60, 100), Policy("narrow", 1, 60, 1)
    async with connected(valkey_url) as client:
        limiter = Limiter(ValkeyStore(client))
        checks = [Check(wide, "k"), Check(narrow, "k")]
        assert [(await limiter.check_together(checks)).allowed for _ in range(2)] == [True, False]
        before = client.stats().calls
        verdict = await limiter.check_together(checks)
        assert client.stats().calls == before
        assert (verdict.allowed, verdict.decisions) == (False, (verdict.denied_by,))
        assert verdict.denied_by is not None
        assert (verdict.denied_by.policy, verdict.denied_by.decided_by) == ("narrow", "memory")
        assert (await limiter.check(wide, "k", 0)).remaining == 99


async def test_a_flood_of_keys_that_pass_leaves_no_trace(valkey_url: str) -> None:
    """Only refused keys enter."""
    policy = Policy("flood", 1, 60, 1)
    async with connected(valkey_url) as client:
        limiter = Limiter(ValkeyStore(client))
        await limiter.check_many([Check(policy, str(n)) for n in range(2000)])
        assert limiter.stats().known_keys == 0


@given(st.lists(st.integers(0, 50), max_size=200))
def test_memory_is_bounded_and_the_latest_are_kept(keys: list[int]) -> None:
    """Whatever keys are refused; the oldest is forgotten, which costs a trip."""
    policy, known = Policy("p", 1, 60, 1), KnownOver(keys_max=10, now_us=lambda: 0)
    for key in keys:
        known.remember(policy, str(key), 60_000_000, 60_000_000)
    latest = list(dict.fromkeys(map(str, reversed(keys))))[:10]
    assert len(known) == len(latest)
    assert all(known.find(Check(policy, key)) for key in latest)


@given(st.integers(1, 10**9), st.integers(0, 3 * KNOWN_US_MAX))
def test_nobody_is_refused_from_memory_past_the_true_time(retry_us: int, later_us: int) -> None:
    """Known until the retry, and for a second at most."""
    policy, clock = Policy("p", 1, 60, 1), Clock()
    known = KnownOver(keys_max=10, now_us=clock)
    known.remember(policy, "k", retry_us, retry_us)
    clock.us += later_us
    assert (known.find(Check(policy, "k")) is not None) == (later_us < min(retry_us, KNOWN_US_MAX))
