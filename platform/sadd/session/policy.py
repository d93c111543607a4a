"""How long a session may live, how many a subject may have, and what survives: a class's settings as values.

Bounds by assurance: NIST SP 800-63B-4, sections 2.1.3, 2.2.3 and 2.3.3 ("SHOULD" taken as "must" here). A
longer value is refused; what an agency needs beyond it, it gets by a lower profile, openly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Profile = Literal["aal1", "aal2", "aal3", "anonymous"]
WhenFull = Literal["oldest", "refuse"]

SECOND_MS = 1_000
HOUR_MS = 3600 * SECOND_MS
ABSOLUTE_MS_MAX = 30 * 24 * HOUR_MS
"""Of any session; keys, generations and revocations are kept for it."""
IDLE_MS_MIN = SECOND_MS
PAYLOAD_BYTES_MAX = 16 * 1024
PARALLEL_MAX = 1_000
PARALLEL_DEFAULT = 100
GRACE_MS_MAX = 10_000
NETWORK_MAX = 1_000_000
TOUCH_SHARE = 20
TOUCH_MS_MIN = 30_000


@dataclass(frozen=True, slots=True)
class Longest:
    """What a profile allows, ms."""

    idle_ms: int
    absolute_ms: int


LONGEST: Mapping[Profile, Longest] = {
    "aal1": Longest(ABSOLUTE_MS_MAX, ABSOLUTE_MS_MAX),
    "aal2": Longest(HOUR_MS, 24 * HOUR_MS),
    "aal3": Longest(HOUR_MS // 4, 12 * HOUR_MS),
    # Not NIST's: nobody is signed in, and bots make these. A basket lives through a meal, not a night.
    "anonymous": Longest(HOUR_MS, 4 * HOUR_MS),
}


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """Ends after ``idle_ms`` without use, and after ``absolute_ms`` in any case. Raises ValueError."""

    idle_ms: int
    absolute_ms: int
    profile: Profile = "aal1"
    durable: bool = False
    """Committed in PostgreSQL before it is answered; comes back after a total loss of the store."""
    parallel_max: int = PARALLEL_DEFAULT
    """Living sessions of one subject."""
    when_full: WhenFull = "oldest"
    """Which gives way to one too many: the oldest is ended, or the new one is refused."""
    grace_ms: int = 0
    """For so long after a rotation the old id may still be read with, for requests that were on their way."""
    network_max: int = 0
    """Sessions that one network may begin within ``absolute_ms``; 0 = no quota."""

    def __post_init__(self) -> None:
        longest = LONGEST[self.profile]
        if not IDLE_MS_MIN <= self.idle_ms <= self.absolute_ms <= longest.absolute_ms:
            raise ValueError(
                f"session times must be {IDLE_MS_MIN} <= idle <= absolute <= {longest.absolute_ms} ms "
                f"({self.profile}), not {self.idle_ms} and {self.absolute_ms}"
            )
        if self.idle_ms > longest.idle_ms:
            raise ValueError(f"idle_ms is {self.idle_ms}; {self.profile} allows at most {longest.idle_ms} ms")
        for name, least, most in (
            ("parallel_max", 1, PARALLEL_MAX),
            ("grace_ms", 0, GRACE_MS_MAX),
            ("network_max", 0, NETWORK_MAX),
        ):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from {least} to {most}, not {getattr(self, name)}")

    @property
    def touch_ms(self) -> int:
        """Of several uses within this interval only the first is written.

        The idle time then counts from at most this long before the last use, so the store ends a session
        ``idle + touch`` after the last use that was written: never early, late by at most the interval.
        """
        return min(max(self.idle_ms // TOUCH_SHARE, TOUCH_MS_MIN), self.idle_ms // 2)
