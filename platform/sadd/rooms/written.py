"""A room as people write it: what differs from what the catalogue says of its services.

Everything that is left out comes from the queue class of the room's services (``sadd.rooms.resolving``).
Times are in milliseconds, moments in ISO 8601 with their offset.
"""

from typing import Literal

import msgspec

from queueing.policy import Method
from sadd.catalogue.model import Name

ActivationKind = Literal["always", "scheduled", "automatic"]
Digits = Literal["latn", "arab"]
ProofOfWork = Literal["off", "adaptive", "always"]


class Activation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When the room makes people wait. Which fields a kind has: ``sadd.rooms.resolving.activation_of``."""

    kind: ActivationKind = "always"
    opens_at: str | None = None
    """Of ``scheduled``, as are the next three: ``2027-08-01T10:00:00+03:00``."""
    ends_at: str | None = None
    gathers_at: str | None = None
    outside: Literal["passthrough", "closed"] | None = None
    joins_per_minute: int | None = None
    """Of ``automatic``, as are the next three; one of the thresholds there must be."""
    failed_share: float | None = None
    latency_ms: int | None = None
    calm_ms: int | None = None


class LaneSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line of its own for some: a list of invited, counters and call centres, who needs more time."""

    id: str
    share: float
    label: Name | None = None
    """What the public reads beside the share; without it the id."""


class Bots(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How joins are judged, before the line."""

    joins_per_minute: int | None = None
    """From one network (IPv4 /32, IPv6 /64); None is the platform's own bound."""
    proof_of_work: ProofOfWork = "off"
    challenge_at_front: bool = False
    """A suspect is challenged again when called, and keeps the place meanwhile."""


class RoomSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One room. Without ``services`` it is the room of the service of the same id."""

    id: str
    services: tuple[str, ...] = ()
    agency: str | None = None
    """Whose room it is; else the agency of its first service."""
    name: Name | None = None
    message: Name | None = None
    """An announcement to all who wait, or why the room is closed."""
    method: Method | None = None
    outflow_per_minute: int | None = None
    active_cap: int | None = None
    claim_window_ms: int | None = None
    pass_ms: int | None = None
    pass_cap_ms: int | None = None
    reentry_grace_ms: int | None = None
    stock: int | None = None
    second_chance: bool | None = None
    suspended: bool = False
    activation: Activation | None = None
    lanes: tuple[LaneSettings, ...] | None = None
    one_per_identity: bool = False
    """Only who is known joins, and has one place whatever the number of devices."""
    bots: Bots = Bots()
    digits: Digits | None = None
    """How the waiting page writes numbers in Arabic: 0123 or ٠١٢٣; None is latn."""
    time_zone: str | None = None
    """Whose clock the page tells, by its IANA name; None is Asia/Qatar."""
    logo: str | None = None
    """A picture in the page itself: a ``data:`` URL of SVG, PNG or WebP."""
    template: str | None = None
    """The waiting page's own template; see docs/waiting-room.md."""
    note: str = ""
    """For operators, never shown to the public."""

    @property
    def served(self) -> tuple[str, ...]:
        """The ids of its services."""
        return self.services or (self.id,)


class RoomBook(msgspec.Struct, frozen=True):
    """All rooms that were set, at one version. Version 0 is none, or rooms that were read from files."""

    version: int = 0
    rooms: tuple[RoomSettings, ...] = ()
