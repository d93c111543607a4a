"""A bound on log lines: a store that is away makes thousands of failures a second, all alike."""


class LineBudget:
    """At most ``lines_max`` in any one second of the clock that the caller reads."""

    __slots__ = ("_lines", "_lines_max", "_second", "_suppressed")

    def __init__(self, lines_max: int) -> None:
        self._lines_max = lines_max
        self._second = -1
        self._lines = 0
        self._suppressed = 0

    def take(self, now_seconds: float) -> int | None:
        """None: say nothing. Else say it, and that so many lines before it were not said."""
        if int(now_seconds) != self._second:
            self._second = int(now_seconds)
            self._lines = 0
        if self._lines >= self._lines_max:
            self._suppressed += 1
            return None
        self._lines += 1
        suppressed, self._suppressed = self._suppressed, 0
        return suppressed
