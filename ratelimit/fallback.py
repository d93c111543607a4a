"""Deciding without the store: open, closed, or by a bounded limiter in this process."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import assert_never

from ratelimit import gcra
from ratelimit.algorithm import Gcra
from ratelimit.check import Check
from ratelimit.decision import Decision, Taken
from ratelimit.known import KnownOver
from ratelimit.policy import Policy

CLOSED_RETRY_MS = 1_000  # about the time in which a client of the store finds out that it is back


class Fallback:
    """Decides while the store is away, as each policy's ``on_store_loss`` says.

    ``local`` gives each of ``holders`` workers an equal share: together they admit the policy's rate, if the
    load is spread evenly, and burst to ``max(burst, holders)``. At most ``keys_max`` keys are remembered; the
    one longest unused is forgotten first, which at worst forgives it one burst. A key that was over when
    the store went away stays so until its time (``known``).

    Windows and quotas are held to the same share by GCRA, whose burst is their limit. How much of them was
    used before, nobody here knows: such answers have no numbers, and a refusal waits for the store's return.
    """

    def __init__(self, *, holders: int, keys_max: int, known: KnownOver, now_us: Callable[[], int]) -> None:
        if holders < 1:
            raise ValueError(f"holders is {holders}: somebody must hold the share")
        self._holders = holders
        self._keys_max = keys_max
        self._known = known
        self._now_us = now_us
        self._arrivals: OrderedDict[tuple[str, str], int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._arrivals)

    def decide(self, policy: Policy, key: str, cost: int) -> Decision:
        match policy.on_store_loss:
            case "open":
                return Decision(True, policy.id, policy.limit, policy.burst, 0, None, "open")
            case "closed":
                return Decision(False, policy.id, policy.limit, 0, CLOSED_RETRY_MS, CLOSED_RETRY_MS, "closed")
            case "local":
                return self._decide_here(policy, key, cost)
        assert_never(policy.on_store_loss)

    def decide_all(self, checks: Sequence[Check]) -> list[Decision]:
        """All or nothing: looks at each, and takes only when all allow."""
        decisions: list[Decision] = []
        taken: list[Check] = []
        for check in checks:
            decisions.append(self.decide(check.policy, check.key, check.cost))
            if decisions[-1].allowed:
                taken.append(check)
        if len(taken) < len(checks):
            for check in taken:
                self.give_back(check.policy, check.key, check.cost)
        return decisions

    def give_back(self, policy: Policy, key: str, units: int) -> None:
        tat = self._arrivals.get((policy.id, key))
        if tat is not None and policy.on_store_loss == "local":
            interval = policy.interval.times(self._holders)
            self._arrivals[policy.id, key] = max(tat - units * interval.numerator, 0)

    def _decide_here(self, policy: Policy, key: str, cost: int) -> Decision:
        over = self._known.find_away(policy, key)
        if over is not None and cost <= policy.burst:
            return Decision.of(policy, (0, 0, *over), "memory")
        taken = self._take(policy, key, cost)
        if isinstance(policy.algorithm, Gcra):
            return Decision.of(policy, _until_back(policy, cost, taken), "local")
        return _numberless(policy, cost, taken)

    def _take(self, policy: Policy, key: str, cost: int) -> Taken:
        interval = policy.interval.times(self._holders)
        burst = max(1, policy.burst // self._holders)
        tat = self._arrivals.pop((policy.id, key), 0)
        taken, tat = gcra.take(interval, burst, tat, self._now_us(), cost)
        self._arrivals[policy.id, key] = tat
        if len(self._arrivals) > self._keys_max:
            self._arrivals.popitem(last=False)
        return taken


def _until_back(policy: Policy, cost: int, taken: Taken) -> Taken:
    """A cost above the share here, which the whole limit has room for, waits for the store."""
    allowed, remaining, reset_us, retry_us = taken
    if allowed == 1 or retry_us > 0 or cost > policy.burst:
        return taken
    return 0, remaining, reset_us, CLOSED_RETRY_MS * 1000


def _numberless(policy: Policy, cost: int, taken: Taken) -> Decision:
    """Of a window or quota: whether it passes here, and nothing about what is left of it."""
    if taken[0] == 1:
        return Decision(True, policy.id, policy.limit, taken[1], 0, None, "share")
    retry_ms = CLOSED_RETRY_MS if cost <= policy.burst else None
    return Decision(False, policy.id, policy.limit, 0, retry_ms or 0, retry_ms, "share")
