"""Concurrency: slots held, released, abandoned, and a limit that follows the latency."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratelimit.algorithm import Adaptive, Concurrency
from ratelimit.check import Check
from ratelimit.holdings import ValkeyHoldings
from ratelimit.limiter import Limiter
from ratelimit.policy import Policy
from ratelimit.spread import Spread
from ratelimit.store import Outcome
from ratelimit.valkey import ValkeyStore
from tests.ratelimit.model import SECOND_US
from tests.stores import StoppableValkey, connected

START_US = 1_795_507_745_123_457
numbers = itertools.count()


class Clock:
    def __init__(self) -> None:
        self.us = START_US


@asynccontextmanager
async def holder(url: str, clock: Clock | None = None) -> AsyncIterator[Limiter]:
    async with connected(url) as client:
        holdings = ValkeyHoldings(client, now_us=lambda: clock.us) if clock else ValkeyHoldings(client)
        yield Limiter(ValkeyStore(client), holdings=holdings, spread=Spread(0))


async def test_so_many_at_once_and_no_more(valkey_url: str) -> None:
    """The next one passes when one is released; held twice a slot counts once, released twice too."""
    policy = Policy.concurrent("three", 3)
    async with holder(valkey_url) as limiter:
        held = [await limiter.acquire(policy, "k", str(n)) for n in range(4)]
        assert [(one.allowed, one.remaining) for one in held] == [(True, 2), (True, 1), (True, 0), (False, 0)]
        assert (await limiter.acquire(policy, "k", "1")).allowed
        assert (await limiter.acquire(policy, "other", "1")).remaining == 2
        assert [await limiter.release(policy, "k", "1") for _ in range(2)] == [True, False]
        assert (await limiter.acquire(policy, "k", "")).allowed
        assert (await limiter.acquire(policy, "k", "")).allowed  # a look takes nothing
        assert (await limiter.acquire(policy, "k", "9")).allowed
        assert not (await limiter.acquire(policy, "k", "10")).allowed


async def test_a_reset_frees_all_slots(valkey_url: str) -> None:
    """And what was learnt is forgotten."""
    policy = Policy.concurrent("reset", 1)
    async with holder(valkey_url) as limiter:
        await limiter.acquire(policy, "k", "lost")
        assert await limiter.reset(policy, "k")
        assert (await limiter.acquire(policy, "k", "next")).allowed


async def test_an_abandoned_slot_is_free_again(valkey_url: str) -> None:
    """Whoever dies with it blocks it for ``slot_seconds``, and then no longer; a late release is no news."""
    policy, clock = Policy.concurrent("dead", 1, Concurrency(slot_seconds=5)), Clock()
    async with holder(valkey_url, clock) as limiter:
        await limiter.acquire(policy, "k", "dead")
        refused = await limiter.acquire(policy, "k", "next")
        assert (refused.allowed, refused.retry_after_ms, refused.reset_after_ms) == (False, 1000, 5000)
        clock.us += 5 * SECOND_US
        assert (await limiter.acquire(policy, "k", "next")).allowed
        assert not await limiter.release(policy, "k", "dead")


async def test_four_workers_share_the_slots(valkey_url: str) -> None:
    """A hundred that come at once through four clients: ten hold a slot."""
    policy = Policy.concurrent("race", 10)
    async with (
        holder(valkey_url) as one,
        holder(valkey_url) as two,
        holder(valkey_url) as three,
        holder(valkey_url) as four,
    ):
        limiters = (one, two, three, four)
        held = await asyncio.gather(*(limiters[n % 4].acquire(policy, "k", str(n)) for n in range(100)))
    assert sum(one.allowed for one in held) == 10


async def test_slots_are_no_units(valkey_url: str) -> None:
    """To check a policy of slots, or to hold a slot of a rate, is misuse; a limit of 0 is a ban."""
    slots, rate = Policy.concurrent("slots", 3), Policy("rate", 3, 60, 3)
    async with holder(valkey_url) as limiter:
        with pytest.raises(ValueError, match="acquire"):
            await limiter.check(slots, "k")
        with pytest.raises(ValueError, match="acquire"):
            limiter.ask_together([Check(rate, "k"), Check(slots, "k")], print)
        with pytest.raises(ValueError, match="check"):
            await limiter.acquire(rate, "k", "s")
        for key, slot in (("", "s"), ("k", "s" * 513)):
            with pytest.raises(ValueError, match="bytes"):
                await limiter.acquire(slots, key, slot)
        ban = Policy.concurrent("ban", 0)
        assert (await limiter.acquire(ban, "k", "s")).why == "ban"


async def test_without_a_store_slots_are_open_or_closed(own_valkey: StoppableValkey) -> None:
    """Nobody else can count what is under way everywhere."""
    async with connected(own_valkey.url, deadline_ms=2_000) as client:
        limiter = Limiter(ValkeyStore(client), holdings=ValkeyHoldings(client))
        own_valkey.stop()
        for way, allowed in (("open", True), ("closed", False), ("local", False)):
            policy = Policy.concurrent(way, 3, on_store_loss=way)  # type: ignore[arg-type]  # the literals
            decision = await limiter.acquire(policy, "k", "s")
            assert (decision.allowed, decision.why) == (allowed, "store away")


class AdaptiveModel:
    """Netflix's two limits, in plain floats."""

    def __init__(self, policy: Policy) -> None:
        assert isinstance(policy.algorithm, Adaptive)
        self.rules, self.most = policy.algorithm, policy.limit
        self.limit, self.long, self.count = float(self.rules.initial), 0.0, 0
        self.held: set[str] = set()
        self.ends: int | None = None
        self.latencies: list[int] = []
        self.most_at_once = self.drops = 0

    def acquire(self, slot: str) -> tuple[bool, int]:
        allowed = slot in self.held or len(self.held) < self.now
        if allowed:
            self.held.add(slot)
        return allowed, self.now

    @property
    def now(self) -> int:
        return max(min(int(self.limit), self.most), 1)

    def release(self, slot: str, outcome: Outcome, latency_us: int, now_us: int) -> bool:
        in_flight = len(self.held)
        if slot not in self.held:
            return False
        self.held.discard(slot)
        if outcome == "ignored":
            return True
        self.ends = self.ends or now_us + self.rules.window_ms * 1000
        self.most_at_once = max(self.most_at_once, in_flight)
        if outcome == "dropped":
            self.drops += 1
        else:
            self.latencies.append(latency_us)
        if now_us >= self.ends and (len(self.latencies) >= 10 or self.drops):
            self._learn()
            self.ends, self.latencies = now_us + self.rules.window_ms * 1000, []
            self.most_at_once = self.drops = 0
        return True

    def _learn(self) -> None:
        mean = sum(self.latencies) / len(self.latencies) if self.latencies else 0.0
        busy = self.most_at_once * 2 >= self.limit
        if self.drops or (self.rules.kind == "aimd" and mean > self.rules.timeout_ms * 1000):
            self.limit *= self.rules.backoff
        elif self.rules.kind == "aimd":
            self.limit += busy
        else:
            self._gradient(mean, busy)
        self.limit = max(self.rules.minimum, min(self.most, self.limit))

    def _gradient(self, mean: float, busy: bool) -> None:
        if self.count < 10:
            self.long = (self.long * self.count + mean) / (self.count + 1)
            self.count += 1
        else:
            self.long += (mean - self.long) * 2 / 601
        if self.long > 2 * mean:
            self.long *= 0.95
        if busy:
            gradient = max(0.5, min(1.0, self.rules.tolerance * self.long / max(mean, 1)))
            share = self.rules.smoothing
            self.limit = self.limit * (1 - share) + (self.limit * gradient + self.rules.queue) * share


adaptives = st.builds(
    lambda kind, initial, most: Policy.concurrent(
        f"a{next(numbers)}",
        most,
        Adaptive(kind=kind, initial=min(initial, most), timeout_ms=100, window_ms=10),
    ),
    st.sampled_from(["aimd", "gradient"]),
    st.integers(1, 8),
    st.integers(2, 30),
)
outcomes = st.sampled_from(["success", "success", "success", "ignored", "dropped"])
acts = st.lists(
    st.tuples(st.integers(0, 9_000), st.booleans(), st.integers(0, 11), outcomes, st.integers(0, 300_000)),
    min_size=40,
    max_size=120,
)


@given(policy=adaptives, script=acts)
@settings(max_examples=50)
def test_store_and_model_learn_alike(
    valkey_url: str, policy: Policy, script: list[tuple[int, bool, int, Outcome, int]]
) -> None:
    """The limit is the model's to the last bit after any acquiring, releasing, dropping and ignoring."""
    model, clock = AdaptiveModel(policy), Clock()

    async def play() -> None:
        async with holder(valkey_url, clock) as limiter:
            for passed, acquires, number, outcome, latency_us in script:
                clock.us += passed
                slot = str(number)
                if acquires:
                    decision = await limiter.acquire(policy, "k", slot)
                    assert (decision.allowed, decision.limit) == model.acquire(slot)
                else:
                    released = await limiter.release(policy, "k", slot, outcome, latency_us / 1000)
                    assert released == model.release(slot, outcome, latency_us, clock.us)

    asyncio.run(play())


@pytest.mark.parametrize("kind", ["aimd", "gradient"])
async def test_a_limit_falls_when_it_gets_slow_and_rises_when_it_is_well(valkey_url: str, kind: str) -> None:
    """An origin that bears 12 at once: from 4 up to about that, and down again from 60."""
    bears, clock = 12, Clock()

    async def second(limiter: Limiter, policy: Policy, callers: int) -> None:
        clock.us += SECOND_US
        held = [
            slot for slot in map(str, range(callers)) if (await limiter.acquire(policy, "k", slot)).allowed
        ]
        for slot in held:
            await limiter.release(policy, "k", slot, "success", 10.0 * max(1, len(held) / bears))

    async with holder(valkey_url, clock) as limiter:
        for initial in (4, 60):
            rules = Adaptive(kind=kind, initial=initial, timeout_ms=25)  # type: ignore[arg-type]  # the literals
            policy = Policy.concurrent(f"{kind}-{initial}", 200, rules)
            for _ in range(30):  # what is usual, seen while nobody waits
                await second(limiter, policy, 4)
            for _ in range(40):
                await second(limiter, policy, 65)
            limit = (await limiter.acquire(policy, "k", "")).limit
            assert bears <= limit <= 3 * bears


async def test_a_burst_of_drops_backs_off_once(valkey_url: str) -> None:
    """Twenty that time out together are one trouble, not twenty."""
    policy, clock = Policy.concurrent("burst", 40, Adaptive(initial=40)), Clock()
    async with holder(valkey_url, clock) as limiter:
        for n in range(20):
            await limiter.acquire(policy, "k", str(n))
        await limiter.release(policy, "k", "0", "dropped")
        clock.us += SECOND_US
        for n in range(1, 20):
            await limiter.release(policy, "k", str(n), "dropped")
        assert (await limiter.acquire(policy, "k", "")).limit == 36
