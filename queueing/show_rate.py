"""Which share of the called come: measured by numbers whose window is over, so none is judged too early.

Of all numbers up to ``expired`` it is known what became of them: claimed, missed or given up. The share
among the latest of them is the show rate. Dividing claims by calls instead would count as absent everybody
who is still on the way, and so call ahead too many when a room opens.
"""

MEMORY_NUMBERS = 1_000  # an older one weighs 1/e
PRIOR_NUMBERS = 20.0
PRIOR_SHOW_RATE = 0.9
SHOW_RATE_MIN = 0.2  # below it no more is called ahead: an attack of empty tickets would empty the line


class ShowRate:
    """``silent`` is the share that lets the window pass, ``share`` that of those who come."""

    __slots__ = ("_came", "_gave_up", "_resolved")

    def __init__(self, resolved: float = 0.0, came: float = 0.0, gave_up: float = 0.0) -> None:
        self._resolved, self._came, self._gave_up = resolved, came, gave_up

    def note(self, resolved: int, missed: int, gave_up: int) -> None:
        """So many numbers more are known about; of them so many missed their window, so many gave it up."""
        if resolved <= 0:
            return
        missed = min(max(missed, 0), resolved)
        gave_up = min(max(gave_up, 0), resolved - missed)
        keep = max(0.0, 1 - resolved / MEMORY_NUMBERS) if resolved < MEMORY_NUMBERS else 0.0
        self._resolved = self._resolved * keep + resolved
        self._came = self._came * keep + resolved - missed - gave_up
        self._gave_up = self._gave_up * keep + gave_up

    @property
    def share(self) -> float:
        came = self._came + PRIOR_NUMBERS * PRIOR_SHOW_RATE
        return max(SHOW_RATE_MIN, came / (self._resolved + PRIOR_NUMBERS))

    @property
    def silent(self) -> float:
        """Of those called; they hold their turn for a whole window, and nobody comes."""
        return max(0.0, 1 - self.share - self._gave_up / (self._resolved + PRIOR_NUMBERS))

    @property
    def remembered(self) -> tuple[float, float, float]:
        return self._resolved, self._came, self._gave_up
