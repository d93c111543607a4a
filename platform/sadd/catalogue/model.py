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
    """What a namespace of the cache is: its times, its bounds, and how its bytes are kept."""

    id: str
    ttl_seconds: int
    """Fresh for so long, where whoever puts an entry does not say."""
    stale_seconds: int = 0
    """After that served stale while one caller renews it (stale-while-revalidate)."""
    shared: bool = True
    """One answer is everybody's; false: only what is declared public is kept of an origin's answers."""
    stale_error_seconds: int = 0
    """Served stale for so long while its origin fails (stale-if-error)."""
    negative_seconds: int = 0
    """Most that "there is no such page" is kept; 0 = not at all."""
    jitter: float = 0.1
    """Lives are shorter by up to this share, by the key's hash, so that not all end at once."""
    lease_seconds: int = 5
    """Whoever may load has so long to fill or to say that it still loads; one that died costs no more."""
    sealed: bool = False
    """Bodies are encrypted at rest."""
    compress_above_bytes: int = 0
    """Bodies of more are compressed (zstd) at rest; 0 = none."""
    entry_bytes_max: int = 1_048_576
    bytes_max: int = 67_108_864
    """Of a whole namespace, as it is stored."""
    entries_max: int = 100_000
    evicts: bool = False
    """When it is full, what would end soonest makes room; false: the new entry is refused."""
    uncacheable_seconds: int = 30
    """For so long it is remembered that what a key gives cannot be shared, so that nobody waits for it."""
    heuristic: bool = False
    """An origin's answer without any freshness of its own may be kept (RFC 9111, section 4.2.2)."""
    public_routes: tuple[str, ...] = ()
    """Paths (with /* for all below) whose answers are one for everybody, whoever is signed in."""
    status: Life = "live"


class SessionClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """How long a session of the service lives, how many a subject has, and what survives the hot store."""

    id: str
    idle_seconds: int
    absolute_seconds: int
    profile: Literal["aal1", "aal2", "aal3", "anonymous"] = "aal1"
    """Bounds both times: NIST SP 800-63B-4, and an hour and four for sessions that nobody signed in to."""
    durable: bool = False
    """Committed in PostgreSQL before it is answered: comes back after a total loss of the store."""
    parallel_max: int = 100
    """Living sessions of one subject."""
    when_full: Literal["oldest", "refuse"] = "oldest"
    """What gives way to one too many: the oldest ends, or the new one is refused."""
    grace_seconds: int = 0
    """For so long after a rotation the old id still reads, and changes nothing."""
    network_max: int = 0
    """Sessions that one network may begin within the absolute time; 0 = no quota."""
    shared: bool = False
    """The agency's services of this class read each other's sessions."""
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
    cache_bytes_max: int = 0
    """Of all that it keeps in the cache; 0 = as the setting says."""


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
    hosts: tuple[str, ...] = ()
    """Names under which the caching proxy answers for it, besides its id."""


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
