"""One value of each room's status in this process, at most a second old, whoever and how many ask."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from queueing.policy import Room
from queueing.standing import LaneStatus, RoomState, RoomStatus
from queueing.store import Counted


@dataclass(frozen=True, slots=True)
class _Held:
    status: RoomStatus
    until: float


class Board:
    """Statuses, kept for ``ttl_s`` by ``clock`` (seconds). A crowd that finds one too old makes one call."""

    def __init__(
        self, count: Callable[[Room], Awaitable[Counted]], *, ttl_s: float, clock: Callable[[], float]
    ) -> None:
        self._count = count
        self._ttl_s = ttl_s
        self._clock = clock
        self._held: dict[str, _Held] = {}  # bounded by the rooms there are
        self._flights: dict[str, asyncio.Task[RoomStatus]] = {}

    async def status(self, room: Room) -> RoomStatus:
        """Raises StoreUnavailable: an old status is not shown, since it would promise a moving line."""
        known = self.known(room)
        if known is not None:
            return known
        flight = self._flights.get(room.id)
        if flight is None:
            flight = self._flights[room.id] = asyncio.create_task(self._load(room))
            flight.add_done_callback(_look_at)
        return await asyncio.shield(flight)  # one caller's cancellation is not the others'

    def known(self, room: Room) -> RoomStatus | None:
        """The status if it is there and not too old; never a call."""
        held = self._held.get(room.id)
        return held.status if held is not None and self._clock() < held.until else None

    def last(self, room: Room) -> RoomStatus | None:
        """The last one there was, whatever its age."""
        held = self._held.get(room.id)
        return held.status if held is not None else None

    async def _load(self, room: Room) -> RoomStatus:
        try:
            status = status_of(room, await self._count(room))
            self._held[room.id] = _Held(status, self._clock() + self._ttl_s)
            return status
        finally:
            del self._flights[room.id]


def status_of(room: Room, counted: Counted) -> RoomStatus:
    """The public document, from the settings and the counters."""
    open_line = counted.lines[""]
    stock_left = None if room.stock is None else max(room.stock - counted.claimed, 0)
    return RoomStatus(
        room=room.id,
        state=_state(room, counted, stock_left),
        serving=open_line.serving,
        issued=open_line.issued,
        active=counted.active,
        outflow_per_minute=room.outflow_per_minute,
        pace=counted.pace,
        stock_left=stock_left,
        lanes={
            lane.id: LaneStatus(counted.lines[lane.id].serving, counted.lines[lane.id].issued, lane.share)
            for lane in room.lanes
        },
        now_ms=counted.now_ms,
    )


def _state(room: Room, counted: Counted, stock_left: int | None) -> RoomState:
    if room.method == "closed":
        return "closed"
    if stock_left == 0:
        return "ended"
    if room.suspended:
        return "paused"
    return "queueing" if any(line.waiting for line in counted.lines.values()) else "open"


def _look_at(flight: asyncio.Task[RoomStatus]) -> None:
    """Else a failed flight that all its callers left would be reported as never retrieved."""
    if not flight.cancelled():
        flight.exception()
