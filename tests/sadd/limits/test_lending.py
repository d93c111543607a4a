"""Leases and slots of several limits, where one of them refuses or the store goes away in between."""

from collections.abc import Sequence
from typing import Any

import pytest

from ratelimit.decision import Decision
from ratelimit.lease import NONCE_BYTES, Lease, LeaseName
from ratelimit.policy import Policy
from ratelimit.store import StoreUnavailable
from sadd.limits.desk import Desk
from sadd.limits.leases import Leases
from sadd.limits.policies import policy_of
from sadd.limits.rule import Limit, Rule, Rules
from sadd.limits.rules import Book
from sadd.limits.slots import Slots
from tests.sadd.limits.scene import RESULTS, TEN, Books, View, asked, rule


class Engine:
    """Grants in this order what each limit has; ``away`` from the first giving back on."""

    def __init__(self, grants: Sequence[int] = (), *, away: bool = False) -> None:
        self._grants = list(grants)
        self._away = away
        self.back: list[tuple[str, int]] = []
        self.released: list[str] = []
        self.slots: dict[str, int] = {}

    async def lease(self, policy: Policy, key: str, tokens: int) -> Lease:
        granted = min(tokens, self._grants.pop(0))
        name = LeaseName(policy.id, key, bytes(NONCE_BYTES))
        decision = Decision(granted > 0, policy.id, policy.limit, 0, 1_000, None if granted else 1_000)
        return Lease(name.id, policy.id, key, granted, 9_000, decision)

    async def give_back(self, policy: Policy, _lease_id: str, unused: int) -> int:
        if self._away:
            raise StoreUnavailable("away")
        self.back.append((policy.id, unused))
        return unused

    async def acquire(self, policy: Policy, _key: str, _slot: str) -> Decision:
        self.slots[policy.id] = self.slots.get(policy.id, 0) + 1
        allowed = self.slots[policy.id] <= policy.limit
        return Decision(allowed, policy.id, policy.limit, 0, 0, None if allowed else 50)

    async def release(self, policy: Policy, _key: str, _slot: str, _outcome: Any, _latency: float) -> bool:
        if self._away:
            raise StoreUnavailable("away")
        self.released.append(policy.id)
        return True

    ask = ask_many = ask_together = None


def desk(*rules: Rule) -> Desk:
    engine: Any = Engine()
    return Desk(engine, View(), Books(Book.of(Rules(1, rules))))


ONE, TWO = rule("one", limit=TEN), rule("two", limit=TEN)


async def test_each_limit_is_asked_for_what_the_one_before_granted() -> None:
    """Eight, five and three: three are granted, and the others' surplus comes back with the rest."""
    engine = Engine([8, 5, 3])
    leases = Leases(engine, desk(ONE, TWO))
    grant = await leases.lease(None, asked(), 8)
    assert grant.granted == 3
    assert await leases.give_back(grant.id, 1) == 1
    assert engine.back == [(RESULTS, 6), ("rule.one", 3), ("rule.two", 1)]


@pytest.mark.parametrize("away", [False, True])
async def test_a_limit_that_grants_nothing_gives_back_what_others_granted(away: bool) -> None:
    """With the store away it lapses instead; the caller hears of the refusal in both cases."""
    engine = Engine([8, 0], away=away)
    grant = await Leases(engine, desk(ONE)).lease(None, asked(), 8)
    assert (grant.granted, grant.decision.policy, grant.decision.retry_after_ms) == (0, "rule.one", 1_000)
    assert engine.back == ([] if away else [(RESULTS, 8)])


async def test_a_lease_of_a_rule_that_is_gone_gives_back_the_rest() -> None:
    """Of the limits that there still are."""
    engine = Engine([4, 4])
    grant = await Leases(engine, desk(ONE)).lease(None, asked(), 4)
    assert await Leases(engine, desk()).give_back(grant.id, 4) == 0
    assert engine.back == [(RESULTS, 4)]
    counted = rule("one", limit=Limit(1, "concurrency"))
    assert await Leases(engine, desk(counted)).give_back(grant.id, 4) == 0


@pytest.mark.parametrize("away", [False, True])
async def test_a_refused_slot_holds_none_of_the_others(away: bool) -> None:
    """What was acquired before is released, or free after its time."""
    wide = rule("a", limit=Limit(5, "concurrency"))
    narrow = rule("b", limit=Limit(1, "concurrency"))
    engine = Engine(away=away)
    slots = Slots(engine, desk(wide, narrow))
    assert (await slots.acquire(None, asked())).decision.allowed
    refused = await slots.acquire(None, asked())
    assert (refused.decision.allowed, refused.decision.policy) == (False, "rule.b")
    assert engine.released == ([] if away else ["rule.a"])


def test_without_a_store_slots_are_closed_unless_they_are_open() -> None:
    """Nobody but the store can count them; what counts units is shared out among the workers."""
    for limit, way in (
        (Limit(1, "concurrency"), "closed"),
        (Limit(1, "adaptive", on_store_loss="open"), "open"),
        (Limit(1, "calendar", unit="day"), "local"),
    ):
        assert policy_of(rule(limit=limit)).on_store_loss == way
