"""Where a visitor stands, and what everyone may know of a room."""

from dataclasses import dataclass
from typing import Literal

State = Literal["waiting", "called", "admitted", "expired", "abandoned", "completed"]
"""waiting -> called -> admitted -> completed (left, or the pass ended)
              called -> expired (not claimed within the window) ; waiting, called -> abandoned (left)"""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An interval for the wait, in milliseconds."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Standing:
    """One visitor's answer.

    ``position`` is how many numbers are still to be called up to and with this one; 0 once called.
    ``admission`` is the signed pass, only when admitted. ``expires_in_ms`` is how long a called visitor may
    still claim, or an admitted one's pass lasts; else None.
    """

    ticket: str
    number: int
    state: State
    position: int
    estimate_ms: Estimate
    poll_after_ms: int
    admission: str | None = None
    expires_in_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RoomStatus:
    """The public document of a room. It names nobody, so it may be cached anywhere for a second."""

    room: str
    state: Literal["open", "queueing"]
    serving: int
    issued: int
    active: int
    outflow_per_minute: int

    @property
    def waiting(self) -> int:
        return self.issued - self.serving
