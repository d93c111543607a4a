"""What is counted: by policy in bounded series, and the heaviest keys in bounded memory."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ratelimit.decision import Decision
from ratelimit.heavy import HeavyKeys
from ratelimit.limiter import Limiter
from ratelimit.policy import Policy
from ratelimit.tally import OTHER, POLICIES_MAX, Tally
from ratelimit.valkey import ValkeyStore
from tests.stores import connected

POLICY = Policy("p", 10, 60, 10)


def allowed(remaining: int = 5) -> Decision:
    return Decision(True, "p", 10, remaining, 0, None)


async def test_decisions_are_counted_by_policy(valkey_url: str) -> None:
    """Allowed, refused, near the limit: each once, under the policy's name."""
    async with connected(valkey_url) as client:
        limiter = Limiter(ValkeyStore(client))
        for _ in range(12):
            await limiter.check(POLICY, "k")
        await limiter.check(Policy("other-one", 1, 60, 1), "k")
        stats = limiter.stats()
    assert stats.policy_allowed == {"p": 10, "other-one": 1}
    assert stats.policy_refused == {"p": 2, "other-one": 0}
    assert stats.policy_near == {"p": 2, "other-one": 1}
    assert (stats.allowed, stats.refused) == (11, 2)


def test_series_are_bounded() -> None:
    """Ten million keys are no series at all, and policies beyond a thousand share one."""
    tally = Tally()
    for n in range(3 * POLICIES_MAX):
        tally.count(Policy(f"p{n}", 1, 60, 1), f"key {n}", allowed())
    counts = tally.by_policy()
    assert len(counts) == POLICIES_MAX + 1
    assert counts[OTHER].allowed == 2 * POLICIES_MAX
    assert all(len(one.heavy.heaviest("p")) <= 64 for one in counts.values())


def test_the_heaviest_are_named_in_a_flood_of_keys() -> None:
    """Five callers with 2 % each among 180,000 other keys: they lead the list, with about their counts."""
    tally, chance = Tally(), random.Random(3)
    truth: Counter[str] = Counter()
    for n in range(200_000):
        key = f"heavy-{chance.randrange(5)}" if chance.random() < 0.1 else f"key-{n}"
        truth[key] += 1
        tally.count(POLICY, key, allowed())
    leading = tally.heaviest("p")[:5]
    assert {one.key for one in leading} == {f"heavy-{n}" for n in range(5)}
    for one in leading:
        assert one.asked / 1.4 < truth[one.key] < (one.asked + one.error) * 1.4


def test_a_caller_with_a_rhythm_is_seen() -> None:
    """Each 64th decision is looked at, but not in step: a fixed gap would never look at it."""
    tally = Tally()
    for n in range(64_000):
        tally.count(POLICY, "steady" if n % 16 == 3 else f"key-{n}", allowed())
    assert tally.heaviest("p")[0].key == "steady"


def test_who_asked_once_is_not_told_to_have_asked_often() -> None:
    """Neither by a counter that was another key's, nor by the weight of a sample."""
    tally = Tally()
    for n in range(100_000):
        tally.count(POLICY, "greedy" if n % 10 == 0 else f"key-{n}", allowed())
        if n == 999:
            assert {one.asked for one in tally.heaviest("p")[1:]} == {1}
    greedy, *others = tally.heaviest("p")
    assert greedy.key == "greedy"
    assert 8_000 < greedy.asked < 12_000
    assert {one.asked for one in others} == {1}


def test_a_quiet_policy_of_a_busy_worker_counts_exactly() -> None:
    """One policy's flood takes nothing from what is known of another."""
    tally, quiet = Tally(), Policy("quiet", 1, 60, 1)
    for n in range(50_000):
        tally.count(POLICY, f"key-{n}", allowed())
        if n % 500 == 0:
            tally.count(quiet, "seldom", allowed())
    assert [(one.asked, one.error) for one in tally.heaviest("quiet")] == [(100, 0)]


def test_a_quiet_worker_counts_exactly() -> None:
    """Who looks at the list after a few requests sees each of them."""
    tally = Tally()
    for n in range(90):
        tally.count(POLICY, f"key-{n % 3}", allowed())
    assert [(one.asked, one.error) for one in tally.heaviest("p")] == [(30, 0)] * 3


def test_refusals_are_told_apart() -> None:
    """Who is refused most is what an operator looks for."""
    tally, refused = Tally(), Decision(False, "p", 10, 0, 0, 1000)
    for n in range(4000):
        tally.count(POLICY, "greedy" if n % 2 else "modest", refused if n % 2 else allowed())
    found = {one.key: one for one in tally.heaviest()}
    assert found["modest"].refused == 0
    assert found["greedy"].refused == found["greedy"].asked
    assert tally.heaviest("unknown") == []


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3)), max_size=300))
def test_counts_are_never_too_high_and_their_error_is_told(askings: list[tuple[int, int]]) -> None:
    """Space-saving: asked <= truth <= asked + error, and who has more than an eighth of all is there."""
    heavy, truth = HeavyKeys(keys_max=8), Counter[str]()
    for key, weight in askings:
        heavy.note(str(key), weight, allowed=True)
        truth[str(key)] += weight
    found = {one.key: one for one in heavy.heaviest("p")}
    assert len(found) <= 8
    for name, one in found.items():
        assert one.asked <= truth[name] <= one.asked + one.error
        assert one.refused == 0
    assert all(name in found for name, count in truth.items() if count > sum(truth.values()) / 8)
