"""A plain model of the limiter: fractions, one dictionary, no cleverness."""

from fractions import Fraction
from math import ceil, floor

from ratelimit.decision import Taken
from ratelimit.policy import Policy


class Model:
    """The generic cell rate algorithm as its definition says, with exact fractions of a microsecond."""

    def __init__(self, policy: Policy) -> None:
        self.interval = Fraction(policy.period_seconds * 1_000_000, policy.limit)
        self.burst = policy.burst
        self.arrivals: dict[str, Fraction] = {}

    def take(self, key: str, cost: int, now_us: int) -> Taken:
        now = Fraction(now_us)
        full = now + self.burst * self.interval
        tat = max(self.arrivals.get(key, now), now)
        wanted = tat + max(cost, 1) * self.interval
        allowed = wanted <= full
        retry_us = 0 if allowed else -1 if max(cost, 1) > self.burst else ceil(wanted - full)
        if allowed and cost:
            self.arrivals[key] = tat = wanted
        return int(allowed), floor((full - tat) / self.interval), ceil(tat - now), retry_us

    def take_all(self, keys: list[str], costs: list[int], now_us: int) -> list[Taken]:
        return [self.take(key, cost, now_us) for key, cost in zip(keys, costs, strict=True)]


class Admissions:
    """A separate reader of the log of admissions: how many units passed in the worst window."""

    def __init__(self) -> None:
        self.log: list[tuple[int, int]] = []

    def note(self, now_us: int, units: int) -> None:
        self.log.append((now_us, units))

    def worst(self, window_us: int) -> int:
        """The most units in any half-open window; one of the worst begins with an admission."""
        return max(
            (
                sum(units for at, units in self.log if start <= at < start + window_us)
                for start, _ in self.log
            ),
            default=0,
        )
