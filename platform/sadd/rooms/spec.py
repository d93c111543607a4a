"""A room as the platform serves it: every number there, every service known."""

import msgspec

from queueing.activation import Activation, Always, Mode
from queueing.policy import Room
from sadd.catalogue.model import Name
from sadd.rooms.written import Bots, Digits, RoomSettings


class LaneSpec(msgspec.Struct, frozen=True):
    """A lane as the public is told of it."""

    id: str
    label: Name
    share: float


class RoomSpec(msgspec.Struct, frozen=True):
    """One room. ``room`` is what the engine takes; all else is for the ways in and the pages."""

    room: Room
    name: Name
    agency: str
    services: tuple[str, ...]
    activation: Activation = Always()
    mode: Mode = "queueing"
    """What the activation makes of it just now; ``room`` is already so."""
    message: Name | None = None
    one_per_identity: bool = False
    bots: Bots = Bots()
    lanes: tuple[LaneSpec, ...] = ()
    digits: Digits = "latn"
    time_zone: str = "Asia/Qatar"
    logo: str | None = None
    template: str | None = None
    written: RoomSettings | None = None
    """What was set; None where all of it is the catalogue's."""

    @property
    def id(self) -> str:
        return self.room.id
