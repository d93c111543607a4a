"""take_all.lua against the plain models, step by step, with time as an argument."""

import asyncio
import itertools
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratelimit.algorithm import Calendar
from ratelimit.calendar import bounds
from ratelimit.check import Check
from ratelimit.decision import Taken
from ratelimit.limiter import Limiter
from ratelimit.policy import Policy
from ratelimit.promise import promised
from ratelimit.valkey import ValkeyStore
from tests.ratelimit.model import SECOND_US, Admissions, TogetherModel, model_of
from tests.stores import connected

START_US = 1_795_507_745_123_457
YEAR = 31_536_000
numbers = itertools.count()

LIMITS = st.sampled_from([1, 2, 3, 7, 50, 999_983, 2**52])
PERIODS = st.sampled_from([1, 10, 60, 3600, 86_400, 604_800, YEAR])


gcras = st.builds(
    lambda rate, burst: Policy(f"g{next(numbers)}", rate[0], rate[1], burst),
    st.sampled_from([(7, 1), (997, 60), (1, 86_400), (1_000_000, 1), (3, 3600)]),
    st.integers(1, 9),
)
slidings = st.builds(
    lambda limit, period: Policy.sliding(f"s{next(numbers)}", limit, period), LIMITS, PERIODS
)
fixeds = st.builds(lambda limit, period: Policy.fixed(f"f{next(numbers)}", limit, period), LIMITS, PERIODS)
quotas = st.builds(
    lambda limit, unit, zone: Policy.quota(f"q{next(numbers)}", limit, unit, zone),
    LIMITS,
    st.sampled_from(["day", "week", "month", "year"]),
    st.sampled_from(["Asia/Qatar", "Europe/London", "Pacific/Apia"]),
)
any_policy = st.one_of(gcras, slidings, fixeds, quotas)
pauses = st.integers(0, 3 * SECOND_US) | st.sampled_from(
    [
        0,
        1,
        99_999,
        100_000,
        SECOND_US,
        6 * SECOND_US,
        3_600 * SECOND_US,
        86_400 * SECOND_US,
        40 * 86_400 * SECOND_US,
    ]
)
Step = tuple[int, list[tuple[int, str, int]]]
steps = st.lists(
    st.tuples(
        pauses,
        st.lists(
            st.tuples(st.integers(0, 2), st.sampled_from("ab"), st.integers(0, 3)), min_size=1, max_size=5
        ),
    ),
    max_size=10,
)


def at(store: ValkeyStore, clock: list[float], now_us: int) -> ValkeyStore:
    clock[0] = now_us / SECOND_US
    return store


async def take_all(store: ValkeyStore, checks: list[tuple[Policy, str, int]], now_us: int) -> list[Taken]:
    asked = [Check(*check) for check in checks]
    answer: asyncio.Future[list[Taken]] = promised(partial(store.ask_all, asked, now_us=now_us))
    return await answer


@given(policies=st.lists(any_policy, min_size=3, max_size=3), script=steps)
@settings(max_examples=120)
def test_store_and_model_agree_at_every_step(
    valkey_url: str, policies: list[Policy], script: list[Step]
) -> None:
    """Any three limits together, keys named twice, any pauses: the model's numbers, and all or nothing."""

    async def play() -> None:
        async with connected(valkey_url) as client:
            clock = [0.0]
            store = ValkeyStore(client, now_seconds=lambda: clock[0])
            model, now = TogetherModel(policies), START_US
            for passed, wanted in script:
                now += passed
                checks = [(policies[index], key, cost) for index, key, cost in wanted]
                assert await take_all(at(store, clock, now), checks, now) == model.take(checks, now)

    asyncio.run(play())


@given(policy=any_policy, script=st.lists(st.tuples(pauses, st.integers(-4, 4)), max_size=25))
@settings(max_examples=120)
def test_taking_and_giving_back_agree_with_the_model(
    valkey_url: str, policy: Policy, script: list[tuple[int, int]]
) -> None:
    """Below nought gives back, and never below nothing used."""

    async def play() -> None:
        async with connected(valkey_url) as client:
            clock = [0.0]
            store, model, now = ValkeyStore(client, now_seconds=lambda: clock[0]), model_of(policy), START_US
            for passed, units in script:
                now += passed
                at(store, clock, now)
                if units < 0:
                    given: Taken = await promised(partial(store.give_back, policy, "k", -units, now_us=now))
                    assert given == model.give_back("k", -units, now)
                else:
                    taken: Taken = await promised(partial(store.ask, Check(policy, "k", units), now_us=now))
                    assert taken == model.take("k", units, now)

    asyncio.run(play())


@given(
    limit=st.integers(1, 9),
    script=st.lists(st.tuples(st.integers(0, 400_000), st.integers(1, 3)), min_size=20, max_size=120),
)
@settings(max_examples=40)
def test_a_sliding_window_never_has_more_than_the_limit(
    valkey_url: str, limit: int, script: list[tuple[int, int]]
) -> None:
    """The log of admissions, read by a separate checker, has no window of one period with more."""
    policy = Policy.sliding(f"any{next(numbers)}", limit, 1)
    admissions = Admissions()

    async def play() -> None:
        async with connected(valkey_url) as client:
            store, now = ValkeyStore(client), START_US
            for passed, cost in script:
                now += passed
                taken: Taken = await promised(partial(store.ask, Check(policy, "k", cost), now_us=now))
                if taken[0]:
                    admissions.note(now, cost)

    asyncio.run(play())
    assert admissions.worst(SECOND_US) <= limit


@pytest.mark.parametrize("limit", [1, 10, 60])
async def test_a_steady_caller_gets_ten_elevenths_of_a_sliding_limit(store: ValkeyStore, limit: int) -> None:
    """The price of counting the oldest sub-window whole; whoever keeps to that is never refused."""
    policy, now = Policy.sliding("steady", limit, 10), START_US
    for _ in range(20):
        for _ in range(limit):
            taken: Taken = await promised(partial(store.ask, Check(policy, "k"), now_us=now))
            assert taken[0]
        now += 11 * SECOND_US


@pytest.mark.parametrize(
    "policy",
    [
        Policy("four-g", 1, YEAR // 50, 50),
        Policy.sliding("four-s", 50, YEAR),
        Policy.fixed("four-f", 50, YEAR),
        Policy.quota("four-c", 50, "year"),
    ],
    ids=lambda policy: policy.id,
)
async def test_four_workers_share_one_limit(valkey_url: str, policy: Policy) -> None:
    """Four clients that race for one key admit the limit, not one each."""
    other = Policy(f"{policy.id}-other", 1, 1, 1000)
    async with (
        connected(valkey_url) as one,
        connected(valkey_url) as two,
        connected(valkey_url) as three,
        connected(valkey_url) as four,
    ):
        stores = [ValkeyStore(client) for client in (one, two, three, four)]
        checks = [Check(policy, "k"), Check(other, "k")]
        answers: list[list[Taken]] = await asyncio.gather(
            *(promised(partial(stores[i % 4].ask_all, checks)) for i in range(400))
        )
        left: Taken = await promised(partial(stores[0].ask, Check(other, "k", 0)))
    assert sum(first[0] for first, _ in answers) == 50
    assert left[1] in (950, 951, 952)  # a refused request took nothing from the other limit; it refills


async def test_many_requests_of_a_tick_are_one_call(valkey_url: str) -> None:
    """Twenty requests of three limits each: one call of the store."""
    policies = [Policy("a", 9, 60, 9), Policy.sliding("b", 9, 60), Policy.quota("c", 9, "day")]
    async with connected(valkey_url) as client:
        store = ValkeyStore(client)
        before = client.stats().calls
        checks = [Check(policy, "k") for policy in policies]
        answers: list[list[Taken]] = await asyncio.gather(
            *(promised(partial(store.ask_all, checks)) for _ in range(20))
        )
        assert client.stats().calls == before + 1
    assert [all(allowed for allowed, *_ in answer) for answer in answers] == [True] * 9 + [False] * 11


@given(
    policies=st.lists(gcras, min_size=4, max_size=4),
    script=st.lists(
        st.tuples(
            pauses,
            st.lists(
                st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.integers(0, 3)), min_size=1, max_size=5
            ),
        ),
        min_size=10,
        max_size=30,
    ),
)
@settings(max_examples=60)
def test_single_checks_of_mixed_policies_are_each_decided_alone(
    valkey_url: str, policies: list[Policy], script: list[Step]
) -> None:
    """However they travel, by policy or all together, each has its model's numbers."""

    async def play() -> None:
        async with connected(valkey_url) as client:
            store, models, now = ValkeyStore(client), [model_of(policy) for policy in policies], START_US
            for passed, wanted in script:
                now += passed
                for index, key, cost in wanted:
                    check = Check(policies[index], key, cost)
                    taken: Taken = await promised(partial(store.ask, check, now_us=now))
                    assert taken == models[index].take(key, cost, now)

    asyncio.run(play())


async def test_checks_of_many_policies_are_one_call(valkey_url: str) -> None:
    """A worker asks for many services in one tick: once it sees that, they share a call."""
    policies = [Policy(f"many-{n}", 60, 60, 20) for n in range(30)]
    async with connected(valkey_url) as client:
        limiter = Limiter(ValkeyStore(client))
        await asyncio.gather(*(limiter.check(policy, "k") for policy in policies))
        before = client.stats().calls
        decisions = await asyncio.gather(*(limiter.check(policy, "k") for policy in policies))
        assert client.stats().calls == before + 1
        assert [decision.remaining for decision in decisions] == [18] * 30
        listed = await limiter.check_many([Check(policy, "k") for policy in policies for _ in range(2)])
        assert client.stats().calls == before + 2
    assert [decision.remaining for decision in listed] == [17, 16] * 30


@pytest.mark.parametrize("shift_s", [-1, 0, 1])
async def test_the_stores_clock_picks_the_day(valkey_url: str, shift_s: int) -> None:
    """Workers whose clocks are a second off at midnight count the same day: the store says which it is."""
    policy, midnight_us = Policy.quota("midnight", 2, "day"), 1_795_467_600 * SECOND_US
    async with connected(valkey_url) as client:
        early = ValkeyStore(client, now_seconds=lambda: midnight_us / SECOND_US - 0.5 + shift_s)
        late = ValkeyStore(client, now_seconds=lambda: midnight_us / SECOND_US + 0.5 + shift_s)
        allowed = []
        for store, now in ((early, -2), (late, -1), (early, -1), (late, 0), (early, 1), (late, 2)):
            taken: Taken = await promised(partial(store.ask, Check(policy, "k"), now_us=midnight_us + now))
            allowed.append(taken[0])
    assert allowed == [1, 1, 0, 1, 1, 0]


@pytest.mark.parametrize("days", [-400, -40, -2, 2, 40, 400])
async def test_a_worker_with_a_wrong_clock_still_counts(valkey_url: str, days: int) -> None:
    """Its days begin anywhere but are as long as they should be: the quota holds, and comes back."""
    policy, day_us = Policy.quota("wrong-clock", 2, "day"), 86_400 * SECOND_US
    async with connected(valkey_url) as client:
        store = ValkeyStore(client, now_seconds=lambda: START_US / SECOND_US + days * 86_400)
        allowed, waits = [], []
        for now in (START_US, START_US + 1, START_US + 2, START_US + day_us, START_US + day_us + 1):
            taken: Taken = await promised(partial(store.ask, Check(policy, "k"), now_us=now))
            allowed.append(taken[0])
            waits.append(taken[3])
    assert allowed == [1, 1, 0, 1, 1]
    assert 0 < waits[2] <= day_us


async def test_a_worker_whose_clock_is_put_right_counts_right(valkey_url: str) -> None:
    """A clock that jumped ahead by a year and back leaves no key shut for a year."""
    policy, clock = Policy.quota("jumped", 1, "day"), [START_US / SECOND_US + 365 * 86_400]
    async with connected(valkey_url) as client:
        store = ValkeyStore(client, now_seconds=lambda: clock[0])
        await promised(partial(store.ask, Check(policy, "k", 0), now_us=START_US))
        clock[0] = START_US / SECOND_US
        for _ in range(2):
            taken: Taken = await promised(partial(store.ask, Check(policy, "k"), now_us=START_US))
    assert taken[0] == 0
    assert taken[3] == 1_795_554_000 * SECOND_US - START_US


async def test_a_window_of_a_clock_ahead_counts(store: ValkeyStore) -> None:
    """After a fail-over to a clock that is behind, what was taken in the next window counts in this one."""
    for make in (Policy.fixed, Policy.sliding):
        policy = make(f"ahead-{make.__name__}", 3, 60)
        later = START_US + 60 * SECOND_US
        await promised(partial(store.ask, Check(policy, "k", 3), now_us=later))
        taken: Taken = await promised(partial(store.ask, Check(policy, "k"), now_us=START_US))
        assert taken[0] == 0
        assert taken[3] <= 66 * SECOND_US


async def test_another_algorithm_begins_anew(store: ValkeyStore) -> None:
    """A policy that changes how it counts forgives what was used; no script fails over an old state."""
    gcra, sliding, fixed = (
        Policy("same", 2, 60, 2),
        Policy.sliding("same", 2, 60),
        Policy.fixed("same", 2, 60),
    )
    for policy in (gcra, sliding, gcra, fixed, sliding, fixed, gcra):
        taken: Taken = await promised(partial(store.ask, Check(policy, "k", 2)))
        refused: Taken = await promised(partial(store.ask, Check(policy, "k", 1)))
        assert (taken[:2], refused[:2]) == ((1, 0), (0, 0))


async def test_two_algorithms_of_one_policy_in_one_request_harm_no_other(store: ValkeyStore) -> None:
    """While a change of rules is on its way; the request behind it in the same call is decided."""
    mixed = [Check(Policy("changing", 2, 60, 2), "k"), Check(Policy.sliding("changing", 2, 60), "k")]
    both = [
        promised(partial(store.ask_all, checks)) for checks in (mixed, [Check(Policy.fixed("f", 2, 60), "k")])
    ]
    first, second = await asyncio.gather(*both)
    assert [allowed for allowed, *_ in first] == [1, 1]
    assert second[0][:2] == (1, 1)


async def test_a_stricter_rate_bounds_what_a_looser_one_left(store: ValkeyStore) -> None:
    """Together too, a state beyond the new depth counts as full, and no key is shut for longer."""
    loose, strict = Policy("stricter", 60, 60, 20), Policy("stricter", 60, 60, 2)
    other = Policy("beside", 60, 60, 20)
    await promised(partial(store.ask_all, [Check(loose, "k", 20), Check(other, "k")], now_us=START_US))
    answer: list[Taken] = await promised(
        partial(store.ask_all, [Check(strict, "k"), Check(other, "k")], now_us=START_US)
    )
    assert answer[0] == (0, 0, 2 * SECOND_US, SECOND_US)
    assert answer[1][:2] == (1, 19)


async def test_a_fraction_of_another_rate_is_rounded_up(store: ValkeyStore) -> None:
    """Whole rates have no place for it; down would admit a little too much."""
    await promised(partial(store.ask_all, [Check(Policy("rounded", 7, 1, 3), "k")], now_us=START_US))
    whole = [Check(Policy("rounded", 10, 1, 5), "k", 0)]
    answer: list[Taken] = await promised(partial(store.ask_all, whole, now_us=START_US))
    assert answer[0] == (1, 3, 142_858, 0)


async def test_keys_die_with_their_window(store: ValkeyStore, valkey_url: str) -> None:
    """No immortal keys, and a key given back to nothing is gone at once."""
    async with connected(valkey_url) as client:
        for policy, at_most_ms in (
            (Policy.sliding("mortal-s", 9, 10), 11_000),
            (Policy.fixed("mortal-f", 9, 10), 10_000),
            (Policy("mortal-g", 1, 10, 9), 10_000),
        ):
            await promised(partial(store.ask_all, [Check(policy, "k")]))
            left_ms = await client.command("PTTL", f"rl:{{{policy.id}}}:k")
            assert isinstance(left_ms, int)
            assert 0 < left_ms <= at_most_ms + 2
            await promised(partial(store.give_back, policy, "k", 5))
            assert await client.command("EXISTS", f"rl:{{{policy.id}}}:k") == 0


def test_a_calendar_knows_the_zone() -> None:
    """Qatar's day begins at 21:00 UTC; a week on Sunday; a month and a year on their first."""
    second = 1_795_507_745  # Tuesday 2026-11-24 08:49:05 UTC
    from_utc = {
        "day": (1_795_467_600, 1_795_554_000),
        "week": (1_795_294_800, 1_795_899_600),
        "month": (1_793_480_400, 1_796_072_400),
        "year": (1_767_214_800, 1_798_750_800),
    }
    for unit, expected in from_utc.items():
        algorithm = Policy.quota("q", 1, unit).algorithm  # type: ignore[arg-type]  # the literals, as keys
        assert isinstance(algorithm, Calendar)
        assert bounds(algorithm, second)[:2] == expected


async def test_a_refund_in_a_sliding_window_takes_the_oldest(store: ValkeyStore) -> None:
    """Those end first, so giving them back admits no more later than was given back."""
    policy = Policy.sliding("oldest", 10, 10)
    for now in (START_US, START_US + 5 * SECOND_US):
        await promised(partial(store.ask, Check(policy, "k", 3), now_us=now))
    back: Taken = await promised(partial(store.give_back, policy, "k", 3, now_us=START_US + 6 * SECOND_US))
    late: Taken = await promised(partial(store.ask, Check(policy, "k", 0), now_us=START_US + 12 * SECOND_US))
    assert (back[1], late[1]) == (7, 7)


async def test_a_fraction_left_by_a_looser_policy_never_shuts_longer(store: ValkeyStore) -> None:
    """A state at the very edge of the new depth, but for its fraction, counts as full."""
    loose, strict = Policy("edge", 7, 1, 3), Policy("edge", 7, 1, 1)
    await promised(partial(store.ask, Check(loose, "k", 3), now_us=START_US))
    # A third of what it took lies exactly one interval ahead of this moment.
    later = START_US + 2 * 142_857
    for ask in (store.ask, lambda check, done, now_us: store.ask_all([check], done, now_us)):
        taken = await promised(partial(ask, Check(strict, "k"), now_us=later))
        four = taken if isinstance(taken, tuple) else taken[0]
        assert four[0] == 0
        assert four[3] <= 142_858
