"""Whether estimates held: for places in line they are noted, and compared when the number is called."""

import heapq
from dataclasses import dataclass

from numpy.random import Generator

from queueing.estimate import estimate
from queueing.pace import Pace
from queueing.simulation.shape import TICK_MS, TICKS_PER_MINUTE

SAMPLE_TICKS = 10_000 // TICK_MS
UNDER_WAY_MAX = 50_000
CASES_MAX = 720  # kept for the picture
BUCKETS_MS = (60_000, 600_000, 3_600_000)
"""Waits of a minute, ten minutes, an hour: within each the share is told, too."""


@dataclass(frozen=True, slots=True)
class Case:
    """What was told at a join at ``minute``, and what came."""

    minute: float
    low_s: float
    high_s: float
    wait_s: float


@dataclass(slots=True)
class Tally:
    cases: int = 0
    held: int = 0

    @property
    def share(self) -> float | None:
        return self.held / self.cases if self.cases else None


class Truth:
    """Two samples each 10 s: the estimate that who joins last is given, and that of somebody in line.

    What is told while the room is paused says so, and is no case. Apart from the live measure
    (queueing.coverage), so that this checks it.
    """

    def __init__(self, draw: Generator) -> None:
        self._draw = draw
        self._under_way: list[tuple[int, int, int, int, bool]] = []
        self.joining, self.waiting = Tally(), Tally()
        self.cases: list[Case] = []
        self._keep_each = 1  # of the cases at joins
        self.by_wait = [Tally() for _ in range(len(BUCKETS_MS) + 1)]

    @property
    def shares_by_wait(self) -> dict[str, float | None]:
        names = ("below 1 min", "1-10 min", "10-60 min", "above 1 h")
        return {name: tally.share for name, tally in zip(names, self.by_wait, strict=True)}

    def sample(self, tick: int, serving: int, waiting: int, pace: Pace) -> None:
        if pace.paused or waiting < 1 or len(self._under_way) >= UNDER_WAY_MAX:
            return
        for place, joining in ((waiting, True), (int(self._draw.integers(1, waiting + 1)), False)):
            told = estimate(pace, place)
            heapq.heappush(self._under_way, (serving + place, tick, told.low, told.high, joining))

    def called(self, tick: int, serving: int) -> None:
        while self._under_way and self._under_way[0][0] <= serving:
            _, made, low, high, joining = heapq.heappop(self._under_way)
            wait_ms = (tick - made) * TICK_MS
            if joining and self.joining.cases % self._keep_each == 0:
                self._keep(Case(made / TICKS_PER_MINUTE, low / 1000, high / 1000, wait_ms / 1000))
            bucket = sum(wait_ms >= edge for edge in BUCKETS_MS)
            for tally in (self.joining if joining else self.waiting, self.by_wait[bucket]):
                tally.cases += 1
                tally.held += low <= wait_ms <= high

    def _keep(self, case: Case) -> None:
        self.cases.append(case)
        if len(self.cases) >= CASES_MAX:
            self.cases = self.cases[::2]
            self._keep_each *= 2
