"""Plays one room with one crowd from the first arrival until nobody is left."""

import time
from dataclasses import dataclass, replace

import numpy as np

from queueing.health import Health
from queueing.outflow import Outflow, Step
from queueing.policy import OUTFLOW_PER_MINUTE_MAX, Room
from queueing.simulation.crowd import Crowd
from queueing.simulation.record import Record, Row, Summary
from queueing.simulation.room import CountedRoom
from queueing.simulation.shape import TICK_MS, TICKS_PER_MINUTE, arrivals
from queueing.simulation.trouble import Kind, Trouble
from queueing.simulation.truth import SAMPLE_TICKS, Truth
from queueing.simulation.waits import Waits

START_MS = 1_767_225_600_000  # 2026-01-01; any moment would do
REQUESTS_PER_ACTIVE_S = 0.2
USUAL_LATENCY_MS = 80.0
DAYS_MAX = 7
HALTING: frozenset[Kind] = frozenset({"pause", "leader", "store"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played; the same plan and seed give the same run."""

    room: Room
    crowd: Crowd
    troubles: tuple[Trouble, ...] = ()
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Patience:
    """That ``share`` of the crowd wait ``wait_s`` at most."""

    wait_s: float
    share: float

    def ends(self, room: CountedRoom, people: int) -> bool:
        return room.late(self.wait_s) > (1 - self.share) * people


@dataclass(frozen=True, slots=True)
class Played:
    """A run; not ``finished`` when patience ended it."""

    plan: Plan
    finished: bool
    summary: Summary
    rows: list[Row]
    waits: Waits
    truth: Truth


def play(plan: Plan, patience: Patience | None = None) -> Played:
    """The run. Memory is bounded by the length of the day, the pass and the window, not by the crowd.

    With ``patience`` it ends as soon as too many have waited too long.
    """
    began = time.perf_counter()
    run, finished = Run(plan), True
    while finished and run.goes_on():
        run.step()
        if patience and run.room.tick % TICKS_PER_MINUTE == 0:
            finished = not patience.ends(run.room, plan.crowd.count)
    summary = run.record.summary(run.room, run.truth, time.perf_counter() - began)
    return Played(plan, finished, summary, run.record.rows, run.room.waits, run.truth)


class Run:
    """A run under way: ``step`` while it ``goes_on``."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        draw = np.random.default_rng(plan.seed)
        self._arrivals = arrivals(plan.crowd.points, plan.crowd.count, plan.crowd.minutes, draw)
        self.room = CountedRoom(plan.room, plan.crowd, draw)
        self.truth = Truth(np.random.default_rng(plan.seed + 1))
        self.record = Record(plan.room)
        self._outflow = Outflow(plan.room)
        self._step: Step | None = None
        self._kept_out = 0  # would join, but the store is away
        self._requests = self._failed = 0.0
        self._led = True
        self._changes = sorted((t for t in plan.troubles if not t.minutes), key=lambda t: t.at)
        self._lasting = [t for t in plan.troubles if t.minutes]

    def goes_on(self) -> bool:
        if self.room.tick >= DAYS_MAX * 24 * 60 * TICKS_PER_MINUTE:
            return False
        more_come = self.room.tick < len(self._arrivals) or self._kept_out > 0
        return more_come or (not self.room.is_empty and not self._sold_out())

    def step(self) -> None:
        room = self.room
        room.leave()
        self._change(room.tick / TICKS_PER_MINUTE)
        on = self.troubles_on()
        away = "store" in on
        room.claim(open_=not away)
        self._join(away)
        call = 0
        if not away and "leader" not in on:
            call = self._lead(on.get("pause") is None, on.get("origin"))
        else:
            self._led = False
        self.truth.called(room.tick, room.serving)
        self.record.note(room, call, self._step, paused=bool(on.keys() & HALTING))

    def troubles_on(self) -> dict[Kind, Trouble]:
        minute = self.room.tick / TICKS_PER_MINUTE
        return {trouble.kind: trouble for trouble in self._lasting if trouble.holds(minute)}

    @property
    def factor(self) -> float:
        """The share of the outflow that the origin's health leaves."""
        return self._step.factor if self._step else 1.0

    @property
    def show_rate(self) -> float:
        """As measured."""
        return self._step.show_rate if self._step else 1.0

    def _join(self, away: bool) -> None:
        index = self.room.tick - 1
        self._kept_out += int(self._arrivals[index]) if index < len(self._arrivals) else 0
        if not away:
            self.room.join(self._kept_out)
            self._kept_out = 0

    def _lead(self, may_call: bool, origin: Trouble | None) -> int:
        """One step of the leader. After a gap another one leads, from what the last one remembered."""
        room = self.room
        if not self._led:
            self._outflow = Outflow(self._outflow.room, self._outflow.remember())
            self._led = True
            room.hold()
        if not may_call:
            room.hold()
        now_ms = START_MS + room.tick * TICK_MS
        step = self._outflow.step(room.observed(now_ms), self._health(origin), may_call=may_call)
        if room.tick % SAMPLE_TICKS == 0:
            self.truth.sample(room.tick, room.serving, room.waiting, step.pace)
        room.move(step.call, step.at_once)
        self._step = step
        return step.call

    def _health(self, origin: Trouble | None) -> Health | None:
        """What the gate saw in the last second."""
        requests = self.room.active * REQUESTS_PER_ACTIVE_S * TICK_MS / 1000
        self._requests += requests
        self._failed += requests * origin.value if origin else 0.0
        if self.room.tick % (1000 // TICK_MS) or self._requests < 1:
            return None
        answers, failed = round(self._requests), round(self._failed)
        self._requests = self._failed = 0.0
        return Health(answers - failed, failed, USUAL_LATENCY_MS)

    def _change(self, minute: float) -> None:
        while self._changes and self._changes[0].at <= minute:
            change = self._changes.pop(0)
            if change.kind == "shows":
                self.room.show_rate = change.value
            else:
                per_minute = min(round(change.value), OUTFLOW_PER_MINUTE_MAX)
                self._outflow.room = self.room.room = replace(self.room.room, outflow_per_minute=per_minute)

    def _sold_out(self) -> bool:
        stock = self.room.room.stock
        return stock is not None and self.room.claimed >= stock
