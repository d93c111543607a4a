"""Waiting rooms: join, ask, claim, renew, leave.

The room stays shut. When the store or the journal is away every call that would decide something raises
StoreUnavailable: nobody is admitted on a guess, nobody's place is lost, since the ticket holds it. Passes
already given out go on to be valid, for backends verify them offline.

A store that was restarted, failed over or wiped is found out by its incarnation, and the room is made anew
from the journal before it answers (``restoration``). Who leads the line forward is ``leader``.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from queueing.board import Board
from queueing.feedback import Feedback
from queueing.journal import Journal
from queueing.numbers import Numbers
from queueing.passes import PassOffice
from queueing.policy import Room
from queueing.restoration import Restoration
from queueing.standing import RoomStatus, Standing
from queueing.stats import RoomsStats
from queueing.store import Claim, Counted, Hold, Ledger, Reading, RoomClosed, Stale, Store, StoreUnavailable
from queueing.telling import Telling
from queueing.ticket import InvalidTicket, Ticket, TicketOffice

STATUS_TTL_S = 1.0
HOLDER_TRIES_MAX = 3

T = TypeVar("T")


class Rooms:
    """All rooms, on one store and one journal. ``clock`` is in seconds, ``chance`` (0 to 1) spreads polls."""

    def __init__(
        self,
        store: Store,
        tickets: TicketOffice,
        passes: PassOffice,
        ledger: Ledger,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._tickets = tickets
        self._restoration = Restoration(store, ledger)
        self._journal = Journal(ledger)
        self._numbers = Numbers(store, ledger, self._restoration, clock)
        self._board = Board(self._count, ttl_s=STATUS_TTL_S, clock=clock)
        self._telling = Telling(tickets, passes, self._board, chance)
        self._feedback = Feedback(clock)
        self._counts: Counter[str] = Counter()
        self._entering: set[asyncio.Task[Standing]] = set()

    # -- what everyone may know ----------------------------------------------

    async def status(self, room: Room) -> RoomStatus:
        """What everyone may know, at most a second old."""
        return await self._counting(self._board.status(room))

    def known_status(self, room: Room) -> RoomStatus | None:
        """The same where no call is needed for it, for who cannot wait; else None."""
        return self._board.known(room)

    # -- a visitor's way -----------------------------------------------------

    async def join(
        self, room: Room, shown: str | None = None, *, holder: bytes | None = None, lane: str = ""
    ) -> Standing:
        """A place. Whoever shows a ticket that is in force keeps the one he has.

        ``holder`` is a keyed hash of 16 bytes of a subject or an identity: whoever has a place in the room
        already gets that one. ``lane`` is one of ``room.shares``, else ValueError.

        Who missed the window, or was inside a moment ago, comes back by the room's rules. A ticket that
        cannot be read, or whose turn is over for good, gets a new number like anyone who shows none: it gains
        nothing, and a citizen with a stale cookie is not shut out. Raises RoomClosed where no numbers are
        given out.
        """
        if lane and lane not in room.shares:
            raise ValueError(f"room {room.id} has no lane {lane!r}")
        held = self._readable(shown, room)
        if held is not None:
            standing = await self._back(room, held)
            if standing.state != "expired":
                return standing
        if room.method == "closed" or (room.stock is not None and await self._is_sold_out(room)):
            raise RoomClosed(room.id)
        if holder is not None:
            return await self._join_once(room, lane, holder)
        return await self._join(room, lane)

    def is_plain(self, room: Room) -> bool:
        """Whether who shows nothing gets a number here without a question: then ``ask_place`` will do."""
        return room.method != "closed" and room.stock is None

    def ask_place(self, room: Room, told: Callable[[Standing | BaseException], None]) -> None:
        """``join`` of a plain room for who shows nothing, without a task for him while he waits.

        ``told`` is called once, later, and must not raise. A task for each was the dearest part of a
        crowd's joins (``sadd bench queue`` measures them against a decision).
        """

        def handed(found: Reading | StoreUnavailable) -> None:
            try:
                if isinstance(found, StoreUnavailable):
                    raise found
                ticket = self._placed(room, "", found)
                if found.state != "admitted":
                    told(self._telling.standing(room, ticket, found))
                    return
                entering = asyncio.create_task(self._let_in(room, ticket, found))
                self._entering.add(entering)
                entering.add_done_callback(partial(self._entered, told))
            except Exception as failure:  # his alone: others of his trip are told after him
                self._counts["unavailable"] += isinstance(failure, StoreUnavailable)
                told(failure)

        try:
            self._numbers.ask(room, "", handed)
        except StoreUnavailable as away:
            handed(away)

    def _entered(
        self, told: Callable[[Standing | BaseException], None], entering: "asyncio.Task[Standing]"
    ) -> None:
        self._entering.discard(entering)
        if entering.cancelled():  # the worker ends
            told(StoreUnavailable("not asked to the end"))
        else:
            told(entering.exception() or entering.result())

    async def standing(self, room: Room, shown: str) -> Standing:
        """Where the ticket stands. Raises InvalidTicket. For whoever waits the store is not asked."""
        ticket = self._read(shown, room)
        waiting = await self._waits(room, ticket)
        return waiting or await self._decided(room, ticket, self._store.stand)

    async def claim(self, room: Room, shown: str) -> Standing:
        """Take the turn: admitted, with the pass, or how things stand instead. Raises InvalidTicket.

        A retry gets the same pass. ``called`` means that the cap is reached: the turn is kept, ask again.
        Whoever missed the window is ``expired`` and may join anew.
        """
        standing = await self._decided(room, self._read(shown, room), self._store.claim)
        self._counts["claims" if standing.state == "admitted" else "claims_refused"] += 1
        return standing

    async def renew(self, room: Room, shown: str) -> Standing:
        """A pass that lasts longer, up to ``pass_cap_ms`` after the claim. Raises InvalidTicket."""
        return await self._decided(room, self._read(shown, room), self._store.renew)

    async def extend(self, room: Room, shown: str) -> Standing:
        """More time for a called visitor to accept: a window from now, ten times. Raises InvalidTicket."""
        return await self._decided(room, self._read(shown, room), self._store.extend)

    async def leave(self, room: Room, shown: str) -> Standing:
        """Give up the place, the turn or the slot, for good. Raises InvalidTicket."""
        ticket = self._read(shown, room)
        reading = await self._leave(room, ticket)
        self._counts["left"] += 1
        return self._telling.standing(room, ticket, reading)

    async def end(self, room: Room, pass_id: str, *, back: bool = True) -> None:
        """The session that a pass opened has ended or was revoked: its slot is free at once.

        The id of a stay that is over, or of another room's, ends nothing. ``back``: the origin says so, and
        its visitor may come back by the room's rules; who says so himself may be inside still.
        """
        found = self._tickets.of_pass(room.id, room.shares, pass_id)
        if found is not None:
            ticket, start_ms = found
            await self._leave(room, ticket, start_ms, back=back)
            self._counts["ended"] += 1

    async def renew_pass(self, room: Room, pass_id: str) -> str | None:
        """``renew`` for who knows the pass alone, as the gate does; None: that stay is over."""
        found = self._tickets.of_pass(room.id, room.shares, pass_id)
        if found is None:
            return None
        ticket, _ = found
        return (await self._decided(room, ticket, self._store.renew)).admission

    # -- another device ------------------------------------------------------

    def resume_code(self, room: Room, shown: str) -> str:
        """A short code that gives the same ticket again, on any device. Raises InvalidTicket."""
        return self._tickets.code(self._read(shown, room))

    async def resume(self, room: Room, code: str) -> Standing:
        """The place that a code stands for, with its ticket. Raises InvalidTicket."""
        try:
            ticket = self._tickets.resumed(room.id, room.shares, code)
        except InvalidTicket:
            self._counts["invalid_tickets"] += 1
            raise
        standing = await self._waits(room, ticket) or await self._decided(room, ticket, self._store.stand)
        self._counts["resumed"] += 1
        return standing

    # -- the origin ----------------------------------------------------------

    async def feedback(self, room: Room, ok: int, failed: int, latency_ms: float) -> None:
        """How the origin did since the last time: requests that went well, failed, and their mean latency."""
        sums = self._feedback.add(room.id, ok, failed, latency_ms)
        if sums is not None:
            await self._counting(self._restoration.over(room, lambda: self._store.feedback(room, *sums)))

    def stats(self) -> RoomsStats:
        kept = {
            "commits": self._journal.claims.flights,
            "claims_kept": self._journal.claims.rows,
            "restored": self._restoration.restored,
        }
        return RoomsStats(**{name: kept.get(name, self._counts[name]) for name in RoomsStats.__slots__})

    # -- joining -------------------------------------------------------------

    async def _join(self, room: Room, lane: str) -> Standing:
        reading = await self._counting(self._numbers.next(room, lane))
        ticket = self._placed(room, lane, reading)
        if reading.state != "admitted":
            return self._telling.standing(room, ticket, reading)
        return await self._let_in(room, ticket, reading)

    def _placed(self, room: Room, lane: str, reading: Reading) -> Ticket:
        self._counts["joined"] += 1
        self._counts["admitted_at_once"] += reading.state == "admitted"
        return self._tickets.make(room.id, lane, reading.number)

    async def _let_in(self, room: Room, ticket: Ticket, reading: Reading) -> Standing:
        """Who was admitted at once, as soon as that is in the journal."""
        try:
            await self._counting(self._keep(ticket, reading))
        except Stale:  # the store is another one by now: the number is good, the admission was not
            return await self._decided(room, ticket, self._store.stand)
        except StoreUnavailable:  # the slot is his; he has the pass once the journal is back and he asks
            return self._telling.standing(room, ticket, replace(reading, state="again"))
        return self._telling.standing(room, ticket, reading)

    async def _is_sold_out(self, room: Room) -> bool:
        """By the board, so at most a second late: nobody shall begin to wait for nothing."""
        return (await self._counting(self._board.status(room))).stock_left == 0

    async def _join_once(self, room: Room, lane: str, holder: bytes) -> Standing:
        """One place for one holder: the journal knows which, so it survives the store as well."""
        before = await self._counting(self._journal.held(room.id, holder))
        for _ in range(HOLDER_TRIES_MAX):
            if before is not None:
                standing = await self._back(room, self._tickets.make(room.id, *before))
                if standing.state != "expired":
                    return standing
            joined = await self._join(room, lane)
            place = lane, joined.number
            kept = await self._counting(self._journal.hold(Hold(room.id, holder, place, before)))
            if kept == place:
                return joined
            await self._give_back(room, joined)
            before = kept  # he joined elsewhere at the same moment
        raise StoreUnavailable(f"{room.id}: a holder who joins too often at once")

    async def _give_back(self, room: Room, joined: Standing) -> None:
        """A number that nobody has is called in vain; a slot that nobody has would be one of the cap's."""
        if joined.state == "admitted":
            await self._leave(room, self._tickets.make(room.id, joined.lane, joined.number))

    async def _back(self, room: Room, ticket: Ticket) -> Standing:
        """Whoever has a place comes back to it, near the front if the room lets him."""

        async def stand(room: Room, lane: str, number: int) -> Reading:
            return await self._store.stand(room, lane, number, back=True)

        standing = await self._waits(room, ticket) or await self._decided(room, ticket, stand)
        self._counts["returned"] += standing.state != "expired"
        return standing

    # -- deciding ------------------------------------------------------------

    async def _decided(
        self, room: Room, ticket: Ticket, ask: Callable[[Room, str, int], Awaitable[Reading]]
    ) -> Standing:
        """What ``ask`` says of the ticket's number. Nobody is told of a pass that is not in the journal."""

        async def once() -> Reading:
            reading = await ask(room, ticket.lane, ticket.number)
            if reading.state == "admitted":
                await self._keep(ticket, reading)
            return reading

        reading = await self._counting(self._restoration.over(room, once))
        return self._telling.standing(room, ticket, reading)

    async def _leave(
        self, room: Room, ticket: Ticket, start_ms: int | None = None, *, back: bool = False
    ) -> Reading:
        """The journal first: a slot that somebody else takes must be free there as well.

        ``start_ms`` names the stay that is meant, None means any.
        """

        async def once() -> Reading:
            reading = await self._store.stand(room, ticket.lane, ticket.number)
            if start_ms not in (None, reading.start_ms):
                return reading
            pass_id = ""
            if reading.state == "admitted":
                await self._keep(ticket, reading, left=True)
                pass_id = ticket.pass_id(reading.start_ms)
            return await self._store.leave(room, ticket.lane, ticket.number, back=back, pass_id=pass_id)

        return await self._counting(self._restoration.over(room, once))

    async def _keep(self, ticket: Ticket, reading: Reading, *, left: bool = False) -> None:
        """Raises Stale, StoreUnavailable."""
        ends_ms = reading.now_ms if left else reading.ends_ms
        place = ticket.room, ticket.lane, ticket.number
        await self._journal.keep(Claim(*place, reading.life, reading.start_ms, ends_ms, left))

    async def _waits(self, room: Room, ticket: Ticket) -> Standing | None:
        """How it stands for whoever certainly still waits: by the board, at most one call a second."""
        status = await self._counting(self._board.status(room))
        line = status.lanes.get(ticket.lane) if ticket.lane else status
        # A number above ``issued`` was handed out since then, and may have been admitted at once.
        if line is None or not line.serving < ticket.number <= line.issued:
            return None
        return self._telling.waiting(room, ticket, line.serving)

    # -- tickets that are shown ----------------------------------------------

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

    async def _count(self, room: Room) -> Counted:
        return await self._restoration.over(room, lambda: self._store.status(room))

    async def _counting(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except StoreUnavailable:
            self._counts["unavailable"] += 1
            raise
