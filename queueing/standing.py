"""Where a visitor stands, and what everyone may know of a room."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from queueing.pace import Pace

State = Literal["gathering", "waiting", "called", "admitted", "expired", "abandoned", "completed"]
"""gathering: has an entry, which the draw gives a number
waiting -> called -> admitted -> completed (left, or the pass ended)
              called -> expired (not claimed within the window) ; waiting, called -> abandoned (left)"""

RoomState = Literal["open", "queueing", "paused", "closed", "scheduled", "gathering", "ended"]
"""open: nobody waits. paused: nobody is called just now. ended: the stock is used up, or the event over."""


class Estimate(Struct, frozen=True):
    """An interval for the wait, in milliseconds. A struct since each answer has one."""

    low: int
    high: int


class Standing(Struct, frozen=True, gc=False):
    """One visitor's answer. A struct since each answer is one.

    ``position`` is how many of the lane are still to be called up to and with this one; 0 once called.
    ``admission`` is the signed pass, only when admitted. ``expires_in_ms`` is how long a called visitor may
    still claim, or an admitted one's pass lasts; else None. ``code`` brings the place to another device.
    """

    ticket: str
    number: int
    state: State
    position: int
    estimate_ms: Estimate
    poll_after_ms: int
    admission: str | None = None
    expires_in_ms: int | None = None
    lane: str = ""
    code: str | None = None
    paused: bool = False
    """Nobody is called just now: ``estimate_ms`` is the wait once people are called again."""
    entry: str | None = None
    """Of who gathers: what stands for him in the published list of the draw, in hex."""
    opens_at_ms: int | None = None
    """Of who gathers: when the event starts, ms since the epoch."""


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """One lane's counters and declared share of the outflow."""

    serving: int
    issued: int
    share: float

    @property
    def waiting(self) -> int:
        return self.issued - self.serving


@dataclass(frozen=True, slots=True)
class RoomStatus:
    """The public document of a room. It names nobody, so it may be cached anywhere for a second.

    ``serving`` and ``issued`` are the open lane's, which positions there are counted with; ``lanes`` has the
    others'. ``pace`` is None until a leader measured it.
    """

    room: str
    state: RoomState
    serving: int
    issued: int
    active: int
    outflow_per_minute: int
    pace: Pace | None = None
    stock_left: int | None = None
    lanes: Mapping[str, LaneStatus] = field(default_factory=dict)
    opens_at_ms: int | None = None
    now_ms: int = 0

    @property
    def waiting(self) -> int:
        """In all lanes."""
        return self.issued - self.serving + sum(lane.waiting for lane in self.lanes.values())
