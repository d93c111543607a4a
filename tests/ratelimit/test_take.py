"""take.lua and gcra.py against the plain model, step by step, with time as an argument."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratelimit import gcra
from ratelimit.policy import Policy
from ratelimit.valkey import ValkeyStore
from sadd.valkey.client import ValkeyClient
from tests.ratelimit.model import Admissions, Model
from tests.stores import connected

START_US = 1_795_507_745_123_457
numbers = itertools.count()

Script = list[tuple[int, list[tuple[str, int]]]]
"""Steps: µs passed, then one call's keys with their costs."""

RATES = [(1, 86_400), (3, 86_400), (7, 1), (997, 60), (1_000_000, 1), (999_983, 1), (1, 1), (86_399, 86_400)]

policies = st.builds(
    lambda rate, burst: Policy(f"p{next(numbers)}", rate[0], rate[1], burst),
    st.sampled_from(RATES),
    st.integers(1, 50),
)
steps = st.lists(
    st.tuples(
        st.integers(0, 3_000_000) | st.sampled_from([0, 1, 142_857, 86_400_000_000]),  # µs passed
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), min_size=1, max_size=6),
    ),
    max_size=12,
)


@given(policy=policies, script=steps)
@settings(max_examples=120)
def test_store_and_model_agree_at_every_step(valkey_url: str, policy: Policy, script: Script) -> None:
    """Any order of checks, costs, pauses and keys named twice in a call gives the model's four numbers."""

    async def play() -> None:
        async with connected(valkey_url) as client:
            store, model, now = ValkeyStore(client), Model(policy), START_US
            for passed, checks in script:
                now += passed
                keys, costs = [key for key, _ in checks], [cost for _, cost in checks]
                assert await store.take(policy, keys, costs, now) == model.take_all(keys, costs, now)

    asyncio.run(play())


@given(policy=policies, script=steps)
def test_python_and_model_agree_at_every_step(policy: Policy, script: Script) -> None:
    """The limiter for the time without a store is exact too."""
    model, arrivals, now = Model(policy), dict[str, int](), START_US
    for passed, checks in script:
        now += passed
        for key, cost in checks:
            taken, tat = gcra.take(policy.interval, policy.burst, arrivals.get(key, 0), now, cost)
            arrivals[key] = tat
            assert taken == model.take(key, cost, now)


@pytest.mark.parametrize(("limit", "period"), RATES)
async def test_a_steady_client_at_exactly_the_rate_is_never_refused(
    store: ValkeyStore, limit: int, period: int
) -> None:
    """1,000 arrivals on the grid of the interval, rounded up to the µs; burst 2 bears that rounding."""
    policy = Policy("steady", limit, period, 2)
    numerator, parts = policy.interval.numerator, policy.interval.parts
    for step in range(1000):
        now = START_US + -(-step * numerator // parts)
        ((allowed, *_),) = await store.take(policy, ["k"], [1], now)
        assert allowed, f"refused at step {step}"


@pytest.mark.parametrize(("limit", "period"), RATES)
async def test_a_thirsty_client_gets_the_rate_to_the_unit(
    store: ValkeyStore, limit: int, period: int
) -> None:
    """Whoever always retries as told gets exactly one unit an interval: no drift in 500 of them."""
    policy = Policy("thirsty", limit, period, 1)
    now = START_US
    for _ in range(500):
        ((allowed, _, _, retry_us),) = await store.take(policy, ["k"], [1], now)
        if not allowed:
            now += retry_us
            ((allowed, *_),) = await store.take(policy, ["k"], [1], now)
        assert allowed
    exact = -(-499 * policy.interval.numerator // policy.interval.parts)
    assert exact <= now - START_US <= exact + 500  # each wait is rounded up by less than 1 µs


@given(
    rate=st.sampled_from([(5, 1), (7, 1), (10, 60)]),
    burst=st.integers(1, 8),
    pauses=st.lists(st.integers(0, 400_000), min_size=20, max_size=120),
)
@settings(max_examples=60)
def test_never_more_than_limit_and_burst_in_any_window(
    rate: tuple[int, int], burst: int, pauses: list[int]
) -> None:
    """The log of admissions, read by a separate checker, has no window of one period with more."""
    policy = Policy("window", *rate, burst)
    admissions, tat, now = Admissions(), 0, START_US
    for pause in pauses:
        now += pause
        (allowed, *_), tat = gcra.take(policy.interval, burst, tat, now, 1)
        if allowed:
            admissions.note(now, 1)
    assert admissions.worst(policy.period_seconds * 1_000_000) <= policy.limit + burst


async def test_two_workers_share_one_limit(valkey_url: str) -> None:
    """Two clients that race for one key admit the burst, not one each."""
    policy = Policy("race", 1, 86_400, 100)
    async with connected(valkey_url) as one, connected(valkey_url) as two:
        stores = ValkeyStore(one), ValkeyStore(two)
        taken = await asyncio.gather(*(stores[i % 2].take(policy, ["k"], [1]) for i in range(400)))
    assert sum(allowed for ((allowed, *_),) in taken) == 100


async def test_a_key_named_many_times_in_one_call_is_charged_each_time(store: ValkeyStore) -> None:
    """A script that read all keys first would admit all ten at burst 3."""
    taken = await store.take(Policy("twice", 1, 60, 3), ["k"] * 10, [1] * 10)
    assert [allowed for allowed, *_ in taken] == [1, 1, 1] + [0] * 7


async def test_a_long_batch_keeps_its_order_over_several_calls(store: ValkeyStore) -> None:
    """500 checks are four calls of 128 keys; of one key the first three of them pass."""
    keys = [f"k{i % 7}" for i in range(500)]
    taken = await store.take(Policy("long", 1, 60, 3), keys, [1] * 500, START_US)
    assert [allowed for allowed, *_ in taken] == [1] * 21 + [0] * 479


async def test_shards_change_the_keys_and_not_the_answers(valkey_url: str) -> None:
    """Spread over 16 slots, a batch with repeated keys is decided as on one."""
    policy = Policy("sharded", 1, 60, 2)
    keys = [f"k{i % 40}" for i in range(300)]
    async with connected(valkey_url) as client:
        taken = await ValkeyStore(client, shards=16).take(policy, keys, [1] * 300, START_US)
    assert taken == Model(policy).take_all(keys, [1] * 300, START_US)


async def test_a_refusal_and_a_peek_write_nothing(store: ValkeyStore, valkey_url: str) -> None:
    """After them the key is byte for byte, and in its time to live, what it was, or not there at all."""
    policy = Policy("quiet", 1, 60, 2)
    async with connected(valkey_url) as client:
        await store.take(policy, ["k"], [0])
        assert await client.command("EXISTS", "rl:{quiet}:k") == 0
        await store.take(policy, ["k"], [2])
        before = (
            await client.command("GET", "rl:{quiet}:k"),
            await client.command("PEXPIRETIME", "rl:{quiet}:k"),
        )
        for cost in (0, 1, 3):
            assert (await store.take(policy, ["k"], [cost]))[0][0] == 0
        after = (
            await client.command("GET", "rl:{quiet}:k"),
            await client.command("PEXPIRETIME", "rl:{quiet}:k"),
        )
    assert before == after


async def test_a_key_lives_as_long_as_it_matters(store: ValkeyStore, valkey_url: str) -> None:
    """Its time to live is the time until it is as if never used: no immortal keys."""
    await store.take(Policy("mortal", 1, 60, 5), ["k"], [3])
    async with connected(valkey_url) as client:
        left_ms = await client.command("PTTL", "rl:{mortal}:k")
    assert isinstance(left_ms, int)
    assert 179_000 < left_ms <= 180_002


async def test_a_state_from_a_clock_ahead_shuts_nobody_out(store: ValkeyStore) -> None:
    """After a fail-over to a clock an hour behind, a full key recovers within its own depth."""
    policy = Policy("skew", 1, 1, 10)
    await store.take(policy, ["k"], [10], START_US + 3_600_000_000)
    ((allowed, _, reset_us, retry_us),) = await store.take(policy, ["k"], [1], START_US)
    assert (allowed, reset_us, retry_us) == (0, 10_000_000, 1_000_000)


async def test_a_stricter_policy_bounds_what_a_looser_one_left(store: ValkeyStore) -> None:
    """A state beyond the new depth counts as full; a fraction of another rate is rounded up."""
    await store.take(Policy("change", 7, 60, 20), ["k"], [20], START_US)
    ((allowed, _, reset_us, _),) = await store.take(Policy("change", 3, 1, 2), ["k"], [1], START_US)
    assert (allowed, reset_us) == (0, 666_667)


async def test_a_key_costs_little(store: ValkeyStore, valkey_url: str) -> None:
    """A live key of 29 characters takes at most 110 bytes of the store, tables included."""
    policy = Policy("moe-res", 60, 86_400, 20)
    async with connected(valkey_url) as client:
        before = await used_memory(client)
        for batch in range(100):
            keys = [f"citizen-{batch:04d}{i:04d}" for i in range(1000)]
            await store.take(policy, keys, [1] * 1000)
        assert len(f"rl:{{{policy.id}}}:{keys[0]}") == 29
        assert (await used_memory(client) - before) / 100_000 <= 110


async def used_memory(client: ValkeyClient) -> int:
    report = await client.command("INFO", "memory")
    assert isinstance(report, bytes)
    return int(dict(line.split(b":", 1) for line in report.splitlines() if b":" in line)[b"used_memory"])
