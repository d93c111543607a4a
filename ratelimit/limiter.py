"""The limiter: may this key proceed now?

It leans open. When the store is away each policy says what happens: ``open`` lets everyone pass, ``closed``
refuses everyone, ``local`` (the default) limits in this process by an equal share, so that the origin is
still protected; the decision says that it was made so. No check ever raises for a store that is away.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from ratelimit.algorithm import Unlimited
from ratelimit.check import COST_MAX as COST_MAX
from ratelimit.check import Check as Check
from ratelimit.decision import Decision, Taken, Verdict
from ratelimit.fallback import Fallback
from ratelimit.policy import OnStoreLoss, Policy
from ratelimit.promise import promised
from ratelimit.stats import LimiterStats
from ratelimit.store import Store, StoreUnavailable
from ratelimit.together import Together

TOGETHER_MAX = 32
"""Limits of one request: more are a mistake in the rules, and each costs the store a microsecond or two."""


class Limiter:
    """Decides on one store. ``holders`` is how many workers share a limit while the store is away."""

    def __init__(
        self,
        store: Store,
        *,
        holders: int = 1,
        local_keys_max: int = 100_000,
        now_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000,
    ) -> None:
        self._store = store
        self._fallback = Fallback(holders=holders, keys_max=local_keys_max, now_us=now_us)
        self._outcomes = {True: 0, False: 0}
        self._fallbacks: dict[OnStoreLoss, int] = {"open": 0, "closed": 0, "local": 0}

    # -- one limit -----------------------------------------------------------

    def ask(self, check: Check, done: Callable[[Decision], None]) -> None:
        """Decide one. ``done`` is called once: at once, or with the others of this event-loop tick.

        No task and no future: two microseconds. What ``done`` raises is logged and harms no other.
        """
        at_once = self._without_store(check)
        if at_once is not None:
            done(at_once)
        else:
            self._store.ask(check, partial(self._answered, check, done))

    async def check(self, policy: Policy, key: str, cost: int = 1) -> Decision:
        """Decide one, in one round trip."""
        return await promised(partial(self.ask, Check(policy, key, cost)))

    async def check_many(self, checks: Sequence[Check]) -> list[Decision]:
        """Decide each by itself; answers in order."""
        gathering = _Gathering(len(checks))
        for index, check in enumerate(checks):
            self.ask(check, partial(gathering.put, index))
        return await gathering.all

    # -- several limits, all or nothing --------------------------------------

    def ask_together(self, checks: Sequence[Check], done: Callable[[Verdict], None]) -> None:
        """Take of all limits or of none, in one trip; ``done`` is called once, as ``ask`` does.

        On a cluster that needs keys of one slot (``Policy.tag``); otherwise see ``together``.
        """
        if len(checks) > TOGETHER_MAX:
            raise ValueError(f"{len(checks)} limits together, not up to {TOGETHER_MAX}")
        at_once = [self._without_store(check) for check in checks]
        for decision in at_once:
            if decision is not None and not decision.allowed:
                done(Verdict(False, (decision,), decision))
                return
        asked = [check for check, decision in zip(checks, at_once, strict=True) if decision is None]
        if asked:
            Together(asked, self._store, self._fallback, partial(self._judged, at_once, done)).ask()
        else:
            done(Verdict.of([decision for decision in at_once if decision is not None]))

    async def check_together(self, checks: Sequence[Check]) -> Verdict:
        return await promised(partial(self.ask_together, checks))

    # -- what it counted -----------------------------------------------------

    def stats(self) -> LimiterStats:
        return LimiterStats(
            allowed=self._outcomes[True],
            refused=self._outcomes[False],
            fallback_open=self._fallbacks["open"],
            fallback_closed=self._fallbacks["closed"],
            fallback_local=self._fallbacks["local"],
            local_keys=len(self._fallback),
        )

    # -- inside --------------------------------------------------------------

    def _without_store(self, check: Check) -> Decision | None:
        """The decision that needs no store, if there is one."""
        policy = check.policy
        if policy.limit == 0:
            return self._count(Decision(False, policy.id, 0, 0, 0, None, "ban"))
        if type(policy.algorithm) is Unlimited:
            return self._count(Decision(True, policy.id, policy.limit, policy.limit, 0, None, "unlimited"))
        return None

    def _answered(
        self, check: Check, done: Callable[[Decision], None], taken: Taken | StoreUnavailable
    ) -> None:
        if type(taken) is tuple:
            decision = Decision.of(check.policy, taken)
        else:
            decision = self._fallback.decide(check.policy, check.key, check.cost)
        done(self._count(decision))

    def _judged(
        self,
        at_once: Sequence[Decision | None],
        done: Callable[[Verdict], None],
        decisions: list[Decision],
    ) -> None:
        for decision in decisions:
            self._count(decision)
        answers = iter(decisions)
        done(Verdict.of([decision or next(answers) for decision in at_once]))

    def _count(self, decision: Decision) -> Decision:
        self._outcomes[decision.allowed] += 1
        if decision.fallback is not None:
            self._fallbacks[decision.fallback] += 1
        return decision


class _Gathering:
    """The answers of many questions, in order."""

    def __init__(self, count: int) -> None:
        self._decisions: dict[int, Decision] = {}
        self._count = count
        self.all: asyncio.Future[list[Decision]] = asyncio.get_running_loop().create_future()
        if not count:
            self.all.set_result([])

    def put(self, index: int, decision: Decision) -> None:
        decisions = self._decisions
        decisions[index] = decision
        if len(decisions) == self._count and not self.all.done():
            self.all.set_result([decisions[index] for index in range(self._count)])
