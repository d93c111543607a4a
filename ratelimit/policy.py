"""What is allowed: a policy, and the exact time that one unit costs."""

from dataclasses import dataclass, field
from math import gcd
from typing import Literal, Self

from ratelimit.algorithm import (
    CONCURRENCY,
    CONCURRENT_MAX,
    GCRA,
    HOME_ZONE,
    Adaptive,
    Algorithm,
    Calendar,
    Concurrency,
    FixedWindow,
    Gcra,
    SlidingWindow,
    Unit,
    Unlimited,
)

OnStoreLoss = Literal["open", "closed", "local"]
Kind = Literal["counts", "ban", "unlimited", "slots"]

SAFE_INTEGER = 2**53  # Lua numbers are doubles: integers are exact below this
COUNT_MAX = 2**52  # of a window: with the highest cost on top still exact
RATE_MAX_PER_SECOND = 1_000_000
PERIOD_SECONDS_MAX = 366 * 24 * 3600
DEPTH_US_MAX = 10 * PERIOD_SECONDS_MAX * 1_000_000  # now + depth stays far below 2^53 for 200 years
UNLIMITED = 2**32 - 1  # what envoyproxy/ratelimit says remains of an unlimited one
NEAR_SHARE = 5  # a fifth left is near the limit
DAY_SECONDS = 86_400
LONGEST_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}


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
    """``limit`` units per ``period_seconds`` for each key, counted by ``algorithm``. A limit of 0 is a ban.

    With ``Gcra`` ``burst`` units may come at once, and in any window of one period at most
    ``limit + burst`` pass. The others have no burst: it is the limit. On a cluster policies with the same
    ``tag`` keep the counters of one key in one slot, so that they are decided together in one trip.
    Raises ValueError for a policy whose arithmetic could not be exact.
    """

    id: str
    limit: int
    period_seconds: int
    burst: int
    on_store_loss: OnStoreLoss = "local"
    algorithm: Algorithm = GCRA
    tag: str = ""
    kind: Kind = field(init=False, repr=False, compare=False)
    """What becomes of a check: it is counted, or answered by itself, or must be acquired instead."""
    interval: Interval = field(init=False, repr=False, compare=False)
    near: int = field(init=False, repr=False, compare=False)
    """Fewer units left than this is near the limit."""
    hashed: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.algorithm, Gcra):
            object.__setattr__(self, "burst", max(self.limit, 1))
        self._check_bounds()
        object.__setattr__(self, "kind", _kind(self.limit, self.algorithm))
        object.__setattr__(self, "interval", _interval(self.limit, self.period_seconds))
        object.__setattr__(self, "near", max(self.burst // NEAR_SHARE, 1))
        object.__setattr__(self, "hashed", hash((self.id, self.limit, self.period_seconds, self.burst)))
        if isinstance(self.algorithm, Gcra):
            self._check_exact()

    def __hash__(self) -> int:
        return self.hashed  # policies are looked up at every check, and are made rarely

    @classmethod
    def sliding(cls, id: str, limit: int, period_seconds: int, on_store_loss: OnStoreLoss = "local") -> Self:  # noqa: A002
        return cls(id, limit, period_seconds, limit, on_store_loss, SlidingWindow())

    @classmethod
    def fixed(cls, id: str, limit: int, period_seconds: int, on_store_loss: OnStoreLoss = "local") -> Self:  # noqa: A002
        return cls(id, limit, period_seconds, limit, on_store_loss, FixedWindow())

    @classmethod
    def quota(
        cls,
        id: str,  # noqa: A002
        limit: int,
        unit: Unit,
        zone: str = HOME_ZONE,
        on_store_loss: OnStoreLoss = "local",
    ) -> Self:
        """``limit`` units each calendar day, week, month or year of ``zone``."""
        seconds = LONGEST_DAYS[unit] * DAY_SECONDS
        return cls(id, limit, seconds, limit, on_store_loss, Calendar(unit, zone))

    @classmethod
    def concurrent(
        cls,
        id: str,  # noqa: A002
        limit: int,
        algorithm: Concurrency | Adaptive = CONCURRENCY,
        on_store_loss: OnStoreLoss = "open",
    ) -> Self:
        """At most ``limit`` at once."""
        return cls(id, limit, algorithm.slot_seconds, limit, on_store_loss, algorithm)

    @classmethod
    def unlimited(cls, id: str) -> Self:  # noqa: A002
        return cls(id, UNLIMITED, 1, UNLIMITED, "open", Unlimited())

    @property
    def slots(self) -> bool:
        """True when it counts what is under way: ``acquire`` and ``release`` instead of ``check``."""
        return self.kind == "slots"

    def _check_bounds(self) -> None:
        if not self.id or "{" in self.id or "}" in self.id or "\0" in self.id:
            raise ValueError(f"policy id {self.id!r} is empty or has a brace or NUL")
        if "{" in self.tag or "}" in self.tag:
            raise ValueError(f"{self.id}: tag {self.tag!r} has a brace")
        if not 1 <= self.period_seconds <= PERIOD_SECONDS_MAX:
            raise ValueError(
                f"{self.id}: period_seconds is {self.period_seconds}, not 1..{PERIOD_SECONDS_MAX}"
            )
        if self.burst < 1:
            raise ValueError(f"{self.id}: burst is {self.burst}, at least one must be able to pass")
        self._check_limit()

    def _check_limit(self) -> None:
        match self.algorithm:
            case Gcra():
                most, words = RATE_MAX_PER_SECOND * self.period_seconds, f"{RATE_MAX_PER_SECOND} a second"
            case Concurrency() | Adaptive():
                most, words = CONCURRENT_MAX, f"{CONCURRENT_MAX} at once"
            case _:
                most, words = COUNT_MAX, f"{COUNT_MAX} a window"
        if not 0 <= self.limit <= most:
            raise ValueError(f"{self.id}: limit is {self.limit}, not 0..{words}")
        if isinstance(self.algorithm, Adaptive) and self.algorithm.initial > max(self.limit, 1):
            raise ValueError(f"{self.id}: begins at {self.algorithm.initial}, above its limit {self.limit}")

    def _check_exact(self) -> None:
        interval = self.interval
        if (self.burst + 1) * interval.part >= SAFE_INTEGER:
            raise ValueError(f"{self.id}: burst {self.burst} at this rate is not exact in the store")
        if self.burst * interval.numerator > DEPTH_US_MAX * interval.parts:
            raise ValueError(f"{self.id}: a burst of {self.burst} would take over ten years to refill")


def _kind(limit: int, algorithm: Algorithm) -> Kind:
    if limit == 0:
        return "ban"
    match algorithm:
        case Unlimited():
            return "unlimited"
        case Concurrency() | Adaptive():
            return "slots"
    return "counts"


def _interval(limit: int, period_seconds: int) -> Interval:
    if limit == 0:
        return BAN
    period_us = period_seconds * 1_000_000
    shared = gcd(limit, period_us)
    parts = limit // shared
    whole_us, part = divmod(period_us // shared, parts)
    return Interval(whole_us, part, parts)
