"""Stops asking an origin that does not answer, and tries again by one request at a time.

::

    closed ──FAILURES_MAX in a row──► open ──its time is over──► half open ──one answer──► closed
                                       ▲                            │
                                       └───────── failed, twice the time ┘
"""

FAILURES_MAX = 5
OPEN_SECONDS = 1.0
OPEN_SECONDS_MAX = 30.0


class Breaker:
    """Of one origin. Only silence counts: an answer of 500 is the origin's own word."""

    __slots__ = ("_failures", "_open_seconds", "_open_until", "_probing", "opened")

    def __init__(self) -> None:
        self._failures = 0
        self._open_seconds = OPEN_SECONDS
        self._open_until = 0.0
        self._probing = False
        self.opened = 0

    def refused_for(self, now: float) -> float:
        """Seconds to wait; 0: ask. In the half-open state that is said to one caller only."""
        if self._failures < FAILURES_MAX:
            return 0.0
        if now < self._open_until:
            return self._open_until - now
        if self._probing:
            return OPEN_SECONDS
        self._probing = True
        return 0.0

    def answered(self) -> None:
        self._failures, self._probing, self._open_seconds = 0, False, OPEN_SECONDS

    def given_up(self) -> None:
        """The caller went before anybody knew."""
        self._probing = False

    def failed(self, now: float) -> None:
        self._failures += 1
        was_probe, self._probing = self._probing, False
        if self._failures < FAILURES_MAX or (now < self._open_until and not was_probe):
            return
        self.opened += 1
        self._open_until = now + self._open_seconds
        self._open_seconds = min(self._open_seconds * 2, OPEN_SECONDS_MAX)
