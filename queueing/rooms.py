"""Waiting rooms: join, ask, claim, leave.

The room stays shut. When the store is away every call raises StoreUnavailable: nobody is admitted on a guess,
nobody's place is lost, since the ticket holds it. Passes already given out go on to be valid, for backends
verify them offline.

The serving number moves whenever anybody asks, by the time that passed on the store's clock; it
does not matter which worker asks or how often. A leader that also watches the origin will take this over.
"""

import random
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from queueing.board import Board
from queueing.estimate import POLL_NEAR_MS, estimate, poll_after_ms
from queueing.pace import supposed
from queueing.passes import Pass, PassOffice
from queueing.policy import Room
from queueing.standing import Estimate, RoomStatus, Standing
from queueing.stats import RoomsStats
from queueing.store import Reading, Store, StoreUnavailable
from queueing.ticket import HOLDER_BYTES, InvalidTicket, Ticket, TicketOffice

STATUS_TTL_S = 1.0
NO_WAIT = Estimate(0, 0)

T = TypeVar("T")


class Rooms:
    """All rooms, on one store. ``clock`` is in seconds, ``chance`` from 0 to 1 spreads the polls."""

    def __init__(
        self,
        store: Store,
        tickets: TicketOffice,
        passes: PassOffice,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._tickets = tickets
        self._passes = passes
        self._board = Board(store, ttl_s=STATUS_TTL_S, clock=clock)
        self._chance = chance
        self._counts: Counter[str] = Counter()

    async def status(self, room: Room) -> RoomStatus:
        """What everyone may know, at most a second old."""
        return await self._counting(self._board.status(room))

    def known_status(self, room: Room) -> RoomStatus | None:
        """The same where no call is needed for it, for who cannot wait; else None."""
        return self._board.known(room)

    async def join(
        self,
        room: Room,
        shown: str | None = None,
        *,
        holder: bytes | None = None,  # noqa: ARG002
        lane: str = "",  # noqa: ARG002
    ) -> Standing:
        """A place. Whoever shows a ticket that is in force keeps the one he has.

        ``holder`` is a keyed hash of 16 bytes of a subject or an identity: whoever has a place in the room
        already gets that one.

        A ticket that cannot be read, or whose turn is over, gets a new number like anyone who shows none: it
        gains nothing, and a citizen with a stale cookie is not shut out.
        """
        held = self._readable(shown, room)
        if held is not None and shown is not None:
            standing = await self._stand(room, held, shown)
            if standing.state != "expired":
                self._counts["returned"] += 1
                return standing
        reading = await self._counting(self._store.join(room))
        ticket = Ticket(room.id, reading.number, reading.now_ms, secrets.token_bytes(HOLDER_BYTES))
        self._counts["joined"] += 1
        self._counts["admitted_at_once"] += reading.state == "admitted"
        return self._standing(room, ticket, self._tickets.sign(ticket), reading)

    async def standing(self, room: Room, shown: str) -> Standing:
        """Where the ticket stands. Raises InvalidTicket. For whoever waits the store is not asked."""
        return await self._stand(room, self._read(shown, room), shown)

    async def claim(self, room: Room, shown: str) -> Standing:
        """Take the turn: admitted, with the pass, or how things stand instead. Raises InvalidTicket.

        A retry gets the same pass. ``called`` means that the cap is reached: the turn is kept, ask again.
        Whoever missed the window is ``expired`` and may join anew, at the back.
        """
        ticket = self._read(shown, room)
        reading = await self._counting(self._store.claim(room, ticket.number))
        self._counts["claims" if reading.state == "admitted" else "claims_refused"] += 1
        return self._standing(room, ticket, shown, reading)

    async def leave(self, room: Room, shown: str) -> Standing:
        """Give up the place, the turn or the slot. Raises InvalidTicket."""
        ticket = self._read(shown, room)
        reading = await self._counting(self._store.leave(room, ticket.number))
        self._counts["left"] += 1
        return self._standing(room, ticket, shown, reading)

    async def renew(self, room: Room, shown: str) -> Standing:
        """A pass that lasts longer, up to ``pass_cap_ms`` after the claim. Raises InvalidTicket."""
        return await self.standing(room, shown)

    async def extend(self, room: Room, shown: str) -> Standing:
        """More time for a called visitor to accept: a window from now, ten times. Raises InvalidTicket."""
        return await self.standing(room, shown)

    def resume_code(self, room: Room, shown: str) -> str:  # noqa: ARG002
        """A short code that gives the same ticket again, on any device. Raises InvalidTicket."""
        raise InvalidTicket

    async def resume(self, room: Room, code: str) -> Standing:  # noqa: ARG002
        """The place that a code stands for, with its ticket. Raises InvalidTicket."""
        raise InvalidTicket

    async def feedback(self, room: Room, ok: int, failed: int, latency_ms: float) -> None:
        """How the origin did since the last time: requests that went well, failed, and their mean latency."""

    async def end(self, room: Room, pass_id: str) -> None:
        """The session that a pass opened has ended or was revoked: its slot is free at once."""

    def stats(self) -> RoomsStats:
        return RoomsStats(**{name: self._counts[name] for name in RoomsStats.__slots__})

    async def _stand(self, room: Room, ticket: Ticket, shown: str) -> Standing:
        status = await self._counting(self._board.status(room))
        if ticket.number > status.serving and ticket.number <= status.issued:
            return self._waiting(room, shown, ticket.number, status.serving)
        reading = await self._counting(self._store.stand(room, ticket.number))
        return self._standing(room, ticket, shown, reading)

    def _standing(self, room: Room, ticket: Ticket, shown: str, reading: Reading) -> Standing:
        if reading.state == "waiting":
            return self._waiting(room, shown, ticket.number, reading.serving)
        assert reading.state is not None, "a reading about a number has a state"
        poll_ms = poll_after_ms(POLL_NEAR_MS, self._chance())
        admission = self._admission(room, ticket, reading) if reading.state == "admitted" else None
        expires_in_ms = reading.ends_ms - reading.now_ms if reading.ends_ms else None
        return Standing(shown, ticket.number, reading.state, 0, NO_WAIT, poll_ms, admission, expires_in_ms)

    def _waiting(self, room: Room, shown: str, number: int, serving: int) -> Standing:
        position = number - serving
        wait = estimate(supposed(room), position)
        poll_ms = poll_after_ms(wait.low, self._chance())
        return Standing(shown, number, "waiting", position, wait, poll_ms)

    def _admission(self, room: Room, ticket: Ticket, reading: Reading) -> str:
        """The pass; the same text for every retry, since nothing in it comes from the moment of asking."""
        issued_s = (reading.ends_ms - room.pass_ms) // 1000
        granted = Pass(room.id, ticket.holder.hex(), ticket.pass_id, issued_s, reading.ends_ms // 1000)
        return self._passes.sign(granted)

    def _read(self, shown: str, room: Room) -> Ticket:
        try:
            return self._tickets.read(shown, room.id)
        except InvalidTicket:
            self._counts["invalid_tickets"] += 1
            raise

    def _readable(self, shown: str | None, room: Room) -> Ticket | None:
        if not shown:
            return None
        try:
            return self._read(shown, room)
        except InvalidTicket:
            return None

    async def _counting(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except StoreUnavailable:
            self._counts["unavailable"] += 1
            raise
