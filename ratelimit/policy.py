"""What is allowed: a policy, and the exact time that one unit costs."""

from dataclasses import dataclass, field
from math import gcd
from typing import Literal

OnStoreLoss = Literal["open", "closed", "local"]

SAFE_INTEGER = 2**53  # Lua numbers are doubles: integers are exact below this
RATE_MAX_PER_SECOND = 1_000_000
PERIOD_SECONDS_MAX = 366 * 24 * 3600
DEPTH_US_MAX = 10 * PERIOD_SECONDS_MAX * 1_000_000  # now + depth stays far below 2^53 for 200 years


@dataclass(frozen=True, slots=True)
class Interval:
    """The time between two units at the policy's rate: ``whole_us + part / parts`` microseconds.

    A rate seldom divides a period: 7 a second is one each 142857 1/7 µs. Rounding it down would admit too
    many, and above 1,000,000 a second it would round to 0 and admit everyone, so the fraction is kept.
    """

    whole_us: int
    part: int
    parts: int

    @property
    def numerator(self) -> int:
        """The interval in units of ``1 / parts`` microseconds."""
        return self.whole_us * self.parts + self.part

    def times(self, factor: int) -> "Interval":
        """The interval at a ``factor``-th of the rate."""
        whole_us, part = divmod(self.numerator * factor, self.parts)
        return Interval(whole_us, part, self.parts)


BAN = Interval(0, 0, 1)


@dataclass(frozen=True, slots=True)
class Policy:
    """``limit`` units per ``period_seconds`` for each key, of which ``burst`` may come at once.

    In any window of length ``period_seconds`` at most ``limit + burst`` pass. A limit of 0 is a ban.
    Raises ValueError for a policy whose arithmetic could not be exact.
    """

    id: str
    limit: int
    period_seconds: int
    burst: int
    on_store_loss: OnStoreLoss = "local"
    interval: Interval = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_bounds()
        object.__setattr__(self, "interval", _interval(self.limit, self.period_seconds))
        self._check_exact()

    def _check_bounds(self) -> None:
        if not self.id or "{" in self.id or "}" in self.id:
            raise ValueError(f"policy id {self.id!r} is empty or has a brace")
        if not 1 <= self.period_seconds <= PERIOD_SECONDS_MAX:
            raise ValueError(
                f"{self.id}: period_seconds is {self.period_seconds}, not 1..{PERIOD_SECONDS_MAX}"
            )
        if not 0 <= self.limit <= RATE_MAX_PER_SECOND * self.period_seconds:
            raise ValueError(f"{self.id}: limit is {self.limit}, not 0..{RATE_MAX_PER_SECOND} a second")
        if self.burst < 1:
            raise ValueError(f"{self.id}: burst is {self.burst}, at least one must be able to pass")

    def _check_exact(self) -> None:
        interval = self.interval
        if (self.burst + 1) * interval.part >= SAFE_INTEGER:
            raise ValueError(f"{self.id}: burst {self.burst} at this rate is not exact in the store")
        if self.burst * interval.numerator > DEPTH_US_MAX * interval.parts:
            raise ValueError(f"{self.id}: a burst of {self.burst} would take over ten years to refill")


def _interval(limit: int, period_seconds: int) -> Interval:
    if limit == 0:
        return BAN
    period_us = period_seconds * 1_000_000
    shared = gcd(limit, period_us)
    parts = limit // shared
    whole_us, part = divmod(period_us // shared, parts)
    return Interval(whole_us, part, parts)
