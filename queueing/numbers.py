"""Numbers: handed out by the hot store, from blocks that the journal reserved.

::

    joins of one tick ──▶ one join script ──▶ 1041 1042 1043 …      issued ........ low water .... top
                          the join that leaves less than half a block ──▶ reserve the next

The block is about two seconds of joins. What a lost store had of one is never handed out again.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from queueing.policy import Room
from queueing.restoration import Restoration
from queueing.store import Handed, Ledger, Reading, Store, StoreUnavailable

BLOCK_MIN, BLOCK_MAX = 32, 10_000
BLOCK_S = 2.0
TRIP_MAX = 1_000
"""Joins in one script: 1 ms of the store's time at most."""
WAITING_MAX = 20_000
ROUNDS_MAX = 50


Told = Callable[[Reading | StoreUnavailable], None]


class _Answer(Protocol):
    """Where one join's number goes."""

    def done(self) -> bool:
        """Nobody waits for it any more."""

    def set_result(self, reading: Reading, /) -> None: ...

    def set_exception(self, away: StoreUnavailable, /) -> None: ...


class _Callback:
    """For who asks without a task: ``told`` is called once, whatever happens."""

    __slots__ = ("_is_done", "_told")

    def __init__(self, told: Told) -> None:
        self._told = told
        self._is_done = False

    def done(self) -> bool:
        return self._is_done

    def set_result(self, reading: Reading, /) -> None:
        self._is_done = True
        self._told(reading)

    def set_exception(self, away: StoreUnavailable, /) -> None:
        self._is_done = True
        self._told(away)


@dataclass(slots=True)
class _Asking:
    """The joins of a tick in one lane; settings that changed within the tick count from the next on."""

    room: Room
    answers: list[_Answer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Reserved:
    last: int
    at_s: float


class Numbers:
    """Gathers the joins of a tick, and keeps the blocks filled. ``clock`` is in seconds."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        restoration: Restoration,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._restoration = restoration
        self._clock = clock
        self._asking: dict[tuple[str, str], _Asking] = {}
        self._waiting = 0
        self._trips: set[asyncio.Task[None]] = set()
        self._reserving: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._reserved: dict[tuple[str, str], _Reserved] = {}  # bounded by the lanes there are
        self._sizes: dict[tuple[str, str], int] = {}

    async def next(self, room: Room, lane: str) -> Reading:
        """The next number of the lane: waiting, or admitted. Raises StoreUnavailable."""
        answer: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        self._wait(room, lane, answer)
        try:
            return await answer
        finally:
            self._waiting -= 1

    def ask(self, room: Room, lane: str, told: Told) -> None:
        """``next`` without a task: ``told`` gets the number, or why there is none. It must not raise.

        Raises StoreUnavailable when too many wait.
        """

        def answered(found: Reading | StoreUnavailable) -> None:
            self._waiting -= 1
            told(found)

        self._wait(room, lane, _Callback(answered))

    def _wait(self, room: Room, lane: str, answer: _Answer) -> None:
        if self._waiting >= WAITING_MAX:
            raise StoreUnavailable(f"{WAITING_MAX} joins wait for numbers")
        key = room.id, lane
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = _Asking(room)
            asyncio.get_running_loop().call_soon(self._start, key)
        asking.answers.append(answer)
        self._waiting += 1
        if len(asking.answers) == TRIP_MAX:
            self._start(key)

    def _start(self, key: tuple[str, str]) -> None:
        asking = self._asking.pop(key, None)
        if asking is not None:
            trip = asyncio.create_task(self._hand_out(asking.room, key[1], asking.answers))
            self._trips.add(trip)
            trip.add_done_callback(self._trips.discard)

    async def _hand_out(self, room: Room, lane: str, asking: list[_Answer]) -> None:
        """Numbers for all of them, in their order; who gave up before the trip is passed over."""
        try:
            for _ in range(ROUNDS_MAX):
                asking = [answer for answer in asking if not answer.done()]
                if not asking:
                    return
                join = partial(self._store.join, room, lane, len(asking))
                handed = await self._restoration.over(room, join)
                _settle(asking[: handed.count], handed)
                asking = asking[handed.count :]
                await self._refill(room, lane, handed, len(asking))
            raise StoreUnavailable(f"{room.id}: no block of numbers")
        except BaseException as error:  # cancelled as well: the loop ends, and nobody may wait for ever
            for answer in asking:
                if not answer.done():
                    answer.set_exception(StoreUnavailable(str(error) or type(error).__name__))
            if not isinstance(error, StoreUnavailable):
                raise

    async def _refill(self, room: Room, lane: str, handed: Handed, wanted: int) -> None:
        """Reserve the next block in the background at the low-water mark; wait for it when there is none."""
        at = room.id, lane
        if not wanted and handed.left >= self._sizes.get(at, BLOCK_MIN) // 2:
            return
        reserving = self._reserving.get(at)
        if reserving is None:
            reserving = self._reserving[at] = asyncio.create_task(self._reserve(room, lane, wanted))
            reserving.add_done_callback(lambda done: self._came(at, done))
        if wanted:
            await asyncio.shield(reserving)

    def _came(self, at: tuple[str, str], reserving: "asyncio.Task[None]") -> None:
        del self._reserving[at]
        if not reserving.cancelled():
            reserving.exception()  # looked at; the next join tries again

    async def _reserve(self, room: Room, lane: str, wanted: int) -> None:
        async def reserve() -> None:
            life, top = await self._store.top(room, lane)
            many = self._size(room.id, lane, top, wanted)
            last = await self._ledger.reserve(room.id, lane, life, top, many)
            await self._store.block(room, lane, life, top, last)

        await self._restoration.over(room, reserve)

    def _size(self, room_id: str, lane: str, top: int, wanted: int) -> int:
        """Two seconds of joins, by how long the last block took; twice as much while joins wait for one."""
        at, now_s = (room_id, lane), self._clock()
        last = self._reserved.get(at)
        many = max(2 * wanted, BLOCK_MIN)
        if last is not None and top > last.last:
            many = max(many, round((top - last.last) / max(now_s - last.at_s, 0.001) * BLOCK_S))
        self._reserved[at] = _Reserved(top, now_s)
        self._sizes[at] = min(many, BLOCK_MAX)
        return self._sizes[at]


def _settle(asking: list[_Answer], handed: Handed) -> None:
    for at, answer in enumerate(asking):
        if answer.done():
            continue  # gave up during the trip: an empty number, called in vain
        inside = at < handed.admitted
        answer.set_result(
            Reading(
                state="admitted" if inside else "waiting",
                life=handed.life,
                number=handed.first + at,
                serving=handed.serving,
                issued=handed.issued,
                active=handed.active,
                ends_ms=handed.ends_ms if inside else 0,
                now_ms=handed.now_ms,
                start_ms=handed.now_ms if inside else 0,
            )
        )
