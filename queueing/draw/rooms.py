"""The rooms as they are with draws: whoever comes before the start of an event has an entry, not a number.

::

    join ─┬─ people gather ──▶ an entry and its receipt; after the draw the receipt stands for a number
          ├─ the list is being frozen ──▶ StoreUnavailable: ask again in a second
          └─ else ──▶ the line, behind the draw

It fails as ``Rooms`` does. Nobody is called between the start and the draw, and no number is given out by a
state of the room that has not heard of those which the draw gives.
"""

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TypeAlias

from queueing.draw.document import Draw
from queueing.draw.draws import Draws
from queueing.draw.receipt import Receipt, ReceiptOffice
from queueing.draw.store import TooLate
from queueing.estimate import poll_after_ms
from queueing.passes import PassOffice
from queueing.policy import Room
from queueing.rooms import Rooms
from queueing.standing import Estimate, RoomStatus, Standing
from queueing.store import Ledger, Stale, Store, StoreUnavailable
from queueing.ticket import InvalidTicket, TicketOffice

OVER = frozenset({"expired", "abandoned", "completed"})

Do: TypeAlias = Callable[[Room, str], Awaitable[Standing]]


@dataclass(frozen=True, slots=True)
class _Told:
    """The status of a room whose event has not begun, made once from the line's."""

    of: RoomStatus
    status: RoomStatus


class EventRooms(Rooms):
    """``Rooms`` whose rooms may have draws."""

    def __init__(
        self,
        store: Store,
        tickets: TicketOffice,
        passes: PassOffice,
        ledger: Ledger,
        draws: Draws,
        receipts: ReceiptOffice,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(store, tickets, passes, ledger, clock=clock, chance=chance)
        self._chance = chance
        self._draws = draws
        self._receipts = receipts
        self._seated: dict[str, int] = {}  # bounded by the rooms that have draws, as is the next
        self._told: dict[str, _Told] = {}

    async def status(self, room: Room) -> RoomStatus:
        return self._of_event(room, await super().status(self.held(room)))

    def known_status(self, room: Room) -> RoomStatus | None:
        known = super().known_status(room)
        return None if known is None else self._of_event(room, known)

    def held(self, room: Room) -> Room:
        """The room as the line's leader is to see it: nobody is called before the draw.

        An operator who gives a draw up, since its beacon never came, sets another method.
        """
        pending = room.method == "lottery" and self._draws.pending(room.id)
        return _suspended(room) if pending else room

    async def join(
        self, room: Room, shown: str | None = None, *, holder: bytes | None = None, lane: str = ""
    ) -> Standing:
        join = partial(super().join, holder=holder, lane=lane)
        receipt = self._receipts.read(shown, room.id)
        drawn_by_lot = room.method == "lottery" and not lane
        if drawn_by_lot and self._draws.takes(room.id):
            return await self._kept(room, shown) or await self._enter(room, holder)
        if drawn_by_lot and room.id in self._draws.expected:  # a number now would be one before the draw's
            raise StoreUnavailable(f"{room.id}: the draw is about to begin")
        if drawn_by_lot and receipt is None and holder is not None:
            receipt = await self._counting(self._draws.found(room.id, holder))
        standing = None if receipt is None else await self._of_receipt(room, receipt, join)
        if standing is not None:
            return standing
        await self._seat(room)
        return await join(self.held(room), shown)

    def is_plain(self, room: Room) -> bool:
        return room.method != "lottery" and self._is_seated(room) and super().is_plain(room)

    async def standing(self, room: Room, shown: str) -> Standing:
        return await self._either(room, shown, super().standing)

    async def claim(self, room: Room, shown: str) -> Standing:
        return await self._either(room, shown, super().claim)

    async def renew(self, room: Room, shown: str) -> Standing:
        return await self._either(room, shown, super().renew)

    async def extend(self, room: Room, shown: str) -> Standing:
        return await self._either(room, shown, super().extend)

    async def leave(self, room: Room, shown: str) -> Standing:
        """An entry stays in the list: its number is called in vain, as that of anybody who left the line."""
        return await self._either(room, shown, super().leave)

    def resume_code(self, room: Room, shown: str) -> str:
        receipt = self._receipts.read(shown, room.id)
        return super().resume_code(room, shown) if receipt is None else self._receipts.code(receipt)

    async def resume(self, room: Room, code: str) -> Standing:
        draw = self._draws.of(room.id)
        index = None if draw is None else self._receipts.resumed(room.id, draw.draw, code)
        receipt = None if index is None else await self._counting(self._draws.at(room.id, index))
        if receipt is None:
            return await super().resume(room, code)
        return await self.standing(room, self._receipts.sign(receipt))

    # -- entries -------------------------------------------------------------

    async def _kept(self, room: Room, shown: str | None) -> Standing | None:
        """The place that somebody has already, of this draw or of the line."""
        try:
            standing = await self.standing(room, shown) if shown else None
        except InvalidTicket:
            return None
        return standing if standing is not None and standing.state not in OVER else None

    async def _enter(self, room: Room, holder: bytes | None) -> Standing:
        """An entry, new or the holder's own."""
        try:
            receipt = await self._counting(self._draws.enter(room.id, holder))
        except TooLate:
            raise StoreUnavailable(f"{room.id}: the list is being frozen") from None
        draw = self._draws.of(room.id)
        assert draw is not None, "a draw does not vanish"
        return self._gathering(draw, receipt)

    async def _either(self, room: Room, shown: str, do: Do) -> Standing:
        """By the number that the receipt stands for, or by the ticket."""
        receipt = self._receipts.read(shown, room.id)
        standing = None if receipt is None else await self._of_receipt(room, receipt, do)
        return standing or await do(self.held(room), shown)

    async def _of_receipt(self, room: Room, receipt: Receipt, do: Do) -> Standing | None:
        """None: the receipt is of a draw that there is not."""
        number = await self._counting(self._draws.archive.number(receipt))
        if number is not None:
            await self._seat(room)
            return await do(self.held(room), self._tickets.sign(self._tickets.make(room.id, "", number)))
        draw = await self._counting(self._draws.archive.one(room.id, receipt.draw))
        return None if draw is None else self._gathering(draw, receipt)

    def _gathering(self, draw: Draw, receipt: Receipt) -> Standing:
        """Polls grow denser towards the moment at which the beacon is known."""
        left_ms = max(draw.beacon.at_ms - self._draws.now_ms(), 0)
        return Standing(
            ticket=self._receipts.sign(receipt),
            number=0,
            state="gathering",
            position=0,
            estimate_ms=Estimate(left_ms, left_ms),
            poll_after_ms=poll_after_ms(left_ms, self._chance()),
            entry=receipt.entry.hex(),
            opens_at_ms=draw.closes_at_ms,
        )

    def _is_seated(self, room: Room) -> bool:
        life, serial = self._draws.seat(room.id)
        return not life or self._seated.get(room.id) == serial

    async def _seat(self, room: Room) -> None:
        """See to it that the room's state knows the numbers of its last draw; once for a draw and worker."""
        if self._is_seated(room):
            return
        life, serial = self._draws.seat(room.id)

        async def look() -> None:
            there, _ = await self._store.top(room, "")
            if there <= life:
                raise Stale(room.id)

        await self._counting(self._restoration.over(room, look))
        self._seated[room.id] = serial

    def _of_event(self, room: Room, status: RoomStatus) -> RoomStatus:
        draw = self._draws.of(room.id)
        if draw is None or room.method != "lottery" or not self._draws.pending(room.id):
            return status
        told = self._told.get(room.id)
        if told is None or told.of is not status:
            event = replace(status, state="gathering", opens_at_ms=draw.closes_at_ms)
            told = self._told[room.id] = _Told(status, event)
        return told.status


@lru_cache(maxsize=4096)
def _suspended(room: Room) -> Room:
    return replace(room, suspended=True)
