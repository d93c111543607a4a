"""Leases: taken when granted, given back once, and never more admitted than was taken."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratelimit.algorithm import Gcra
from ratelimit.holdings import ValkeyHoldings
from ratelimit.lease import KEEP_MS, Lease, LeaseName
from ratelimit.limiter import Limiter
from ratelimit.policy import Policy
from ratelimit.spread import Spread
from ratelimit.valkey import ValkeyStore
from tests.ratelimit.model import SECOND_US, Admissions
from tests.stores import StoppableValkey, connected

START_US = 1_795_507_745_123_457
numbers = itertools.count()


class Clock:
    """The store's time, moved by hand."""

    def __init__(self) -> None:
        self.us = START_US

    def seconds(self) -> float:
        return self.us / SECOND_US


@asynccontextmanager
async def lender(url: str, clock: Clock | None = None) -> AsyncIterator[Limiter]:
    async with connected(url) as client:
        holdings = (
            ValkeyHoldings(client, now_us=lambda: clock.us, now_seconds=clock.seconds)
            if clock
            else ValkeyHoldings(client)
        )
        yield Limiter(ValkeyStore(client), holdings=holdings, spread=Spread(0))


POLICIES = [
    Policy("lend-g", 1, 60, 100),
    Policy.sliding("lend-s", 100, 3600),
    Policy.fixed("lend-f", 100, 86_400 * 7),
    Policy.quota("lend-c", 100, "year"),
]
every_algorithm = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.id)


@every_algorithm
async def test_a_lease_is_taken_at_once(valkey_url: str, policy: Policy) -> None:
    """Its units are no one else's from then on, and its holder's time ends before the grantor's."""
    async with lender(valkey_url) as limiter:
        lease = await limiter.lease(policy, "k", 30)
        assert (lease.granted, lease.expires_in_ms) == (30, KEEP_MS * 9 // 10)
        assert lease.decision.remaining == 70
        assert (await limiter.check(policy, "k", 0)).remaining == 70
        stats = limiter.stats()
    assert (stats.leases, stats.lease_units_lent) == (1, 30)


@every_algorithm
async def test_unused_units_come_back_once(valkey_url: str, policy: Policy) -> None:
    """The second time gives nothing back, and so does a lease that never was."""
    async with lender(valkey_url) as limiter:
        lease = await limiter.lease(policy, "k", 30)
        assert await limiter.give_back(policy, lease.id, 12) == 12
        assert await limiter.give_back(policy, lease.id, 12) == 0
        assert await limiter.give_back(policy, LeaseName(policy.id, "k", b"x" * 12).id, 5) == 0
        assert (await limiter.check(policy, "k", 0)).remaining == 82
        stats = limiter.stats()
    assert (stats.lease_units_ended, stats.lease_units_returned, stats.lease_units_late) == (30, 12, 17)


@every_algorithm
@pytest.mark.parametrize("limit", ["unlimited", "ban", "slots"])
async def test_a_limit_that_counts_no_more_gets_nothing_back(
    valkey_url: str, policy: Policy, limit: str
) -> None:
    """Its rule was changed while the lease was out. When it counts again, it goes on from where it was."""
    now = {
        "unlimited": Policy.unlimited(policy.id),
        "ban": Policy(policy.id, 0, 60, 1),
        "slots": Policy.concurrent(policy.id, 5),
    }[limit]
    async with lender(valkey_url) as limiter:
        lease = await limiter.lease(policy, "k", 30)
        assert await limiter.give_back(now, lease.id, 12) == 0
        assert (await limiter.check(policy, "k", 0)).remaining == 70


@every_algorithm
async def test_after_a_reset_nothing_comes_back(valkey_url: str, policy: Policy) -> None:
    """The units of a lease from before are forgotten: back they would come out of what others used."""
    async with lender(valkey_url) as limiter:
        lease = await limiter.lease(policy, "k", 50)
        assert await limiter.reset(policy, "k")
        assert (await limiter.check(policy, "k", 100)).allowed
        assert await limiter.give_back(policy, lease.id, 50) == 0
        assert not (await limiter.check(policy, "k", 10)).allowed


async def test_no_more_comes_back_than_was_lent(valkey_url: str) -> None:
    """Whatever the holder says."""
    async with lender(valkey_url) as limiter:
        await limiter.check(POLICIES[1], "k", 50)
        lease = await limiter.lease(POLICIES[1], "k", 5)
        assert await limiter.give_back(POLICIES[1], lease.id, 40) == 5
        assert (await limiter.check(POLICIES[1], "k", 0)).remaining == 50


async def test_a_slice_is_half_of_what_is_left_at_most(valkey_url: str) -> None:
    """So that a greedy holder leaves something to the next; the last unit is lent too, then none."""
    policy = Policy.quota("greedy", 10, "year")
    async with lender(valkey_url) as limiter:
        leases = [await limiter.lease(policy, "k", 100) for _ in range(5)]
    assert [lease.granted for lease in leases] == [5, 3, 1, 1, 0]
    assert not leases[-1].decision.allowed
    assert leases[-1].decision.retry_after_ms


async def test_units_that_have_drained_do_not_come_back(valkey_url: str) -> None:
    """The bucket forgot them by itself: giving them back again would let a burst and a half pass."""
    policy, clock = Policy("drained", 10, 1, 100), Clock()
    async with lender(valkey_url, clock) as limiter:
        lease = await limiter.lease(policy, "k", 50)
        clock.us += 3 * SECOND_US
        assert await limiter.give_back(policy, lease.id, 50) == 20


async def test_a_lease_ends_with_its_window(valkey_url: str) -> None:
    """Units of today are not used tomorrow: a lease is shorter before midnight, and none at the very end."""
    policy, clock = Policy.quota("today", 100, "day"), Clock()
    midnight_us = 1_795_554_000 * SECOND_US
    async with lender(valkey_url, clock) as limiter:
        clock.us = midnight_us - 4 * SECOND_US
        assert (await limiter.lease(policy, "k", 10)).expires_in_ms == 3_600
        clock.us = midnight_us - 300_000
        late = await limiter.lease(policy, "k", 10)
        assert (late.granted, late.decision.retry_after_ms) == (0, 301)
        clock.us = midnight_us + 1
        assert (await limiter.lease(policy, "k", 10)).decision.remaining == 90


async def test_a_lease_of_an_earlier_window_gives_nothing_back(valkey_url: str) -> None:
    """What was unused yesterday does not make today's quota larger."""
    policy, clock = Policy.fixed("yesterday", 100, 3600), Clock()
    async with lender(valkey_url, clock) as limiter:
        lease = await limiter.lease(policy, "k", 10)
        clock.us += 3600 * SECOND_US
        await limiter.lease(policy, "k", 10)
        assert await limiter.give_back(policy, lease.id, 10) == 0


@pytest.mark.parametrize(
    "wrong", ["", "x", "AAAA", "é", "bGVuZC1nAGs", LeaseName("other", "k", b"x" * 12).id]
)
async def test_what_is_no_lease_of_the_policy_is_misuse(valkey_url: str, wrong: str) -> None:
    """ValueError, and nothing is asked."""
    async with lender(valkey_url) as limiter:
        with pytest.raises(ValueError, match="lease"):
            await limiter.give_back(POLICIES[0], wrong, 1)


@given(policy=st.text(min_size=1).filter(lambda word: "\0" not in word), key=st.text(min_size=1))
def test_an_id_says_whose_it_is(policy: str, key: str) -> None:
    """Policy, key and number come back out of the id, whatever characters they have."""
    try:
        name = LeaseName(policy, key, b"0123456789ab")
        text = name.id
    except UnicodeEncodeError:
        return
    assert LeaseName.of(text) == name


@every_algorithm
async def test_four_workers_lend_and_admit_no_more_than_the_limit(valkey_url: str, policy: Policy) -> None:
    """Leases, checks and returns race through four clients: used and lent together never pass the limit."""
    async with (
        lender(valkey_url) as one,
        lender(valkey_url) as two,
        lender(valkey_url) as three,
        lender(valkey_url) as four,
    ):
        limiters = (one, two, three, four)

        async def worker(number: int) -> int:
            limiter, used = limiters[number % 4], 0
            for turn in range(6):
                lease = await limiter.lease(policy, "k", 9)
                returned = await limiter.give_back(policy, lease.id, turn) if lease.granted else 0
                used += lease.granted - returned
                used += (await limiter.check(policy, "k")).allowed
            return used

        used = sum(await asyncio.gather(*(worker(number) for number in range(12))))
        left = (await one.check(policy, "k", 0)).remaining
    refilled = 3 if isinstance(policy.algorithm, Gcra) else 0
    assert 100 - left <= used <= 100 + refilled


async def test_nothing_is_lent_without_a_store(own_valkey: StoppableValkey) -> None:
    """A refusal that says when to come again; an open policy lends nothing either, it admits by itself."""
    async with connected(own_valkey.url, deadline_ms=2_000) as client:
        limiter = Limiter(ValkeyStore(client), holdings=ValkeyHoldings(client))
        own_valkey.stop()
        lease = await limiter.lease(Policy("away", 10, 60, 10, "open"), "k", 5)
    assert (lease.granted, lease.decision.decided_by, lease.decision.retry_after_ms) == (0, "closed", 1000)


Step = tuple[int, int, int]


@given(
    policy=st.builds(
        lambda limit, kind: (
            Policy(f"l{next(numbers)}", limit, 1, limit)
            if kind == "g"
            else Policy.sliding(f"l{next(numbers)}", limit, 1)
        ),
        st.integers(1, 12),
        st.sampled_from("gs"),
    ),
    script=st.lists(
        st.tuples(st.integers(0, 400_000), st.integers(0, 2), st.integers(1, 9)), min_size=5, max_size=40
    ),
)
@settings(max_examples=50)
def test_never_more_than_the_limit_with_leases_given_back(
    valkey_url: str, policy: Policy, script: list[Step]
) -> None:
    """Checks, leases and their partial return in any order: what was used counts from its granting.

    A separate reader of the log finds no window of one period with more than the limit (and the burst).
    """
    admissions, clock = Admissions(), Clock()

    async def play() -> None:
        held: list[tuple[int, Lease]] = []
        async with connected(valkey_url) as client:
            holdings = ValkeyHoldings(client, now_us=lambda: clock.us, now_seconds=clock.seconds)
            store = ValkeyStore(client)
            limiter = Limiter(store, holdings=holdings, known_keys_max=0)
            for passed, verb, units in script:
                clock.us += passed
                if verb == 0:
                    ((allowed, *_),) = await store.take(policy, ["k"], [1], clock.us)
                    admissions.note(clock.us, int(allowed))
                elif verb == 1:
                    held.append((clock.us, await limiter.lease(policy, "k", units)))
                elif held:
                    at, lease = held.pop(0)
                    unused = min(units, lease.granted)
                    # What does not come back counts as used by its holder: the worst that it can have done.
                    returned = await limiter.give_back(policy, lease.id, unused)
                    admissions.note(at, lease.granted - returned)
            for at, lease in held:
                admissions.note(at, lease.granted)

    asyncio.run(play())
    burst = policy.burst if isinstance(policy.algorithm, Gcra) else 0
    assert admissions.worst(SECOND_US) <= policy.limit + burst
