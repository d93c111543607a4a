"""How a policy counts: one value for each algorithm, with the numbers that only it needs."""

from dataclasses import dataclass
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Unit = Literal["day", "week", "month", "year"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

HOME_ZONE = "Asia/Qatar"
SLOT_SECONDS_MAX = 24 * 3600
CONCURRENT_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Gcra:
    """The generic cell rate algorithm: a rate and a burst; see ``gcra``."""


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """Units of ten sub-windows, and of the one before them, counted whole.

    So no window of one period ever has more than the limit, wherever it begins. The price is that the
    oldest units count for up to a tenth of the period too long: a steady caller gets 10/11 of the limit
    at worst.
    """


@dataclass(frozen=True, slots=True)
class FixedWindow:
    """Windows that begin at multiples of the period since 1970 UTC, so a week begins on a Thursday.

    Twice the limit may pass around a boundary: it is here for configurations that mean exactly this.
    """


@dataclass(frozen=True, slots=True)
class Calendar:
    """A quota for each day, week, month or year of a time zone."""

    unit: Unit
    zone: str = HOME_ZONE
    week_begins: Weekday = "sunday"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"zone {self.zone!r} is not known") from None


@dataclass(frozen=True, slots=True)
class Concurrency:
    """At most ``limit`` slots held at once. A slot that nobody releases is free after ``slot_seconds``."""

    slot_seconds: int = 60

    def __post_init__(self) -> None:
        if not 1 <= self.slot_seconds <= SLOT_SECONDS_MAX:
            raise ValueError(f"slot_seconds is {self.slot_seconds}, not 1..{SLOT_SECONDS_MAX}")


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Concurrency whose limit follows the latency that callers report; the policy's limit is the most.

    Once in a window of ``window_ms`` with ten samples or a drop, ``aimd`` adds one if at least half of the
    limit was used, and multiplies by ``backoff`` after a drop or a mean latency above ``timeout_ms``.
    ``gradient`` multiplies by how much slower than usual it got, and adds room for a short queue; a drop
    backs off too. Both as in Netflix's concurrency-limits.
    """

    kind: Literal["aimd", "gradient"] = "gradient"
    initial: int = 20
    minimum: int = 1
    slot_seconds: int = 60
    timeout_ms: int = 5_000
    backoff: float = 0.9
    tolerance: float = 1.5
    smoothing: float = 0.2
    queue: int = 4
    window_ms: int = 1_000

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.initial <= CONCURRENT_MAX:
            raise ValueError(f"not 1 <= minimum {self.minimum} <= initial {self.initial} <= {CONCURRENT_MAX}")
        if not 1 <= self.slot_seconds <= SLOT_SECONDS_MAX:
            raise ValueError(f"slot_seconds is {self.slot_seconds}, not 1..{SLOT_SECONDS_MAX}")
        if not 0.5 <= self.backoff < 1 or not 0 < self.smoothing <= 1 or self.tolerance < 1:
            raise ValueError("backoff is 0.5..1, smoothing above 0 up to 1, tolerance 1 or more")
        if self.timeout_ms < 1 or self.window_ms < 1 or not 0 <= self.queue <= CONCURRENT_MAX:
            raise ValueError("timeout_ms and window_ms are 1 or more, queue 0 or more")


@dataclass(frozen=True, slots=True)
class Unlimited:
    """Everyone passes and nothing is counted."""


GCRA = Gcra()
CONCURRENCY = Concurrency()

Windowed: TypeAlias = Gcra | SlidingWindow | FixedWindow | Calendar
"""They count units over time: ``check``, ``lease``, ``refund``."""
Slots: TypeAlias = Concurrency | Adaptive
"""They count what is under way: ``acquire``, ``release``."""
Algorithm: TypeAlias = Windowed | Slots | Unlimited
