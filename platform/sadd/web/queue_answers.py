"""Answers about a room and a place, as they look on the wire, and the cookie that keeps a ticket."""

import msgspec
from msgspec import Struct

from queueing.estimate import Prospect
from queueing.standing import Estimate, RoomState, RoomStatus, Standing, State
from sadd.catalogue.model import Name
from sadd.rooms.spec import RoomSpec

TICKET_COOKIE = "sadd_ticket"
COOKIE_SECONDS = 24 * 3600


class StandingAnswer(Struct, frozen=True, omit_defaults=True):
    """Where a visitor stands. ``pass`` is there when ``admitted``; ask again after ``poll_after_ms``.

    ``position`` is how many are still to be called up to and with this one; 0 once called.
    ``expires_in_ms`` is how long a ``called`` one may still claim, or the pass of an ``admitted`` one lasts.
    Who is ``gathering`` has no number yet: ``entry`` stands for him in the list of the draw.
    """

    ticket: str
    number: int
    state: State
    position: int
    estimate_ms: Estimate
    poll_after_ms: int
    pass_: str | None = msgspec.field(default=None, name="pass")
    expires_in_ms: int | None = None
    lane: str = ""
    entry: str | None = None
    opens_at_ms: int | None = None
    paused: bool = False
    """Nobody is called just now; ``estimate_ms`` counts from when people are called again."""
    prospect: Prospect | None = None
    """Of a room with a stock: whether it will last until the turn of whoever waits."""


class PaceAnswer(Struct, frozen=True):
    """Visitors a minute that the room lets in, as measured: an interval."""

    low_per_minute: float
    high_per_minute: float


class LaneAnswer(Struct, frozen=True):
    """A lane beside the open one, and its declared share of the outflow."""

    label: Name
    share: float
    serving: int
    issued: int
    waiting: int


class RoomAnswer(Struct, frozen=True, omit_defaults=True):
    """What everyone may know of a room. Your position is your number less your lane's ``serving``.

    ``serving`` and ``issued`` are the open lane's. Times are ms since the epoch; ``Date`` has our clock.
    """

    room: str
    state: RoomState
    serving: int
    issued: int
    waiting: int
    active: int
    outflow_per_minute: int
    name: Name
    pace: PaceAnswer | None = None
    stock_left: int | None = None
    lanes: dict[str, LaneAnswer] = {}
    opens_at_ms: int | None = None
    message: Name | None = None


def standing_answer(standing: Standing, prospect: Prospect | None = None) -> StandingAnswer:
    return StandingAnswer(
        ticket=standing.ticket,
        number=standing.number,
        state=standing.state,
        position=standing.position,
        estimate_ms=standing.estimate_ms,
        poll_after_ms=standing.poll_after_ms,
        pass_=standing.admission,
        expires_in_ms=standing.expires_in_ms,
        lane=standing.lane,
        paused=standing.paused,
        prospect=prospect,
        entry=standing.entry,
        opens_at_ms=standing.opens_at_ms,
    )


def room_answer(spec: RoomSpec, status: RoomStatus) -> RoomAnswer:
    """The public document."""
    labels = {lane.id: lane.label for lane in spec.lanes}
    pace = None if status.state in ("scheduled", "gathering", "closed", "ended") else status.pace
    return RoomAnswer(
        room=status.room,
        state=status.state,
        serving=status.serving,
        issued=status.issued,
        waiting=status.waiting,
        active=status.active,
        outflow_per_minute=status.outflow_per_minute,
        name=spec.name,
        pace=None
        if pace is None
        else PaceAnswer(round(pace.low_per_minute, 1), round(pace.high_per_minute, 1)),
        stock_left=status.stock_left,
        lanes={
            id_: LaneAnswer(
                labels.get(id_, Name(id_, id_)), lane.share, lane.serving, lane.issued, lane.waiting
            )
            for id_, lane in status.lanes.items()
        },
        opens_at_ms=status.opens_at_ms,
        message=spec.message,
    )


def ticket_cookie(room: str, standing: Standing, *, shown: str, path: str = "") -> str:
    """The room's own cookie, as a field's value; its path keeps the tickets of several rooms apart.

    Empty: the caller has it. A place that was left is taken out.
    """
    left = standing.state in ("completed", "abandoned")
    if standing.ticket == shown and not left:
        return ""
    value, seconds = ("", 0) if left else (standing.ticket, COOKIE_SECONDS)
    path = path or f"/v1/queues/{room}"
    return f"{TICKET_COOKIE}={value}; Max-Age={seconds}; Path={path}; Secure; HttpOnly; SameSite=Lax"
