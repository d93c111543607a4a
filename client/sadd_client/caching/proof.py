"""How old the newest word of a one-way stream can be, without a call and without equal clocks.

::

    here     asked_at ........................................ now
                 \\                                    /
    there         now_ms (hello) ------- proven_ms ---            their clock, which only grows

``hello`` was said after we asked. So what they knew to be whole at ``proven_ms`` is no older here than since
``asked_at + (proven_ms - now_ms)``: late by the way there, never early. Nothing of it is measured, so a link
that freezes, or holds lines back, can only make it end sooner.
"""

DRIFT = 0.001
"""Two clocks part by less than this of the time that passes; quartz is ten times better."""


class Proof:
    """``until`` is when the last proof ends, of ``clock.now``; 0 while there is none."""

    def __init__(self, bound_seconds: float) -> None:
        self.until = 0.0
        self._bound_seconds = bound_seconds
        self._origin: tuple[float, int] | None = None

    def hello(self, asked_at: float, now_ms: int) -> None:
        """A new stream: nothing is proven yet."""
        self.until, self._origin = 0.0, (asked_at, now_ms)

    def alive(self, proven_ms: int) -> None:
        """All that was invalidated before ``proven_ms`` has been heard."""
        if self._origin is None:
            return
        asked_at, began_ms = self._origin
        passed = (proven_ms - began_ms) / 1000
        self.until = max(self.until, asked_at + passed - abs(passed) * DRIFT + self._bound_seconds)

    def lost(self) -> None:
        self.until, self._origin = 0.0, None
