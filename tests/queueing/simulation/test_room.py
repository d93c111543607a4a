"""The counted room keeps the very counters that the scripts keep, tick by tick."""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from queueing.leader import observed_of
from queueing.outflow import Observed, Outflow
from queueing.policy import Room
from queueing.simulation.crowd import Crowd
from queueing.simulation.room import ASK_AGAIN_TICKS, CountedRoom
from queueing.simulation.shape import SHAPES, TICK_MS
from queueing.store import Kept, Legacy, Move
from queueing.valkey import ValkeyStore

START_MS = 1_795_507_745_000
TICKS = 600
CALM, PAUSED = range(0), range(100, 160)


def claims_after(order: int) -> int | None:
    """Ticks from the call to the claim: every fourth of the called never comes."""
    return None if order % 4 == 0 else 1 + order * 7 % 20


def joins_at(tick: int) -> int:
    """A crowd at the start, then now and then somebody, then nobody for the last third."""
    return 60 if tick == 3 else int(tick % 9 == 0 and tick < 400)


def clockwork() -> Crowd:
    """A crowd without chance: it claims as above, and each stays for a whole pass."""
    order = itertools.count(1)

    class Clockwork(Crowd):
        def claims_after(self, called: int, show_rate: float, draw: Generator) -> NDArray[np.int64]:
            after = [claims_after(next(order)) for _ in range(called)]
            return np.array([ticks for ticks in after if ticks is not None], dtype=np.int64)

        def leaves_after(self, claimed: int, pass_ms: int, draw: Generator) -> NDArray[np.int64]:
            return np.full(claimed, pass_ms // TICK_MS, dtype=np.int64)

    return Clockwork(1, 1, SHAPES["level"])


@dataclass(slots=True)
class Told:
    """The same crowd on the real scripts, number by number."""

    store: ValkeyStore
    room: Room
    order: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    again: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    coming: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def begin(self) -> None:
        lines = {"": Kept(0, 0, 0, 0)}
        legacy = Legacy(1, self.store.incarnation(self.room), lines, 0, 0, 0)
        await self.store.restore(self.room, legacy, 0, START_MS * 1000)
        await self.store.block(self.room, "", 1, 0, 10_000)

    async def step(self, tick: int, outflow: Outflow, *, paused: bool) -> Observed:
        now_us = (START_MS + tick * TICK_MS) * 1000
        room = replace(self.room, suspended=paused)
        for number in self.again.pop(tick, []) + self.coming.pop(tick, []):
            reading = await self.store.claim(room, "", number, now_us)
            if reading.state == "called":
                self.again[tick + ASK_AGAIN_TICKS].append(number)
        if joins_at(tick):
            await self.store.join(room, "", joins_at(tick), now_us)
        seen = await self.store.look(room, 1, now_us)
        assert seen is not None
        observed, line = observed_of(seen), seen.lines[""]
        step = outflow.step(observed, None, may_call=not paused)
        serving = line.serving + step.call
        for number in range(line.serving + 1, serving + 1):
            after = claims_after(next(self.order))
            if after is not None:
                self.coming[tick + after].append(number)
        move = Move(seen.life, 1, 0, {"": serving}, {"": line.over}, step.at_once, step.pace)
        assert await self.store.advance(room, move, now_us)
        return observed


def counted_step(room: CountedRoom, tick: int, outflow: Outflow, *, paused: bool) -> Observed:
    room.leave()
    room.claim()
    room.join(joins_at(tick))
    if paused:
        room.hold()
    observed = room.observed(START_MS + tick * TICK_MS)
    step = outflow.step(observed, None, may_call=not paused)
    room.move(step.call, step.at_once)
    return observed


@pytest.mark.parametrize("pause", [CALM, PAUSED], ids=["calm", "paused"])
@pytest.mark.parametrize("stock", [None, 30], ids=["unbounded", "stock"])
async def test_both_play_the_same_day(store: ValkeyStore, pause: range, stock: int | None) -> None:
    """A cap that is reached, windows that pass, a pause, an end: the leader sees the same each tick."""
    room = Room(f"counted-{pause.start}-{stock}", 600, 12, 6_000, 9_000, stock=stock)
    told, counted = Told(store, room), CountedRoom(room, clockwork(), np.random.default_rng(1))
    await told.begin()
    outflows = Outflow(room), Outflow(room)

    at_door = 0
    for tick in range(1, TICKS + 1):
        real = await told.step(tick, outflows[0], paused=tick in pause)
        played = counted_step(counted, tick, outflows[1], paused=tick in pause)
        assert played == real, f"at tick {tick}"
        at_door = max(at_door, counted.at_door)

    # On the day with a pause more come at once than there are slots: what happens at the door is played.
    assert at_door > 0 or stock is not None or pause is CALM
    assert counted.claimed > 25
    assert counted.missed > 5
