"""The limiter: may this key proceed now?

It leans open. When the store is away each policy says what happens: ``open`` lets everyone pass, ``closed``
refuses everyone, ``local`` (the default) limits in this process by an equal share, so that the origin is
still protected; the decision says that it was made so. No check ever raises for a store that is away.
What is held for a while needs it: without a store nothing is lent, and slots are open or closed.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from ratelimit.check import COST_MAX as COST_MAX
from ratelimit.check import Check as Check
from ratelimit.decision import Decision, Taken, Verdict
from ratelimit.heavy import Heavy
from ratelimit.judge import Judge
from ratelimit.known import KEYS_MAX
from ratelimit.lease import Lease
from ratelimit.lending import LeaseCounts, Lending
from ratelimit.many import Many
from ratelimit.policy import Policy
from ratelimit.promise import promised
from ratelimit.slots import Slots
from ratelimit.spread import Spread
from ratelimit.stats import LimiterStats
from ratelimit.store import Holdings, Outcome, Store, StoreUnavailable
from ratelimit.together import Reservation, judged

TOGETHER_MAX = 32
"""Limits of one request: more are a mistake in the rules, and each costs the store a few microseconds."""


class Limiter:
    """Decides on one store. ``holders`` is how many workers share a limit while the store is away."""

    def __init__(
        self,
        store: Store,
        *,
        holdings: Holdings | None = None,
        holders: int = 1,
        local_keys_max: int = 100_000,
        known_keys_max: int = KEYS_MAX,
        spread: Spread | None = None,
        now_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000,
    ) -> None:
        self._store = store
        self._judge = Judge(
            holders=holders,
            local_keys_max=local_keys_max,
            known_keys_max=known_keys_max,
            spread=spread or Spread(),
            now_us=now_us,
        )
        self._lending = Lending(holdings, self._judge) if holdings else None
        self._slots = Slots(holdings, self._judge) if holdings else None

    # -- one limit -----------------------------------------------------------

    def ask(self, check: Check, done: Callable[[Decision], None]) -> None:
        """Decide one. ``done`` is called once: at once, or with the others of this event-loop tick.

        No task and no future: some microseconds. What ``done`` raises is logged and harms no other.
        """
        decision = self._judge.at_once(check)
        if decision is not None:
            done(decision)
        else:
            self._store.ask(check, partial(self._answered, check, done))

    async def check(self, policy: Policy, key: str, cost: int = 1) -> Decision:
        """Decide one, in one round trip."""
        return await promised(partial(self.ask, Check(policy, key, cost)))

    def ask_many(self, checks: Sequence[Check], done: Callable[[list[Decision]], None]) -> None:
        """Decide each by itself; answers in order. One call of the store for each policy and 64 keys.

        A third of the cost of as many ``ask``. ``done`` is called once, as ``ask`` does.
        """
        Many(checks, self._store, self._judge, done)

    async def check_many(self, checks: Sequence[Check]) -> list[Decision]:
        return await promised(partial(self.ask_many, checks))

    # -- several limits, all or nothing --------------------------------------

    def ask_together(self, checks: Sequence[Check], done: Callable[[Verdict], None]) -> None:
        """Take of all limits or of none, in one trip; ``done`` is called once, as ``ask`` does.

        On a cluster that needs keys of one slot (``Policy.tag``); otherwise see ``together``.
        Raises ValueError for more than TOGETHER_MAX checks.
        """
        if len(checks) > TOGETHER_MAX:
            raise ValueError(f"{len(checks)} limits together, not up to {TOGETHER_MAX}")
        free: list[tuple[int, Decision]] = []
        for index, check in enumerate(checks):
            decision = self._judge.at_once(check)
            if decision is None:
                continue
            if not decision.allowed:
                done(Verdict(False, (decision,), decision))
                return
            free.append((index, decision))
        if free or not checks:
            self._ask_limited(checks, free, done)
        else:
            self._ask_all(checks, done)

    async def check_together(self, checks: Sequence[Check]) -> Verdict:
        return await promised(partial(self.ask_together, checks))

    # -- putting right -------------------------------------------------------

    async def refund(self, policy: Policy, key: str, cost: int) -> Decision:
        """Count ``cost`` fewer as used, never fewer than none. The decision has the numbers after that.

        Other workers may refuse the key from memory for KNOWN_US_MAX more. Raises StoreUnavailable.
        """
        check = Check(policy, key, cost)
        if policy.kind != "counts":
            return _as_told(self._judge.at_once(check))
        taken: Taken = await promised(partial(self._store.give_back, policy, key, cost))
        self._judge.known.forget(policy, key)
        return self._judge.worded(check, taken)

    async def reset(self, policy: Policy, key: str) -> bool:
        """Make the key as if never used; False when it was. As ``refund`` for other workers."""
        found = await self._store.forget(policy, key)
        self._judge.known.forget(policy, key)
        return found

    # -- what is held for a while --------------------------------------------

    async def lease(self, policy: Policy, key: str, tokens: int) -> Lease:
        """Take up to ``tokens``, at most half of what is left, for one holder to use alone; see ``lease``."""
        return await _there(self._lending).lease(policy, key, tokens)

    async def give_back(self, policy: Policy, lease_id: str, unused: int) -> int:
        """End a lease: how many of its unused units count as unused again. Once; later 0.

        ``LeaseName.of(lease_id).policy`` says of which policy it is. Raises StoreUnavailable, ValueError.
        """
        return await _there(self._lending).give_back(policy, lease_id, unused)

    async def acquire(self, policy: Policy, key: str, slot: str) -> Decision:
        """Hold a slot of a ``Concurrency`` or ``Adaptive`` policy; "" only looks. See ``slots``."""
        return await _there(self._slots).acquire(policy, key, slot)

    async def release(
        self, policy: Policy, key: str, slot: str, outcome: Outcome = "success", latency_ms: float = 0
    ) -> bool:
        """Free the slot and say how it went. False when it was not held. Raises StoreUnavailable."""
        return await _there(self._slots).release(policy, key, slot, outcome, latency_ms)

    # -- what it counted -----------------------------------------------------

    def heaviest(self, policy: str | None = None) -> list[Heavy]:
        """The keys that asked this worker most, of one policy or of all; estimates from a sample."""
        return self._judge.tally.heaviest(policy)

    def stats(self) -> LimiterStats:
        judge = self._judge
        leases = self._lending.counts if self._lending else LeaseCounts()
        counts = judge.tally.by_policy()
        every = list(counts.values())
        return LimiterStats(
            allowed=sum(one.allowed for one in every),
            refused=sum(one.refused for one in every),
            fallback_open=sum(one.open for one in every),
            fallback_closed=sum(one.closed for one in every),
            fallback_local=sum(one.local for one in every),
            store_faults=judge.faults.count,
            local_keys=len(judge.fallback),
            known_keys=len(judge.known),
            known_hits=sum(one.memory for one in every),
            leases=leases.granted,
            lease_units_lent=leases.units_lent,
            lease_units_ended=leases.units_ended,
            lease_units_returned=leases.units_returned,
            lease_units_late=leases.units_late,
            policy_allowed={name: one.allowed for name, one in counts.items()},
            policy_refused={name: one.refused for name, one in counts.items()},
            policy_near={name: one.near for name, one in counts.items()},
            policy_fallback={name: one.open + one.closed + one.local for name, one in counts.items()},
        )

    # -- inside --------------------------------------------------------------

    def _answered(
        self, check: Check, done: Callable[[Decision], None], taken: Taken | StoreUnavailable
    ) -> None:
        if type(taken) is tuple:
            done(self._judge.taken(check, taken))
        else:
            assert isinstance(taken, StoreUnavailable)
            done(self._judge.without(check, taken))

    def _ask_all(self, checks: Sequence[Check], done: Callable[[Verdict], None]) -> None:
        if not self._store.ask_all(checks, partial(judged, self._judge, checks, done)):
            Reservation(checks, self._store, self._judge, done).ask()

    def _ask_limited(
        self,
        checks: Sequence[Check],
        free: Sequence[tuple[int, Decision]],
        done: Callable[[Verdict], None],
    ) -> None:
        """Without the unlimited ones, whose decisions take their places in the answer."""
        unlimited = dict(free)
        limited = [check for index, check in enumerate(checks) if index not in unlimited]

        def all_of(verdict: Verdict) -> None:
            rest = iter(verdict.decisions)
            decisions = [unlimited.get(index) or next(rest) for index in range(len(checks))]
            done(Verdict(verdict.allowed, tuple(decisions), verdict.denied_by))

        if limited:
            self._ask_all(limited, all_of)
        else:
            all_of(Verdict(True, ()))


T = TypeVar("T")


def _there(part: T | None) -> T:
    """Raises RuntimeError when the limiter was built without holdings."""
    if part is None:
        raise RuntimeError("this limiter was built without holdings: it lends and holds nothing")
    return part


def _as_told(decision: Decision | None) -> Decision:
    assert decision is not None, "what is not counted is answered by itself"
    return decision
