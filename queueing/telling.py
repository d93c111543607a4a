"""What a visitor is told of his place: position, wait, when to ask again, and the pass once he is in."""

from collections.abc import Callable

from queueing.board import Board
from queueing.estimate import POLL_NEAR_MS, calls_until, estimate, poll_after_ms
from queueing.pace import supposed
from queueing.passes import Pass, PassOffice
from queueing.policy import Room
from queueing.standing import Estimate, RoomStatus, Standing
from queueing.store import Reading
from queueing.ticket import Ticket, TicketOffice

NO_WAIT = Estimate(0, 0)


class Telling:
    """By the room's last status on the ``board``. ``chance`` (0 to 1) spreads polls."""

    def __init__(
        self, tickets: TicketOffice, passes: PassOffice, board: Board, chance: Callable[[], float]
    ) -> None:
        self._tickets = tickets
        self._passes = passes
        self._board = board
        self._chance = chance

    def standing(self, room: Room, ticket: Ticket, reading: Reading) -> Standing:
        if reading.state == "waiting":
            return self.waiting(room, ticket, reading.serving)
        if reading.state == "again":
            return self.waiting(room, ticket, ticket.number - 1)
        admission = self._admission(room, ticket, reading) if reading.state == "admitted" else None
        return Standing(
            self._tickets.sign(ticket),
            ticket.number,
            reading.state,
            0,
            NO_WAIT,
            poll_after_ms(POLL_NEAR_MS, self._chance()),
            admission,
            reading.ends_ms - reading.now_ms if reading.ends_ms else None,
            ticket.lane,
        )

    def waiting(self, room: Room, ticket: Ticket, serving: int) -> Standing:
        position = ticket.number - serving
        known = self._board.last(room)
        pace = (known.pace if known is not None else None) or supposed(room, paused=room.suspended)
        wait = estimate(pace, _calls_until(room, known, ticket.lane, position))
        # The pace may pick up after an outage: whoever is called meanwhile must ask within his window.
        poll_ms = min(poll_after_ms(wait.low, self._chance()), room.claim_window_ms // 2)
        signed = self._tickets.sign(ticket)
        paused = room.suspended or pace.paused
        return Standing(
            signed, ticket.number, "waiting", position, wait, poll_ms, lane=ticket.lane, paused=paused
        )

    def _admission(self, room: Room, ticket: Ticket, reading: Reading) -> str:
        """The pass; the same text for every retry, since nothing in it comes from the moment of asking."""
        cap_ms = max(reading.start_ms + room.pass_cap_ms, reading.ends_ms) if room.pass_cap_ms else 0
        return self._passes.sign(
            Pass(
                room.id,
                ticket.holder.hex(),
                ticket.pass_id(reading.start_ms),
                reading.start_ms // 1000,
                reading.ends_ms // 1000,
                cap_s=cap_ms // 1000,
            )
        )


def _calls_until(room: Room, known: RoomStatus | None, lane: str, position: int) -> int:
    """The pace is the whole room's: how many it calls until this place of a lane.

    What is known may be of a moment before the lanes were changed.
    """
    if not room.lanes or known is None:
        return position
    shares = room.shares
    if lane not in shares:
        return position
    waiting = {name: one.waiting for name, one in known.lanes.items() if name in shares}
    return calls_until(position, lane, {"": known.issued - known.serving, **waiting}, shares)
