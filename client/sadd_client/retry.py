"""How often and when a call is repeated. Whether it may be is the courier's question."""

from dataclasses import dataclass

ATTEMPTS_MAX = 3
FIRST_BACKOFF_SECONDS = 0.025
LAST_BACKOFF_SECONDS = 0.5

EARNED_BY_CALL = 0.1
SAVED_MAX = 10.0


@dataclass(slots=True)
class Budget:
    """Repeats are at most a tenth of the calls, and ten at once: they never make an outage worse."""

    _saved: float = SAVED_MAX

    def earn(self) -> None:
        """A call is made."""
        self._saved = min(SAVED_MAX, self._saved + EARNED_BY_CALL)

    def spend(self) -> bool:
        """Whether one repeat is paid for."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True


def backoff_seconds(attempt: int, chance: float) -> float:
    """Before repeat number ``attempt`` (from 0): anywhere up to a bound that doubles."""
    return chance * float(min(LAST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**attempt))
