"""A room's counters as the store keeps them, for crowds that are counted instead of named.

The rules are those of the scripts: a claim is refused while ``active`` is the cap, who was refused keeps the
turn and gets the next free slot in the order of asking, windows are held while nobody can be called, and when
nobody waits and there is room and credit, joins are let in at once. A test plays both on the same day.
"""

import itertools
from collections import deque

import numpy as np
from numpy.random import Generator

from queueing.estimate import POLL_NEAR_MS
from queueing.outflow import Observed
from queueing.policy import Room
from queueing.simulation.crowd import Crowd
from queueing.simulation.shape import TICK_MS
from queueing.simulation.waits import Waits

ASK_AGAIN_TICKS = POLL_NEAR_MS // TICK_MS
MARKS_PER_WINDOW = 256


class CountedRoom:
    """The state at a tick. Call ``leave``, ``claim``, ``join`` and ``move`` once each tick, in this order."""

    def __init__(self, room: Room, crowd: Crowd, draw: Generator) -> None:
        self.room, self._crowd, self._draw = room, crowd, draw
        self.show_rate = crowd.show_rate
        self.tick = 0
        self.issued = self.serving = self.expired = 0
        self.active = self.to_claim = self.claimed = self.missed = 0
        self.waits = Waits()
        self._window = max(1, room.claim_window_ms // TICK_MS)
        self._granule = -(-room.claim_window_ms // MARKS_PER_WINDOW // TICK_MS)
        self._claims = np.zeros(self._window + 2, dtype=np.int64)
        self._leaving = np.zeros(room.pass_ms // TICK_MS + 2, dtype=np.int64)
        self._calls: deque[list[int]] = deque()  # [tick of the first call, last number, of these absent]
        self._door: deque[list[int]] = deque()  # [phase of asking again, people], in the order of asking
        self._joined: deque[list[int]] = deque()  # [tick, last number] of those who wait
        self._held = 0  # tick until which windows were held
        self.at_once = 0

    @property
    def waiting(self) -> int:
        return self.issued - self.serving

    @property
    def at_door(self) -> int:
        return sum(people for _, people in self._door)

    @property
    def wait_now_s(self) -> float:
        """How long the first in line has waited."""
        return (self.tick - self._joined[0][0]) * TICK_MS / 1000 if self._joined else 0.0

    def late(self, wait_s: float) -> int:
        """How many have waited longer than this, those included who still do."""
        latest = self.tick - (wait_s + 1) * 1000 / TICK_MS
        waiting = itertools.takewhile(lambda joined: joined[0] < latest, self._joined)
        last = max((number for _, number in waiting), default=self.serving)
        return self.waits.longer_than(wait_s) + last - self.serving

    @property
    def sold_out(self) -> bool:
        """Whether those called and let in would take all of the stock."""
        return self.room.stock is not None and self.claimed + self.to_claim >= self.room.stock

    @property
    def is_empty(self) -> bool:
        return not (self.waiting or self.to_claim or self.active)

    def observed(self, now_ms: int) -> Observed:
        return Observed(
            now_ms,
            self.issued,
            self.serving,
            self.expired,
            self.active,
            self.to_claim,
            self.claimed,
            self.missed,
            0,
        )

    def leave(self) -> None:
        """Those whose time inside is over free their slots."""
        self.tick += 1
        slot = self.tick % len(self._leaving)
        self.active -= int(self._leaving[slot])
        self._leaving[slot] = 0

    def claim(self, *, open_: bool = True) -> None:
        """Those who come now, after those at the door; while the store is away they come when it is back."""
        slot = self.tick % len(self._claims)
        coming = int(self._claims[slot])
        self._claims[slot] = 0
        if not open_:
            self._claims[(self.tick + 1) % len(self._claims)] += coming
            return
        at_door = self._ask_again() if self._door else 0
        let_in = min(coming, max(0, self._free() - at_door))
        self._admit(let_in)
        self.to_claim -= let_in
        if coming > let_in:
            self._wait_at_door(coming - let_in)

    def join(self, people: int) -> None:
        """New numbers; the first of them go in at once where nobody waits and there is room and credit."""
        if not people:
            return
        let_in = 0
        if not self.waiting:
            let_in = max(0, min(people, self._free(self.to_claim), self.at_once))
            self.at_once -= let_in
            self._admit(let_in)
            self.serving += let_in
            self.waits.add(0, let_in)
        self.issued += people
        if people > let_in:
            self._joined.append([self.tick, self.issued])

    def hold(self) -> None:
        """Windows are held: the room is paused, or nobody led it."""
        self._held = self.tick

    def move(self, call: int, at_once: int = 0) -> None:
        """Ends windows that are over, and calls; until the next move ``at_once`` joins need not wait."""
        self.at_once = at_once
        self._expire()
        if call <= 0:
            return
        assert call <= self.waiting, "nobody is called who has not joined"
        self._note_waits(call)
        self.serving += call
        self.to_claim += call
        after = self._crowd.claims_after(call, self.show_rate, self._draw)
        in_time = after[after <= self._window]
        np.add.at(self._claims, (self.tick + in_time) % len(self._claims), 1)
        absent = call - len(in_time)
        if self._calls and self.tick < self._calls[-1][0] + self._granule:
            self._calls[-1][1] = self.serving
            self._calls[-1][2] += absent
        else:
            self._calls.append([self.tick, self.serving, absent])

    def _free(self, kept: int = 0) -> int:
        """Slots, as far as the stock lasts, less those that are kept for others."""
        free = self.room.active_cap - self.active
        if self.room.stock is not None:
            free = min(free, self.room.stock - self.claimed)
        return max(0, free - kept)

    def _admit(self, people: int) -> None:
        if people <= 0:
            return
        after = self._crowd.leaves_after(people, self.room.pass_ms, self._draw)
        np.add.at(self._leaving, (self.tick + after) % len(self._leaving), 1)
        self.active += people
        self.claimed += people

    def _wait_at_door(self, people: int) -> None:
        phase = self.tick % ASK_AGAIN_TICKS
        if self._door and self._door[-1][0] == phase:
            self._door[-1][1] += people
        else:
            self._door.append([phase, people])

    def _ask_again(self) -> int:
        """Those at the door whose turn to ask it is; returns how many stay there."""
        phase, ahead, free = self.tick % ASK_AGAIN_TICKS, 0, self._free()
        for group in self._door:
            if group[0] == phase and ahead < free:
                let_in = min(group[1], free - ahead)
                self._admit(let_in)
                self.to_claim -= let_in
                group[1] -= let_in
                free -= let_in
            ahead += group[1]
        while self._door and not self._door[0][1]:
            self._door.popleft()
        return ahead

    def _expire(self) -> None:
        while self._calls:
            first, upto, absent = self._calls[0]
            if self.tick < max(first, self._held) + self._granule + self._window:
                return
            self._calls.popleft()
            self.expired = upto
            self.to_claim -= absent
            self.missed += absent
        self.expired = self.serving  # who was let in at once has no window

    def _note_waits(self, call: int) -> None:
        upto = self.serving + call
        first = self.serving
        while first < upto:
            tick, last = self._joined[0]
            people = min(last, upto) - first
            self.waits.add((self.tick - tick) * TICK_MS / 1000, people)
            first += people
            if first == last:
                self._joined.popleft()
