"""How many join a room a minute, told from the numbers given out: whoever gave them, on any worker."""

import math
from dataclasses import dataclass

SETTLE_MS = 10_000
"""A change of the rate is two thirds told after so long: a rush in 10 s, and no blip of one."""
STEP_LEAST_MS = 250


@dataclass(slots=True)
class _Level:
    at_ms: int
    issued: int
    per_minute: float


class Tides:
    """One worker's view of all rooms; bounded by the rooms there are."""

    def __init__(self) -> None:
        self._levels: dict[str, _Level] = {}

    def observe(self, room: str, issued: int, now_ms: int) -> float:
        """Joins a minute, with what was given out until now taken in."""
        level = self._levels.get(room)
        if level is None or issued < level.issued:  # a room that began anew
            self._levels[room] = _Level(now_ms, issued, 0.0)
            return 0.0
        passed_ms = now_ms - level.at_ms
        if passed_ms < STEP_LEAST_MS:
            return level.per_minute
        rate = (issued - level.issued) * 60_000 / passed_ms
        weight = 1 - math.exp(-passed_ms / SETTLE_MS)
        level.per_minute += (rate - level.per_minute) * weight
        level.at_ms, level.issued = now_ms, issued
        return level.per_minute

    def last(self, room: str) -> float:
        """As it was last seen; 0 for a room never seen."""
        level = self._levels.get(room)
        return level.per_minute if level is not None else 0.0
