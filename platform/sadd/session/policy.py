"""How long a session may live. Service class in, numbers out."""

from dataclasses import dataclass

ABSOLUTE_MS_MAX = 30 * 24 * 3600 * 1000  # NIST SP 800-63B-4 at AAL1; the profiles above it come later
PAYLOAD_BYTES_MAX = 16 * 1024
TOUCH_SHARE = 20
TOUCH_MS_MIN = 30_000


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """Ends after ``idle_ms`` without use, and after ``absolute_ms`` in any case. Raises ValueError."""

    idle_ms: int
    absolute_ms: int

    def __post_init__(self) -> None:
        if not 1_000 <= self.idle_ms <= self.absolute_ms <= ABSOLUTE_MS_MAX:
            raise ValueError(
                f"session times must be 1000 <= idle <= absolute <= {ABSOLUTE_MS_MAX} ms, "
                f"not {self.idle_ms} and {self.absolute_ms}"
            )

    @property
    def touch_ms(self) -> int:
        """Of several uses within this interval only the first is written.

        The idle time then counts from at most this long before the last use, so the store ends a session
        ``idle + touch`` after the last use that was written: never early, late by at most the interval.
        """
        return min(max(self.idle_ms // TOUCH_SHARE, TOUCH_MS_MIN), self.idle_ms // 2)
