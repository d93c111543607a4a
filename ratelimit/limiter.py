"""The limiter: may this key proceed now?

It leans open. When the store is away each policy says what happens: ``open`` lets everyone pass, ``closed``
refuses everyone, ``local`` (the default) limits in this process by an equal share, so that the origin is
still protected; the decision says that it was made so. No check ever raises for a store that is away.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ratelimit.decision import Decision
from ratelimit.fallback import Fallback
from ratelimit.policy import OnStoreLoss, Policy
from ratelimit.stats import LimiterStats
from ratelimit.store import Store, StoreUnavailable

COST_MAX = 1_000_000_000
KEY_BYTES_MAX = 512


@dataclass(frozen=True, slots=True)
class Check:
    """One question. ``cost`` 0 peeks. Raises ValueError for a cost or key out of bounds."""

    policy: Policy
    key: str
    cost: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.cost <= COST_MAX:
            raise ValueError(f"cost is {self.cost}, not 0..{COST_MAX}")
        if not self.key or len(self.key.encode()) > KEY_BYTES_MAX:
            raise ValueError(f"key is empty or longer than {KEY_BYTES_MAX} bytes")


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

    async def check(self, policy: Policy, key: str, cost: int = 1) -> Decision:
        """Decide one, in one round trip."""
        (decision,) = await self._decide(policy, [Check(policy, key, cost)])
        return decision

    async def check_many(self, checks: Sequence[Check]) -> list[Decision]:
        """Decide each by itself; answers in order. One call of the store for each policy and 128 keys."""
        by_policy: dict[Policy, list[int]] = {}
        for index, check in enumerate(checks):
            by_policy.setdefault(check.policy, []).append(index)
        groups = await asyncio.gather(
            *(self._decide(policy, [checks[i] for i in group]) for policy, group in by_policy.items())
        )
        decisions: dict[int, Decision] = {}
        for group, answers in zip(by_policy.values(), groups, strict=True):
            decisions.update(zip(group, answers, strict=True))
        return [decisions[index] for index in range(len(checks))]

    def stats(self) -> LimiterStats:
        return LimiterStats(
            allowed=self._outcomes[True],
            refused=self._outcomes[False],
            fallback_open=self._fallbacks["open"],
            fallback_closed=self._fallbacks["closed"],
            fallback_local=self._fallbacks["local"],
            local_keys=len(self._fallback),
        )

    async def _decide(self, policy: Policy, checks: Sequence[Check]) -> list[Decision]:
        decisions = await self._ask(policy, checks)
        for decision in decisions:
            self._outcomes[decision.allowed] += 1
            if decision.fallback is not None:
                self._fallbacks[decision.fallback] += 1
        return decisions

    async def _ask(self, policy: Policy, checks: Sequence[Check]) -> list[Decision]:
        if policy.limit == 0:
            return [Decision(False, policy.id, 0, 0, 0, None, "ban") for _ in checks]
        keys, costs = [check.key for check in checks], [check.cost for check in checks]
        try:
            taken = await self._store.take(policy, keys, costs)
        except StoreUnavailable:
            return [self._fallback.decide(policy, check.key, check.cost) for check in checks]
        return [Decision.of(policy, one) for one in taken]
