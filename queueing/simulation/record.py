"""What a run was like: totals, and one row for each stretch of time, of which there are at most 720."""

from collections import deque
from dataclasses import dataclass, field, replace

from queueing.outflow import Step
from queueing.policy import Room
from queueing.simulation.room import CountedRoom
from queueing.simulation.shape import TICKS_PER_MINUTE
from queueing.simulation.truth import Truth

ROWS_MAX = 720
FIRST_STRETCH = TICKS_PER_MINUTE // 6  # 10 s; doubled whenever the rows are full
FULL_SHARE = 0.98  # of the cap, once reached: from then on it is told how busy the room is


@dataclass(frozen=True, slots=True)
class Row:
    """One stretch: its end, and how things stood then. ``called`` were called within it; ``target`` is for a
    minute."""

    minute: float
    waiting: int
    active: int
    at_door: int
    called: int
    target: float
    wait_s: float
    show_rate: float
    factor: float
    low_s: float
    high_s: float
    paused: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in numbers. Shares are of 1; None where there was no case."""

    arrived: int
    let_in: int
    never_came: int
    still_waiting: int
    minutes: float
    wait_mean_s: float
    wait_p50_s: int
    wait_p90_s: int
    wait_p95_s: int
    wait_p99_s: int
    wait_max_s: int
    line_max: int
    active_max: int
    active_cap: int
    busy_share: float | None
    outflow_least: float | None
    outflow_most: float | None
    estimate_held_joining: float | None
    estimate_held_waiting: float | None
    estimate_held_by_wait: dict[str, float | None]
    estimate_held_live: float | None
    estimate_cases: int
    seconds: float


class Minute:
    """Every minute that slides over the ticks: what was called in it, against the outflow that held.

    Only minutes count throughout which people waited and slots were free: visitors sufficed, and nothing but
    the outflow was to bound them.
    """

    __slots__ = ("_calls", "_suffices", "_sum", "_target", "least", "most")

    def __init__(self) -> None:
        self._calls: deque[int] = deque(maxlen=TICKS_PER_MINUTE)
        self._target = 0.0
        self._sum = self._suffices = 0
        self.least: float | None = None
        self.most: float | None = None

    def note(self, call: int, target: float, suffices: bool) -> None:
        if target != self._target:  # another outflow holds from here on
            self._target, self._suffices = target, 0
        self._suffices = self._suffices + 1 if suffices else 0
        if len(self._calls) == TICKS_PER_MINUTE:
            self._sum -= self._calls[0]
        self._calls.append(call)
        self._sum += call
        if self._suffices > TICKS_PER_MINUTE:
            share = self._sum / target
            self.least = share if self.least is None else min(self.least, share)
            self.most = share if self.most is None else max(self.most, share)


@dataclass(slots=True)
class Record:
    """Grows with the run, in bounded memory."""

    room: Room
    rows: list[Row] = field(default_factory=list)
    line_max: int = 0
    active_max: int = 0
    minute: Minute = field(default_factory=Minute)
    _stretch: int = FIRST_STRETCH
    _called: int = 0
    _filled: bool = False
    _busy_ticks: int = 0
    _busy: float = 0.0
    _step: Step | None = None

    def note(self, room: CountedRoom, call: int, step: Step | None, *, paused: bool) -> None:
        """One tick."""
        cap = room.room.active_cap
        self.line_max = max(self.line_max, room.waiting)
        self.active_max = max(self.active_max, room.active)
        self._called += call
        self._step = step
        target = room.room.outflow_per_minute * (step.factor if step else 1.0)
        free = cap - room.active - room.to_claim > 2 * target / TICKS_PER_MINUTE + 1
        paused = paused or room.sold_out
        self.minute.note(call, target, room.waiting > 0 and free and not paused)
        self._filled = self._filled or room.active >= cap * FULL_SHARE
        if self._filled and room.waiting and not paused:
            self._busy_ticks += 1
            self._busy += room.active / cap
        if room.tick % self._stretch == 0:
            self._row(room, step, paused)

    def summary(self, room: CountedRoom, truth: Truth, seconds: float) -> Summary:
        """``seconds`` is what the run took to compute."""
        waits, live = room.waits, self._step.coverage if self._step else None
        return Summary(
            arrived=room.issued,
            let_in=room.claimed,
            never_came=room.missed,
            still_waiting=room.waiting,
            minutes=room.tick / TICKS_PER_MINUTE,
            wait_mean_s=round(waits.mean_s, 1),
            wait_p50_s=waits.percentile_s(0.5),
            wait_p90_s=waits.percentile_s(0.9),
            wait_p95_s=waits.percentile_s(0.95),
            wait_p99_s=waits.percentile_s(0.99),
            wait_max_s=waits.longest_s,
            line_max=self.line_max,
            active_max=self.active_max,
            active_cap=room.room.active_cap,
            busy_share=self._busy / self._busy_ticks if self._busy_ticks else None,
            outflow_least=self.minute.least,
            outflow_most=self.minute.most,
            estimate_held_joining=truth.joining.share,
            estimate_held_waiting=truth.waiting.share,
            estimate_held_by_wait=truth.shares_by_wait,
            estimate_held_live=live.share if live else None,
            estimate_cases=truth.joining.cases + truth.waiting.cases,
            seconds=round(seconds, 2),
        )

    def _row(self, room: CountedRoom, step: Step | None, paused: bool) -> None:
        self.rows.append(
            Row(
                minute=room.tick / TICKS_PER_MINUTE,
                waiting=room.waiting,
                active=room.active,
                at_door=room.at_door,
                called=self._called,
                target=room.room.outflow_per_minute * (step.factor if step else 1.0),
                wait_s=room.wait_now_s,
                show_rate=step.show_rate if step else 1.0,
                factor=step.factor if step else 1.0,
                low_s=room.waiting / step.pace.high_per_minute * 60 if step else 0.0,
                high_s=room.waiting / step.pace.low_per_minute * 60 if step else 0.0,
                paused=paused,
            )
        )
        self._called = 0
        if len(self.rows) >= ROWS_MAX:
            self._stretch *= 2
            self.rows = [
                replace(b, called=a.called + b.called)
                for a, b in zip(self.rows[::2], self.rows[1::2], strict=True)
            ]
