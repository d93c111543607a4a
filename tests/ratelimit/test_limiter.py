"""The façade: batches, bans, and each policy's way when the store is away."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.decision import Decision
from ratelimit.fallback import CLOSED_RETRY_MS, Fallback
from ratelimit.known import KnownOver
from ratelimit.limiter import COST_MAX, Check, Limiter
from ratelimit.policy import Policy
from ratelimit.valkey import ValkeyStore
from tests.stores import StoppableValkey, connected
from tests.waiting import eventually


def fallback(holders: int = 1, now_us: Callable[[], int] = lambda: 0) -> Fallback:
    known = KnownOver(keys_max=10, now_us=now_us)
    return Fallback(holders=holders, keys_max=10, known=known, now_us=now_us)


async def test_a_decision_has_the_numbers(store: ValkeyStore) -> None:
    """Allowed: what remains and when all is back. Refused: when to come again, rounded up to the ms."""
    limiter, policy = Limiter(store), Policy("numbers", 3, 1, 2)
    first, second, third = [await limiter.check(policy, "k") for _ in range(3)]
    assert (first.allowed, first.limit, first.remaining, first.retry_after_ms) == (True, 3, 1, None)
    assert (second.allowed, second.remaining) == (True, 0)
    assert not third.allowed
    assert third.retry_after_ms is not None
    assert 0 < third.retry_after_ms <= 334
    assert third.decided_by == "store"


async def test_keys_and_policies_do_not_touch_each_other(store: ValkeyStore) -> None:
    """One key's refusal is no other key's, nor the same key's under another policy."""
    limiter = Limiter(store)
    one, other = Policy("one", 1, 60, 1), Policy("other", 1, 60, 1)
    assert (await limiter.check(one, "k")).allowed
    assert not (await limiter.check(one, "k")).allowed
    assert (await limiter.check(one, "l")).allowed
    assert (await limiter.check(other, "k")).allowed


async def test_a_batch_answers_in_order(store: ValkeyStore) -> None:
    """Checks of several policies, mixed and repeated, come back each in its place."""
    limiter = Limiter(store)
    a, b = Policy("a", 1, 60, 1), Policy("b", 1, 60, 2)
    asked = [Check(a, "x"), Check(b, "x"), Check(a, "x"), Check(b, "x"), Check(a, "y"), Check(b, "x")]
    decisions = await limiter.check_many(asked)
    assert [d.policy for d in decisions] == ["a", "b", "a", "b", "a", "b"]
    assert [d.allowed for d in decisions] == [True, True, False, True, True, False]


async def test_an_empty_batch_is_an_empty_answer(store: ValkeyStore) -> None:
    """Nothing asked, nothing answered, nothing sent."""
    assert await Limiter(store).check_many([]) == []


async def test_a_limit_of_zero_is_a_ban(store: ValkeyStore) -> None:
    """It refuses every cost, promises no time, and asks no store."""
    policy = Policy("ban", 0, 60, 1)
    for cost in (0, 1, 5):
        decision = await Limiter(store).check(policy, "k", cost)
        assert decision == Decision(False, "ban", 0, 0, 0, None, "ban")


async def test_a_peek_foretells_and_takes_nothing(store: ValkeyStore) -> None:
    """Cost 0 answers as a cost of 1 would, any number of times."""
    limiter, policy = Limiter(store), Policy("peek", 1, 60, 1)
    assert all([(await limiter.check(policy, "k", 0)).allowed for _ in range(5)])
    await limiter.check(policy, "k")
    assert not (await limiter.check(policy, "k", 0)).allowed


async def test_a_cost_above_the_burst_never_passes(store: ValkeyStore) -> None:
    """It is refused without a time to retry, and takes nothing."""
    limiter, policy = Limiter(store), Policy("big", 100, 60, 5)
    refused = await limiter.check(policy, "k", 6)
    assert (refused.allowed, refused.retry_after_ms, refused.remaining) == (False, None, 5)
    assert (await limiter.check(policy, "k", 5)).allowed


@pytest.mark.parametrize(
    ("key", "cost"), [("", 1), ("k" * 513, 1), ("ن" * 257, 1), ("k", -1), ("k", COST_MAX + 1)]
)
def test_a_question_out_of_bounds_is_misuse(key: str, cost: int) -> None:
    """A key has 1 to 512 bytes, a cost is 0 to a thousand million."""
    with pytest.raises(ValueError):
        Check(Policy("p", 1, 1, 1), key, cost)


async def test_the_limiter_leans_open_when_the_store_is_gone(own_valkey: StoppableValkey) -> None:
    """Store killed: open admits, closed refuses, local admits its share; each says so, and none raises."""
    policies = {way: Policy(way, 10, 60, 4, way) for way in ("open", "closed", "local")}
    async with connected(own_valkey.url, deadline_ms=2_000) as client:
        limiter = Limiter(ValkeyStore(client), holders=2)
        assert (await limiter.check(policies["local"], "k")).decided_by == "store"
        own_valkey.stop()
        opened, closed = (
            await limiter.check(policies["open"], "k"),
            await limiter.check(policies["closed"], "k"),
        )
        local = [await limiter.check(policies["local"], "k") for _ in range(3)]
        assert (opened.allowed, opened.decided_by) == (True, "open")
        assert (closed.allowed, closed.decided_by, closed.retry_after_ms) == (False, "closed", 1000)
        assert [(d.allowed, d.decided_by) for d in local] == [
            (True, "local"),
            (True, "local"),
            (False, "local"),
        ]
        stats = limiter.stats()
        assert (stats.fallback_open, stats.fallback_closed, stats.fallback_local) == (1, 1, 3)

        own_valkey.start()
        again = await eventually(lambda: _from_store(limiter, policies["closed"]))
        assert again is not None
        assert again.allowed


@pytest.mark.parametrize("make", [Policy.sliding, Policy.fixed])
async def test_windows_have_a_local_share_too(
    own_valkey: StoppableValkey, make: Callable[[str, int, int], Policy]
) -> None:
    """Without a store one of two workers admits half of a window's limit at once, and a quota's likewise."""
    quota = Policy.quota("monthly", 10, "month")
    async with connected(own_valkey.url, deadline_ms=2_000) as client:
        limiter = Limiter(ValkeyStore(client), holders=2)
        own_valkey.stop()
        for policy in (make("window", 10, 3600), quota):
            decisions = [await limiter.check(policy, "k") for _ in range(8)]
            assert [decision.allowed for decision in decisions] == [True] * 5 + [False] * 3
            assert {(decision.decided_by, decision.fallback) for decision in decisions} == {
                ("share", "local")
            }
            # Neither the end of the window nor what was used of it is known: only that the store may be back.
            assert decisions[-1].retry_after_ms is not None
            assert CLOSED_RETRY_MS <= decisions[-1].retry_after_ms <= 1.5 * CLOSED_RETRY_MS


@given(st.integers(1, 20))
def test_a_share_never_says_that_no_wait_helps(cost: int) -> None:
    """A cost that the whole limit has room for waits for the store, and only one above it for nothing."""
    for policy in (Policy("rate", 100, 60, 10), Policy.sliding("window", 10, 60)):
        decision = fallback(holders=4).decide(policy, "k", cost)
        assert decision.allowed == (cost <= 2)
        assert (decision.retry_after_ms is None) == (cost <= 2 or cost > 10)


async def _from_store(limiter: Limiter, policy: Policy) -> Decision | None:
    decision = await limiter.check(policy, "k")
    return None if decision.fallback else decision


async def test_a_script_that_fails_is_told(
    own_valkey: StoppableValkey, caplog: pytest.LogCaptureFixture
) -> None:
    """Decided as without the store; counted each time, and in the log once: it is a defect, not an outage."""
    policy = Policy("faulty", 10, 60, 4)
    async with connected(own_valkey.url, deadline_ms=2_000) as client:
        limiter = Limiter(ValkeyStore(client))
        await limiter.check(policy, "k")
        found = await client.command("KEYS", "*")
        assert isinstance(found, list)
        name = found[0]
        assert isinstance(name, bytes)
        await client.command("DEL", name)
        await client.command("RPUSH", name, "no counter")
        assert (await limiter.check(policy, "k")).fallback == "local"
        await limiter.check_many([Check(policy, "k")] * 3)
        await limiter.check_together([Check(policy, "k"), Check(Policy("other", 9, 60, 9), "k")])
        assert limiter.stats().store_faults == 6
        (line,) = [record.getMessage() for record in caplog.records if record.name == "ratelimit"]
        assert "WRONGTYPE" in line
        own_valkey.stop()
        assert (await limiter.check(policy, "k")).fallback == "local"
        assert limiter.stats().store_faults == 6


async def test_a_flushed_script_is_no_error(store: ValkeyStore, valkey_url: str) -> None:
    """A store that forgot the script (restart, fail-over) decides all the same."""
    limiter, policy = Limiter(store), Policy("flushed", 1, 60, 2)
    await limiter.check(policy, "k")
    async with connected(valkey_url) as client:
        await client.command("SCRIPT", "FLUSH")
    assert (await limiter.check(policy, "k")).decided_by == "store"


def test_shares_add_up_to_the_policy() -> None:
    """Four holders that are asked without pause admit together the rate, and at most the burst more."""
    now = [0]
    policy = Policy("shared", 100, 1, 8)
    holders = [fallback(4, lambda: now[0]) for _ in range(4)]
    admitted = 0
    for now[0] in range(0, 10_000_000, 1_000):
        admitted += sum(holder.decide(policy, "k", 1).allowed for holder in holders)
    assert 1000 - 4 <= admitted <= 1000 + 8


@given(st.lists(st.integers(0, 50), max_size=300))
def test_the_fallback_forgets_the_longest_unused_key(asked: list[int]) -> None:
    """Memory is bounded whatever keys come, and the most recent ones are those that are kept."""
    one, policy = fallback(), Policy("p", 1, 60, 1)
    for key in asked:
        one.decide(policy, str(key), 1)
    recent = list(dict.fromkeys(reversed(asked)))[:10]
    assert len(one) == len(recent)
    assert not any(one.decide(policy, str(key), 1).allowed for key in recent)
