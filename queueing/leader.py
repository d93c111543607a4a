"""The leader: one process moves the serving numbers of all rooms, five times a second.

::

    look ──▶ outflow.step ──▶ journal the step ──▶ advance
     │       how many         one statement for     the store does as it was
     │                        all rooms, fenced     journalled; repeating it
     └ one script a room                            changes nothing

The lease is a row in the journal, by the database's clock: 2 s, renewed every 0.5 s. Its epoch fences whoever
held it before: a leader that was frozen for a while can journal nothing any more, and the store does not
listen to it. While the journal is away nobody is called, and nobody's window passes.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from queueing.health import Health
from queueing.lanes import shared_out
from queueing.outflow import Observed, Outflow, Step
from queueing.policy import Room
from queueing.restoration import Restoration
from queueing.store import Foreign, Ledger, Move, Seen, Store, StoreUnavailable

LEASE_S = 2.0
RENEW_S = 0.5
TICK_S = 0.2
ASKED_S = 0.5
"""So long a tick waits for a room's store. A node of a cluster may fail over for seconds: its rooms stand
still, and the lease must not run out over them, or all would."""
IDLE_S = 1.0
"""A room where nothing happens is looked at so often only."""
IDLE_ROOMS_MIN = 16
"""So many of them at least in one tick. Else a fifth of all: hundreds at once would hold up every request of
this worker for tens of milliseconds."""
HOUSE_S = 2.0
SWEEP_S = 60.0
RESIGN_S = 1.0
REMEMBERED_MAX = 2_048
RESTORING_MAX = 3
"""Rooms at a time; who comes to a room restores it himself, and need not wait for these."""


class Lease(Ledger, Protocol):
    """The journal, as the leader needs it. Each raises StoreUnavailable."""

    async def lead(self, holder: str, seconds: float) -> int | None: ...

    async def resign(self, holder: str, epoch: int) -> None: ...

    async def lives(self) -> set[str]: ...

    async def tick(self, epoch: int, moves: Sequence[tuple[str, Move, dict[str, int]]]) -> set[str]: ...

    async def recall(self, room: str) -> bytes: ...

    async def remember(self, room: str, remembered: bytes, missed: int, left: int) -> None: ...

    async def sweep(self, room: str, now_ms: int) -> None: ...


Note = Callable[[Room, Observed, Step, Health | None, int], None]
"""What is told of each step: room, what was seen, the step, the origin's health, the epoch."""


@dataclass(frozen=True, slots=True)
class LeaderStats:
    leading: int
    """1 in the process that leads."""
    epoch: int
    elected: int
    steps: int
    refused: int
    """Steps that the journal refused: another leads, or another store serves the room."""
    unavailable: int
    """Looks and ticks that found the store or the journal away."""
    restored: int
    """Rooms that the leader made anew from the journal; visitors' own calls restore as well."""


@dataclass(slots=True)
class _Led:
    """What the leader holds of a room."""

    outflow: Outflow
    owed: dict[str, float]
    heard: tuple[int, int, int] = (0, 0, 0)
    last: Seen | None = None
    busy: bool = True


@dataclass(frozen=True, slots=True)
class _Turn:
    """One room's part of a tick."""

    room: Room
    led: _Led
    seen: Seen
    move: Move

    @property
    def counts(self) -> bool:
        """Whether it must be journalled: somebody waits, was called, or will be."""
        seen = self.seen
        waiting = any(line.issued > line.serving or line.over > line.expired for line in seen.lines.values())
        return bool(waiting or seen.due or seen.again)


class Leader:
    """Runs in every worker; one of them leads. ``rooms`` are those there are, ``holder`` names us."""

    def __init__(
        self,
        rooms: Callable[[], Iterable[Room]],
        store: Store,
        ledger: Lease,
        *,
        holder: str,
        note: Note | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rooms = rooms
        self._store = store
        self._ledger = ledger
        self._restoration = Restoration(store, ledger)
        self._holder = holder
        self._note = note
        self._clock = clock
        self._sleep = sleep
        self._led: dict[str, _Led] = {}
        self._looked_s: dict[str, float] = {}
        self._lives: set[str] | None = None
        """Rooms that were ever in use: others have nothing to be restored. None until it was asked."""
        self._restoring: dict[str, asyncio.Task[None]] = {}
        self._epoch: int | None = None
        self._renewed_s = float("-inf")
        self._journal_is_there = True
        self._elected = self._steps = self._refused = self._unavailable = 0

    @property
    def epoch(self) -> int | None:
        """While this process leads."""
        return self._epoch

    def stats(self) -> LeaderStats:
        return LeaderStats(
            int(self._epoch is not None),
            self._epoch or 0,
            self._elected,
            self._steps,
            self._refused,
            self._unavailable,
            self._restoration.restored,
        )

    async def run(self) -> None:
        """Lead, or stand by to lead, until cancelled; then whoever is next need not wait for the lease."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._lead())
                both.create_task(self._keep_house())
        finally:
            for restoring in self._restoring.values():
                restoring.cancel()
            if self._epoch is not None:
                with suppress(StoreUnavailable, TimeoutError):
                    async with asyncio.timeout(RESIGN_S):
                        await self._ledger.resign(self._holder, self._epoch)

    async def _lead(self) -> None:
        while True:
            await self.renew()
            if self._epoch is not None:
                await self.tick()
            await self._sleep(TICK_S if self._epoch is not None else RENEW_S)

    async def renew(self) -> None:
        """Take the lease or keep it, every half a second."""
        now_s = self._clock()
        if now_s - self._renewed_s < RENEW_S:
            return
        try:
            epoch = await self._ledger.lead(self._holder, LEASE_S)
        except StoreUnavailable:
            self._unavailable += 1
            self._journal_is_there = False
            return  # the fence knows whether we still lead
        self._renewed_s = now_s
        if epoch != self._epoch:
            self._led.clear()  # what another leader did meanwhile is in the journal
            self._looked_s.clear()
            self._elected += epoch is not None
            self._lives = None
        self._epoch = epoch
        if epoch is not None and self._lives is None:
            with suppress(StoreUnavailable):
                self._lives = await self._ledger.lives()

    async def tick(self) -> None:
        """Look at each room that is due, step, journal all steps together, and do them."""
        now_s = self._clock()
        rooms = self._due(list(self._rooms()), now_s)
        turns = [turn for turn in await asyncio.gather(*map(self._turn, rooms)) if turn is not None]
        kept = await self._journal([turn for turn in turns if turn.counts])
        # A room where nothing is to be done needs no journal, only to be told how it stands.
        done = [turn for turn in turns if turn.room.id in kept or not turn.counts]
        await asyncio.gather(*map(self._advance, done))

    def _due(self, rooms: Sequence[Room], now_s: float) -> list[Room]:
        """All where something happens, and of the others those that were looked at longest ago."""
        looked_s = self._looked_s = {room.id: self._looked_s.get(room.id, float("-inf")) for room in rooms}
        busy: list[Room] = []
        idle: list[Room] = []
        for room in rooms:
            led = self._led.get(room.id)
            if led is not None and led.busy:
                busy.append(room)
            elif now_s - looked_s[room.id] >= IDLE_S:
                idle.append(room)
        never = sum(looked_s[room.id] == float("-inf") for room in idle)  # who comes to lead looks at all
        many = max(IDLE_ROOMS_MIN, never, math.ceil(len(rooms) * TICK_S / IDLE_S))
        return busy + sorted(idle, key=lambda room: looked_s[room.id])[:many]

    async def _turn(self, room: Room) -> _Turn | None:
        if room.id in self._restoring:
            return None
        self._looked_s[room.id] = self._clock()
        try:
            async with asyncio.timeout(ASKED_S):
                seen = await self._store.look(room, self._epoch or 0)
            led = await self._led_of(room)
        except (StoreUnavailable, TimeoutError):
            self._unavailable += 1
            return None
        except Foreign:
            if self._lives is None or room.id in self._lives:
                self._beside(room, self._restored(room))
            return None
        if seen is None:
            self._depose()
            return None
        before, led.last = led.last, seen
        led.busy = before is None or seen.lines != before.lines or bool(seen.due or seen.again)
        return _Turn(room, led, seen, self._move(room, led, seen))

    def _move(self, room: Room, led: _Led, seen: Seen) -> Move:
        """The step of a room as it will be journalled."""
        observed, health = observed_of(seen), self._health(led, seen)
        led.outflow.room = room
        step = led.outflow.step(observed, health, may_call=self._journal_is_there and not room.suspended)
        if self._note is not None:
            self._note(room, observed, step, health, self._epoch or 0)
        self._steps += 1
        call = within(room, seen, step.call)
        again = min(seen.again, call)
        waiting = {lane: line.waiting for lane, line in seen.lines.items()}
        shares = shared_out(call - again, waiting, room.shares, led.owed)
        return Move(
            life=seen.life,
            epoch=self._epoch or 0,
            again=again,
            serving={lane: line.reached(shares[lane]) for lane, line in seen.lines.items()},
            expired={lane: line.over for lane, line in seen.lines.items()},
            at_once=step.at_once,
            pace=step.pace,
        )

    def _health(self, led: _Led, seen: Seen) -> Health | None:
        """What was heard of the origin since the last look."""
        heard, before = (seen.ok, seen.failed, seen.latency_ms), led.heard
        led.heard = heard
        ok, failed, latency_ms = (now - then for now, then in zip(heard, before, strict=True))
        if led.last is None or ok < 0 or failed < 0 or not ok + failed:
            return None
        return Health(ok, failed, latency_ms / (ok + failed))

    async def _journal(self, turns: Sequence[_Turn]) -> set[str]:
        """The rooms whose step is committed."""
        moves = [
            (turn.room.id, turn.move, {lane: line.issued for lane, line in turn.seen.lines.items()})
            for turn in turns
        ]
        if not moves or self._epoch is None:
            return set()
        try:
            kept = await self._ledger.tick(self._epoch, moves)
        except StoreUnavailable:
            self._unavailable += 1
            self._journal_is_there = False
            return set()
        self._journal_is_there = True
        self._refused += len(moves) - len(kept)
        if not kept:
            self._renewed_s = float("-inf")  # the lease is lost, or all these rooms have another store
        for turn in turns:
            if turn.room.id not in kept:
                self._beside(turn.room, self._caught_up(turn.room))
        return kept

    async def _advance(self, turn: _Turn) -> None:
        # It is journalled: a new life begins with it.
        with suppress(StoreUnavailable, Foreign, TimeoutError):
            async with asyncio.timeout(ASKED_S):
                await self._store.advance(turn.room, turn.move)

    def _beside(self, room: Room, work: Coroutine[Any, Any, None]) -> None:
        """Restore a room in the background: the lease does not wait for it."""
        if room.id in self._restoring or len(self._restoring) >= RESTORING_MAX:
            work.close()
            return
        restoring = self._restoring[room.id] = asyncio.create_task(work)
        restoring.add_done_callback(lambda _done: self._restoring.pop(room.id))

    async def _restored(self, room: Room) -> None:
        with suppress(StoreUnavailable):
            await self._restoration.over(room, lambda: self._store.look(room, self._epoch or 0))

    async def _caught_up(self, room: Room) -> None:
        """The journal refused a step: there is a later life, or another store has the right."""
        with suppress(StoreUnavailable, Foreign):
            await self._restoration.catch_up(room)

    def _depose(self) -> None:
        """A later leader is at work: find out at once."""
        self._renewed_s = float("-inf")

    async def _led_of(self, room: Room) -> _Led:
        led = self._led.get(room.id)
        if led is None:
            if self._lives is not None:
                self._lives.add(room.id)
            remembered = await self._ledger.recall(room.id)
            led = self._led[room.id] = _Led(Outflow(room, remembered), {})
        return led

    # -- keeping house -------------------------------------------------------

    async def _keep_house(self) -> None:
        """Note for the next leader what was learnt, and forget old claims."""
        swept_s = self._clock()
        while True:
            await self._sleep(HOUSE_S)
            sweeping = self._clock() - swept_s >= SWEEP_S
            if sweeping:
                swept_s = self._clock()
            if self._epoch is not None:
                with suppress(StoreUnavailable):
                    await self.keep_house(sweeping=sweeping)

    async def keep_house(self, *, sweeping: bool) -> None:
        """Once. Raises StoreUnavailable."""
        for room_id, led in list(self._led.items()):
            seen = led.last
            if seen is None or not (led.busy or sweeping):
                continue
            remembered = led.outflow.remember()
            await self._ledger.remember(room_id, remembered[:REMEMBERED_MAX], seen.missed, seen.left)
            if sweeping:
                await self._ledger.sweep(room_id, seen.now_ms)


def observed_of(seen: Seen) -> Observed:
    """All lanes together. Who missed the window and came back counts as one more number, a doubt as none."""
    lines = seen.lines.values()
    doubts = sum(line.issued - line.serving - line.waiting for line in lines)
    return Observed(
        now_ms=seen.now_ms,
        issued=sum(line.issued for line in lines) + seen.recalled + seen.again - doubts,
        serving=sum(line.serving for line in lines) + seen.recalled,
        expired=sum(line.expired for line in lines) + seen.recalled,
        active=seen.active,
        to_claim=seen.due,
        claimed=seen.claimed,
        missed=seen.missed,
        left=seen.left,
    )


def within(room: Room, seen: Seen, call: int) -> int:
    """``call``, but never more than the stock serves; all that there is room for where nobody has to wait."""
    if room.method == "passthrough" and not room.suspended:
        call = max(call, room.active_cap - seen.active - seen.due)
    if room.stock is not None:
        call = min(call, room.stock - seen.claimed - seen.due)
    return max(call, 0)
