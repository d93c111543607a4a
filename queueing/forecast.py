"""The pace of a room as measured, and how well it told the truth so far.

While nothing but the outflow bounds the calls, the pace is the outflow that holds now: a change of rate
shows at once. While free slots bound them it is what was called in the last minutes.
"""

import math
from dataclasses import dataclass, field

from queueing.coverage import LEVELS, Coverage, Probe
from queueing.margins import Margins
from queueing.pace import Pace, bounds_ms, paced, supposed
from queueing.policy import Room

MEMORY_MS = 180_000  # calls of then weigh 1/e
STEP_MS_MAX = 5_000  # a longer gap between steps is taken for one of this length
TRUST_MS = 20_000  # of a line measured, before it says more than the settings do
PROBE_WEIGHT = 0.3  # ten waits of a level overlap and share their pauses: each is less than a case of its own
FULL_FLOW_SHARE = 0.97  # of what was allowed: then the outflow alone bounds the calls


@dataclass(slots=True)
class Flow:
    """Calls and the calls that the outflow allowed, both fading, while people waited and were called."""

    called: float = 0.0
    allowed: float = 0.0
    weight_ms: float = 0.0

    def note(self, called: int, allowed: float, elapsed_ms: int) -> None:
        keep = math.exp(-elapsed_ms / MEMORY_MS)
        self.called = self.called * keep + called
        self.allowed = self.allowed * keep + allowed
        self.weight_ms = self.weight_ms * keep + elapsed_ms

    def per_minute(self, allowed_per_minute: float) -> float:
        if self.called >= self.allowed * FULL_FLOW_SHARE:
            return allowed_per_minute
        return min(self.called / self.weight_ms * 60_000, allowed_per_minute)


@dataclass(slots=True)
class Forecast:
    """What the line will do. ``step`` is called with every step of the outflow."""

    flow: Flow = field(default_factory=Flow)
    margins: Margins = field(default_factory=Margins)
    coverage: Coverage = field(default_factory=Coverage)

    def step(self, room: Room, allowed_per_minute: float, called: int, seen: "Line", *, paused: bool) -> Pace:
        """The pace from now on; ``called`` were called since the step before."""
        for probe in self.coverage.called(seen.serving, seen.now_ms):
            self.margins.learn(probe.expected_ms, probe.score(seen.now_ms), PROBE_WEIGHT)
        elapsed_ms = min(max(seen.elapsed_ms, 0), STEP_MS_MAX)
        if not paused and (seen.waiting or called):
            self.flow.note(called, allowed_per_minute * elapsed_ms / 60_000, elapsed_ms)
        if self.flow.weight_ms < TRUST_MS:
            return supposed(room, paused=paused)
        per_minute = self.flow.per_minute(allowed_per_minute)
        pace = paced(per_minute, self.margins.spread, seen.waiting, paused=paused)
        if not paused:
            self._probe(pace, seen)
        return pace

    def _probe(self, pace: Pace, seen: "Line") -> None:
        for level in range(LEVELS):
            place = seen.waiting >> level
            if place < 1:
                return
            expected_ms = place / pace.per_minute * 60_000
            if self.coverage.wants(level, expected_ms, seen.now_ms):
                low_ms, high_ms = bounds_ms(pace.spread, expected_ms)
                probe = Probe(seen.serving + place, seen.now_ms, expected_ms, low_ms, high_ms)
                self.coverage.probes[level].append(probe)


@dataclass(frozen=True, slots=True)
class Line:
    """The line at a step: ``serving`` the last number called, ``waiting`` after it."""

    now_ms: int
    elapsed_ms: int
    serving: int
    waiting: int
