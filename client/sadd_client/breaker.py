"""When to stop asking a platform that does not answer, and when to look whether it is back.

::

    closed --FAILURES_MAX in a row--> open --pause over: one call is the probe--> half open
      ^                                ^                                             |
      +------------- answered ---------+------------------ failed -------------------+

The arithmetic touches nothing: time and chance are arguments.
"""

from dataclasses import dataclass

FAILURES_MAX = 5
FIRST_PAUSE_SECONDS = 0.1
LAST_PAUSE_SECONDS = 1.0
"""A platform that is back is asked again within this and one deadline."""


@dataclass(slots=True)
class Breaker:
    """Of one platform. An answer of any status closes it, an answer of a 5xx apart."""

    opened: int = 0
    """How often it opened; a counter."""
    _failures: int = 0
    _asks_again_at: float = 0.0
    _probing: bool = False

    def admits(self, now: float) -> bool:
        """Whether a call may be made; when open, each pause admits one, which is the probe."""
        if not self.open:
            return True
        if now < self._asks_again_at:
            return False
        self._probing = True
        self._asks_again_at = now + LAST_PAUSE_SECONDS  # for a probe that never ends
        return True

    def answered(self) -> None:
        self._failures = 0
        self._probing = False

    def failed(self, now: float, chance: float) -> None:
        """A call came to nothing. ``chance`` is uniform in [0, 1): probes of many clients spread."""
        was_open = self.open
        if was_open and not self._probing:
            return  # it left before the breaker opened, and says nothing new
        self._probing = False
        self._failures += 1
        if not self.open:
            return
        self.opened += not was_open
        doubled = FIRST_PAUSE_SECONDS * 2 ** min(self._failures - FAILURES_MAX, 10)
        self._asks_again_at = now + min(doubled, LAST_PAUSE_SECONDS) * (0.5 + 0.5 * chance)

    @property
    def open(self) -> bool:
        return self._failures >= FAILURES_MAX

    def pause_seconds(self, now: float) -> float:
        """How long no call will be made; 0 when closed."""
        return max(0.0, self._asks_again_at - now) if self.open else 0.0
