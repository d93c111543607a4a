"""When to stop asking a node, and when to look whether it is back.

::

    closed --lost--> closed, first redial under way --failed--> open <--> half-open (a probe is under way)
      ^                        |                                               |
      +------- recovered ------+------------------- recovered -----------------+

A stalled or flapping node opens it at once. The arithmetic touches nothing: time and chance are arguments.
"""

from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


FIRST_DELAY_SECONDS = 0.01
LAST_DELAY_SECONDS = 0.3
"""With ``dial.DIAL_SECONDS`` below one second in sum: that is the promise for a store that is back."""
STEADY_SECONDS = 1.0
"""A connection that lived shorter than this is flapping: its loss is no reason to redial at once."""


@dataclass(slots=True)
class Breaker:
    """The state of one node. ``chance`` of the delays is uniform in [0, 1)."""

    state: BreakerState = BreakerState.CLOSED
    opened: int = 0
    _failures: int = 0
    _connected_at: float = 0.0

    @property
    def refuses(self) -> bool:
        """True when calls must fail at once; False while connected or in the first redial."""
        return self.state is not BreakerState.CLOSED

    def recovered(self, now: float) -> None:
        self.state = BreakerState.CLOSED
        self._connected_at = now

    def lost(self, now: float, stalled: bool) -> None:
        """The connection is gone. The first loss may be redialled before callers are refused."""
        flapping = now - self._connected_at < STEADY_SECONDS
        self._failures = self._failures + 1 if flapping else 0
        if stalled or self._failures > 1:
            self._open()

    def probing(self) -> None:
        if self.state is BreakerState.OPEN:
            self.state = BreakerState.HALF_OPEN

    def failed(self) -> bool:
        """A dial failed. True when this is what opened the breaker."""
        self._failures += 1
        return self._open()

    def _open(self) -> bool:
        opens = self.state is BreakerState.CLOSED
        self.opened += opens
        self.state = BreakerState.OPEN
        return opens

    def delay_seconds(self, chance: float) -> float:
        """How long to wait before the next dial: none at first, then doubling, with jitter of one half."""
        if self._failures <= 1:
            return 0.0
        doubled = FIRST_DELAY_SECONDS * 2 ** min(self._failures - 2, 16)
        return float(min(doubled, LAST_DELAY_SECONDS) * (0.5 + 0.5 * chance))
