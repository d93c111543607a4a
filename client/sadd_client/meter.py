"""How much a key uses a second, of late. Arithmetic only: time is an argument."""

import math

LATE_SECONDS = 1.0
"""The time that the rate looks back."""


class Meter:
    """A rate that halves every 0.7 s without use. ``count`` what was used, then ask for the ``rate``."""

    __slots__ = ("_at", "_pending", "_rate")

    def __init__(self, now: float) -> None:
        self._rate = 0.0
        self._at = now
        self._pending = 0

    def count(self, used: int) -> None:
        self._pending += used

    def rate(self, now: float) -> float:
        """Units a second, as if what was counted since the last look came evenly."""
        elapsed = now - self._at
        used, self._pending = self._pending, 0
        if elapsed <= 0:
            self._rate += used / LATE_SECONDS
            return self._rate
        kept = math.exp(-elapsed / LATE_SECONDS)
        self._rate = self._rate * kept + used / elapsed * (1 - kept)
        self._at = now
        return self._rate
