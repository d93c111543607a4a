"""The pace of a room as measured, and how well it told the truth so far.

While nothing but the outflow bounds the calls, the pace is the outflow that holds now: a change of rate
shows at once. While free slots bound them it is what was called in the last minutes. A room that fills is in
between: the pace is still the outflow, and will be what leaves, which is known by how many of those inside
leave a minute.
"""

import math
from dataclasses import dataclass, field

from queueing.coverage import LEVELS, Coverage, Probe
from queueing.margins import Margins
from queueing.pace import Pace, bounds_ms, paced, supposed
from queueing.policy import Room

CALLS_MEMORY_MS = 180_000  # calls of then weigh 1/e
STAYS_MEMORY_MS = 600_000
STEP_MS_MAX = 5_000  # a longer gap between steps is taken for one of this length
TRUST_MS = 20_000  # of a line measured, before it says more than the settings do
FULL_FLOW_SHARE = 0.97  # of what was allowed: then the outflow alone bounds the calls
FULL_ROOM_SHARE = 0.9  # of the outflow; a room that would let in less than that will be full
PROBE_MS = 1_000
PROBE_WEIGHT = 0.3  # ten waits of a level overlap and share their pauses: each is less than a case of its own


@dataclass(frozen=True, slots=True)
class Line:
    """The line at a step: ``serving`` the last number called, ``waiting`` after it, ``active`` inside.

    ``called`` and ``departed`` are since the step before, ``elapsed_ms`` ago.
    """

    now_ms: int
    elapsed_ms: int
    serving: int
    waiting: int
    active: int
    called: int
    departed: int
    show_rate: float


@dataclass(slots=True)
class Flow:
    """Fading sums: calls and what the outflow allowed while people waited; departures and time inside."""

    called: float = 0.0
    allowed: float = 0.0
    waited_ms: float = 0.0
    departed: float = 0.0
    stayed_ms: float = 0.0

    def note_calls(self, called: int, allowed: float, elapsed_ms: int) -> None:
        keep = math.exp(-elapsed_ms / CALLS_MEMORY_MS)
        self.called = self.called * keep + called
        self.allowed = self.allowed * keep + allowed
        self.waited_ms = self.waited_ms * keep + elapsed_ms

    def note_stays(self, departed: int, active: int, elapsed_ms: int) -> None:
        keep = math.exp(-elapsed_ms / STAYS_MEMORY_MS)
        self.departed = self.departed * keep + departed
        self.stayed_ms = self.stayed_ms * keep + active * elapsed_ms

    def per_minute(self, room: Room, allowed: float, show_rate: float) -> float:
        """The pace to come, with ``allowed`` a minute by the outflow."""
        if self.called < self.allowed * FULL_FLOW_SHARE:
            return min(self.called / self.waited_ms * 60_000, allowed)
        full = self._of_full_room(room) / show_rate
        return full if full < allowed * FULL_ROOM_SHARE else allowed

    def _of_full_room(self, room: Room) -> float:
        """How many leave a full room a minute; everybody does so when the pass ends."""
        shortest = self.departed / self.stayed_ms if self.stayed_ms else 0.0
        return room.active_cap * max(shortest, 1 / room.pass_ms) * 60_000


@dataclass(slots=True)
class Forecast:
    """What the line will do. ``step`` is called with every step of the outflow."""

    flow: Flow = field(default_factory=Flow)
    margins: Margins = field(default_factory=Margins)
    coverage: Coverage = field(default_factory=Coverage)
    probed_ms: int = 0

    def step(self, room: Room, allowed_per_minute: float, seen: Line, *, paused: bool) -> Pace:
        """The pace from now on."""
        for probe in self.coverage.called(seen.serving, seen.now_ms):
            self.margins.learn(probe.expected_ms, probe.score(seen.now_ms), PROBE_WEIGHT)
        elapsed_ms = min(seen.elapsed_ms, STEP_MS_MAX)
        self.flow.note_stays(max(0, seen.departed), seen.active, elapsed_ms)
        if not paused and (seen.waiting or seen.called):
            self.flow.note_calls(seen.called, allowed_per_minute * elapsed_ms / 60_000, elapsed_ms)
        if self.flow.waited_ms < TRUST_MS:
            return supposed(room, paused=paused)
        per_minute = self.flow.per_minute(room, allowed_per_minute, seen.show_rate)
        pace = paced(per_minute, self.margins.spread, seen.waiting, paused=paused)
        if not paused and abs(seen.now_ms - self.probed_ms) >= PROBE_MS:
            self.probed_ms = seen.now_ms
            self._probe(pace, seen)
        return pace

    def _probe(self, pace: Pace, seen: Line) -> None:
        for level in range(LEVELS):
            place = seen.waiting >> level
            if place < 1:
                return
            expected_ms = place / pace.per_minute * 60_000
            if self.coverage.wants(level, expected_ms, seen.now_ms):
                low_ms, high_ms = bounds_ms(pace.spread, expected_ms)
                probe = Probe(seen.serving + place, seen.now_ms, expected_ms, low_ms, high_ms)
                self.coverage.follow(level, probe)
