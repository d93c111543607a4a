"""What people do: come, or not, once called; take a while to claim; stay a while."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from queueing.estimate import POLL_NEAR_MS
from queueing.simulation.shape import MINUTES_MAX, TICK_MS, Points

COUNT_MAX = 20_000_000


@dataclass(frozen=True, slots=True)
class Crowd:
    """``count`` people come in ``minutes`` by a shape; raises ValueError for what cannot be.

    Of the called ``show_rate`` claim: each sees the call at his next poll, at most 3 s later, and claims
    after an exponential time of mean ``react_s``. Inside each stays for an exponential time of mean
    ``stay_s``, or until the pass ends.
    """

    count: int
    minutes: float
    points: Points
    show_rate: float = 1.0
    react_s: float = 8.0
    stay_s: float = 240.0

    def __post_init__(self) -> None:
        self._check("count", self.count, 1, COUNT_MAX)
        self._check("minutes", self.minutes, 1, MINUTES_MAX)
        self._check("show_rate", self.show_rate, 0.01, 1)
        self._check("react_s", self.react_s, 0, 3_600)
        self._check("stay_s", self.stay_s, 1, 24 * 3_600)

    def _check(self, name: str, value: float, least: float, most: float) -> None:
        if not least <= value <= most:
            raise ValueError(f"{name} is {value:g}, not {least:g}..{most:,}")

    def claims_after(self, called: int, show_rate: float, draw: Generator) -> NDArray[np.int64]:
        """For each of the called that come: after how many ticks he claims."""
        coming = int(draw.binomial(called, show_rate))
        seen_ms = draw.random(coming) * POLL_NEAR_MS
        return _ticks(seen_ms + draw.exponential(self.react_s * 1000, coming))

    def leaves_after(self, claimed: int, pass_ms: int, draw: Generator) -> NDArray[np.int64]:
        """For each of those let in: after how many ticks his slot is free."""
        return _ticks(np.minimum(draw.exponential(self.stay_s * 1000, claimed), pass_ms))


def _ticks(ms: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole ticks, at least one: what happens in a tick is seen in the next."""
    return np.maximum(1, np.rint(ms / TICK_MS)).astype(np.int64)
