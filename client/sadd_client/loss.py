"""Deciding while the platform is away: open, closed, or by a bounded limiter in this process."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

from sadd_client.decision import Check, Decision

OnLoss = Literal["open", "closed", "local"]

KEYS_MAX = 10_000
"""Keys that the local limiter remembers; forgetting one forgives it at most a burst."""
CLOSED_RETRY_MS = 1_000


@dataclass(frozen=True, slots=True)
class LocalLimit:
    """What *this process* admits by itself: ``limit`` a period for each policy and key, ``burst`` at once.

    It is this process's share: ten processes admit ten times as much. In any window of one period at most
    ``limit + burst`` pass. ``burst`` is the limit unless said otherwise.
    """

    limit: int
    period_seconds: float = 1.0
    burst: int = 0

    def __post_init__(self) -> None:
        if self.limit < 1 or self.period_seconds <= 0 or self.burst < 0:
            raise ValueError("a local limit has a limit from 1, a period above 0 and a burst from 0")
        if self.burst == 0:
            object.__setattr__(self, "burst", self.limit)


@dataclass(slots=True)
class Stand:
    """Where a client stands while it cannot ask: its way, and what its own limiter remembers."""

    way: OnLoss
    local: LocalLimit | None
    _arrivals: OrderedDict[tuple[str, str], int] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.check_way(self.way)

    def check_way(self, way: OnLoss) -> None:
        """ValueError for a way that cannot be gone."""
        if way not in ("open", "closed", "local"):
            raise ValueError(f"on_loss is {way!r}, not open, closed or local")
        if way == "local" and self.local is None:
            raise ValueError("on_loss='local' needs local=LocalLimit(…): only you know this process's share")

    def decide(self, check: Check, way: OnLoss, retry_after_seconds: float | None, now: float) -> Decision:
        match way:
            case "open":
                return Decision(True, check.policy, decided_by="open")
            case "closed":
                wait_ms = CLOSED_RETRY_MS if retry_after_seconds is None else retry_after_seconds * 1000
                return Decision(
                    False, check.policy, retry_after_ms=max(1, round(wait_ms)), decided_by="closed"
                )
            case "local":
                assert self.local is not None, "checked when the way was chosen"
                return self._decide_here(check, self.local, now)

    def forget(self) -> None:
        self._arrivals.clear()

    def _decide_here(self, check: Check, local: LocalLimit, now: float) -> Decision:
        """GCRA. Times are in nanoseconds * limit, so that one unit costs a period, in integers."""
        period, at = round(local.period_seconds * 1e9), round(now * 1e9) * local.limit
        depth = period * local.burst
        name = (check.policy, check.key)
        tat = max(self._arrivals.pop(name, 0), at)
        after = tat + max(1, check.cost) * period  # a look answers as 1 would
        allowed = after - at <= depth
        if allowed and check.cost:
            tat = after
        self._arrivals[name] = tat
        if len(self._arrivals) > KEYS_MAX:
            self._arrivals.popitem(last=False)
        wait = after - at - depth
        waits = not allowed and check.cost <= local.burst
        return Decision(
            allowed=allowed,
            policy=check.policy,
            limit=local.limit,
            remaining=max(0, (depth - (tat - at)) // period),
            reset_after_ms=_ms(tat - at, local),
            retry_after_ms=_ms(wait, local) if waits else None,
            decided_by="local",
        )


def _ms(scaled: int, local: LocalLimit) -> int:
    """Milliseconds of nanoseconds * limit, rounded up: who waits so long is not refused for coming early."""
    return -(-scaled // (local.limit * 1_000_000))
