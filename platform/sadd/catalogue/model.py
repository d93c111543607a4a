"""The catalogue as values: agencies, services, apps, and the named classes of protection.

A ``Catalogue`` is one immutable state. Whoever holds one sees no change; ``CatalogueView`` swaps the
whole state at once. Entries cannot refer back to what holds them, so the garbage collector need not
look at them (``gc=False``): with thousands in memory, each of its runs would.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

Audience = Literal["citizens", "residents", "visitors", "businesses", "government"]
Channel = Literal["web", "app", "counter"]
Status = Literal["live", "beta", "planned", "retired"]
Life = Literal["live", "retired"]
"""Agencies and classes are never deleted either: one that vanished from the files is retired."""


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A name in both languages of the state; neither may be empty."""

    ar: str
    en: str


class LimitClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """GCRA: ``limit`` per ``period_seconds`` for each key, with ``burst`` at once."""

    id: str
    limit: int
    period_seconds: int
    burst: int
    on_store_loss: Literal["open", "closed", "local"] = "local"
    status: Life = "live"


class QueueClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A waiting room's settings. The service's own capacity bounds both numbers (``scaled``)."""

    id: str
    outflow_share: float
    """New users a minute as a share of the origin's requests a minute, 0 < share <= 1."""
    active_share: float
    """Active users as a share of the origin's concurrent users, 0 < share <= 1."""
    claim_window_seconds: int
    pass_seconds: int
    method: Literal["fifo", "lottery"] = "fifo"
    pass_cap_seconds: int = 0
    """A pass may be renewed until so long after it began; 0 = not at all."""
    reentry_grace_seconds: int = 0
    """For so long after a pass ended its holder may come back in without waiting anew."""
    accessible_share: float = 0
    """Of the outflow, for a lane of those who need more time or help; 0 = no such lane."""
    status: Life = "live"


class CacheClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    id: str
    ttl_seconds: int
    stale_seconds: int = 0
    shared: bool = True
    status: Life = "live"


class SessionClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    id: str
    idle_seconds: int
    absolute_seconds: int
    status: Life = "live"


class Classes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    limits: Mapping[str, LimitClass]
    queues: Mapping[str, QueueClass]
    caches: Mapping[str, CacheClass]
    sessions: Mapping[str, SessionClass]


class Contact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    email: str
    phone: str


class Agency(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    id: str
    name: Name
    kind: Literal["ministry", "authority", "council", "corporation", "institute", "centre"]
    contact: Contact
    status: Life = "live"


class Capacity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What the origin bears."""

    requests_per_second: int
    concurrent_users: int


class Peak(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The yearly peak: which event, and how many times the mean rate it brings."""

    event: str
    factor: float


class Protection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Ids of the classes that protect a service; None is no protection of that kind."""

    limits: str
    queue: str | None = None
    cache: str | None = None
    session: str | None = None


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    id: str
    agency: str
    name: Name
    category: str
    audience: tuple[Audience, ...]
    channels: tuple[Channel, ...]
    status: Status
    since: str
    """ISO date from which the service exists ("new since")."""
    origin: str
    """Base URL of the origin, https and without a path of its own."""
    capacity: Capacity
    yearly_volume: int
    peak: Peak
    protection: Protection
    contact: Contact | None = None
    """Where it differs from the agency's."""


class App(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    id: str
    agency: str
    name: Name
    platforms: tuple[Literal["ios", "android", "huawei"], ...]
    status: Status
    since: str
    services: tuple[str, ...]
    """Ids of the services that the app calls."""


Class = LimitClass | QueueClass | CacheClass | SessionClass
Entry = Agency | Class | Service | App


class Catalogue(msgspec.Struct, frozen=True):
    """One whole state of the catalogue. Version 0 is one that was read from files."""

    version: int
    agencies: Mapping[str, Agency]
    services: Mapping[str, Service]
    apps: Mapping[str, App]
    classes: Classes
