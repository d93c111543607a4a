"""What must hold of each entry, whoever writes it: a file, an import, or an administrator over HTTP.

Every function yields all that it finds. References are judged by ``Known``.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sadd.catalogue import wording
from sadd.catalogue.fault import Finding, Path
from sadd.catalogue.kinds import CLASS_KINDS, Kind, entries
from sadd.catalogue.model import (
    Agency,
    App,
    CacheClass,
    Capacity,
    Catalogue,
    Class,
    Entry,
    LimitClass,
    Protection,
    QueueClass,
    Service,
    SessionClass,
)
from sadd.catalogue.shape import nearest

SECONDS_A_YEAR = 365 * 86_400
REQUESTS_PER_SECOND_MAX = 1_000_000
CONCURRENT_USERS_MAX = 10_000_000
YEARLY_VOLUME_MAX = 10_000_000_000
PEAK_FACTOR_MAX = 1_000
CLASS_SECONDS_MAX = 366 * 86_400
CLASS_COUNT_MAX = 10_000_000
RATE_PER_SECOND_MAX = 1_000_000
REFILL_SECONDS_MAX = 10 * CLASS_SECONDS_MAX
QUEUE_SECONDS_MAX = 86_400
SESSION_SECONDS_MAX = 30 * 86_400
SESSION_LONGEST = {"aal1": (720, 720), "aal2": (1, 24), "aal3": (0.25, 12), "anonymous": (1, 4)}
"""Hours without use, and in all."""
SESSION_PARALLEL_MAX = 1_000
SESSION_GRACE_SECONDS_MAX = 10
SESSION_NETWORK_MAX = 1_000_000
NEGATIVE_SECONDS_MAX = 3_600
LEASE_SECONDS_MAX = 300
CACHE_ENTRY_BYTES_MAX = 67_108_864
CACHE_BYTES_MIN, CACHE_BYTES_MAX = 1_024, 1 << 40
JITTER_MAX = 0.5
HOSTS_MAX = 16
"""What the services take (their own ``policy.py``; a test compares): else each request would fail on it."""


@dataclass(frozen=True, slots=True)
class Known:
    """The ids that entries may refer to: kind to id to whether it is retired.

    A kind that is absent is not judged: its file could not be read, and a thousand complaints about
    unknown agencies would hide the one that matters.
    """

    ids: Mapping[Kind, Mapping[str, bool]] = field(default_factory=dict)
    queues: Mapping[str, QueueClass] = field(default_factory=dict)

    @classmethod
    def of(cls, catalogue: Catalogue) -> "Known":
        retired = {
            kind: {id_: entry.status == "retired" for id_, entry in of_kind.items()}
            for kind, of_kind in entries(catalogue).items()
        }
        return cls(retired, catalogue.classes.queues)


def findings(entry: Entry, known: Known, today: date) -> Iterator[Finding]:
    """Everything that is wrong with one entry."""
    yield from wording.id_findings(entry.id)
    if isinstance(entry, Agency):
        yield from wording.name_findings(entry.name)
        yield from wording.contact_findings(entry.contact)
        if not 0 <= entry.cache_bytes_max <= CACHE_BYTES_MAX:
            yield Finding(("cache_bytes_max",), _outside(entry.cache_bytes_max, 0, CACHE_BYTES_MAX))
    elif isinstance(entry, Service):
        yield from _service(entry, known, today)
    elif isinstance(entry, App):
        yield from _app(entry, known, today)
    else:
        yield from _class(entry)


def _service(service: Service, known: Known, today: date) -> Iterator[Finding]:
    lives = service.status != "retired"
    yield from wording.name_findings(service.name)
    yield from wording.id_findings(service.category, ("category",))
    yield from _some(service.audience, ("audience",))
    yield from _some(service.channels, ("channels",))
    yield from wording.since_findings(service.since, begun=_begun(service), today=today)
    yield from wording.origin_findings(service.origin)
    yield from _hosts(service)
    yield from _capacity(service.capacity, service.yearly_volume)
    yield from wording.text_findings(service.peak.event, ("peak", "event"))
    if not 1 <= service.peak.factor <= PEAK_FACTOR_MAX:
        yield Finding(("peak", "factor"), f"{service.peak.factor:g} is not between 1 and {PEAK_FACTOR_MAX:,}")
    if service.contact:
        yield from wording.contact_findings(service.contact)
    yield from _reference("agencies", service.agency, ("agency",), known, lives=lives)
    yield from _protection(service.protection, known, lives=lives)
    queue = known.queues.get(service.protection.queue or "")
    if queue and lives:  # what is retired has no visitors, and its class may have moved on
        yield from _room(queue, service.capacity)


def _hosts(service: Service) -> Iterator[Finding]:
    yield from _distinct(service.hosts, ("hosts",))
    if len(service.hosts) > HOSTS_MAX:
        yield Finding(("hosts",), f"more than {HOSTS_MAX}")
    for i, host in enumerate(service.hosts):
        yield from wording.host_findings(host, ("hosts", i))


def _app(app: App, known: Known, today: date) -> Iterator[Finding]:
    lives = app.status != "retired"
    yield from wording.name_findings(app.name)
    yield from _some(app.platforms, ("platforms",))
    yield from wording.since_findings(app.since, begun=_begun(app), today=today)
    yield from _reference("agencies", app.agency, ("agency",), known, lives=lives)
    yield from _some(app.services, ("services",))
    for i, service in enumerate(app.services):
        # A retired service may stay in the list of an app that is out there and still calls it.
        yield from _reference("services", service, ("services", i), known, lives=False)


def _begun(entry: Service | App) -> bool:
    """Whether it must have begun by today. What is retired may have been so before it ever began."""
    return entry.status in ("live", "beta")


def _class(class_: Class) -> Iterator[Finding]:
    if isinstance(class_, LimitClass):
        yield from _whole(class_, 1, CLASS_COUNT_MAX, "limit", "burst")
        yield from _whole(class_, 1, CLASS_SECONDS_MAX, "period_seconds")
        yield from _rate(class_)
    elif isinstance(class_, QueueClass):
        yield from _share(class_, "outflow_share", "active_share")
        yield from _whole(class_, 1, QUEUE_SECONDS_MAX, "claim_window_seconds", "pass_seconds")
        yield from _whole(class_, 0, QUEUE_SECONDS_MAX, "pass_cap_seconds", "reentry_grace_seconds")
        yield from _queue(class_)
    elif isinstance(class_, CacheClass):
        yield from _cache(class_)
    else:
        yield from _session(class_)


def _queue(class_: QueueClass) -> Iterator[Finding]:
    if 0 < class_.pass_cap_seconds < class_.pass_seconds:
        yield Finding(("pass_cap_seconds",), f"shorter than pass_seconds ({class_.pass_seconds})")
    if not (math.isfinite(class_.accessible_share) and 0 <= class_.accessible_share < 1):
        yield Finding(
            ("accessible_share",), f"{class_.accessible_share:g} is no share: from 0 to less than 1"
        )


def _cache(class_: CacheClass) -> Iterator[Finding]:
    yield from _whole(class_, 1, CLASS_SECONDS_MAX, "ttl_seconds")
    yield from _whole(class_, 0, CLASS_SECONDS_MAX, "stale_seconds", "stale_error_seconds")
    yield from _whole(class_, 0, NEGATIVE_SECONDS_MAX, "negative_seconds")
    yield from _whole(class_, 1, LEASE_SECONDS_MAX, "lease_seconds")
    yield from _whole(class_, 1, CACHE_ENTRY_BYTES_MAX, "entry_bytes_max")
    yield from _whole(class_, 0, CACHE_ENTRY_BYTES_MAX, "compress_above_bytes")
    yield from _whole(class_, CACHE_BYTES_MIN, CACHE_BYTES_MAX, "bytes_max")
    yield from _whole(class_, 1, CLASS_COUNT_MAX, "entries_max")
    yield from _whole(class_, 0, NEGATIVE_SECONDS_MAX, "uncacheable_seconds")
    if class_.entry_bytes_max > class_.bytes_max:
        yield Finding(("entry_bytes_max",), f"more than bytes_max ({class_.bytes_max:,})")
    if not (math.isfinite(class_.jitter) and 0 <= class_.jitter <= JITTER_MAX):
        yield Finding(("jitter",), f"{class_.jitter:g} is not between 0 and {JITTER_MAX:g}")
    yield from _distinct(class_.public_routes, ("public_routes",))
    for i, route in enumerate(class_.public_routes):
        yield from wording.route_findings(route, ("public_routes", i))


def _rate(class_: LimitClass) -> Iterator[Finding]:
    """The rate, and the time in which a burst that was used up is there again, as the limiter takes them."""
    if class_.limit > RATE_PER_SECOND_MAX * max(class_.period_seconds, 1):
        yield Finding(("limit",), f"more than {RATE_PER_SECOND_MAX:,} a second")
    if class_.burst * class_.period_seconds > REFILL_SECONDS_MAX * max(class_.limit, 1):
        yield Finding(("burst",), f"{class_.burst:,} would take over ten years to be there again")


def _session(class_: SessionClass) -> Iterator[Finding]:
    yield from _whole(class_, 1, SESSION_SECONDS_MAX, "idle_seconds", "absolute_seconds")
    if class_.absolute_seconds < class_.idle_seconds:
        yield Finding(("absolute_seconds",), f"shorter than idle_seconds ({class_.idle_seconds})")
    for name, hours in zip(
        ("idle_seconds", "absolute_seconds"), SESSION_LONGEST[class_.profile], strict=True
    ):
        most, seconds = int(hours * 3_600), getattr(class_, name)
        if seconds > most:
            yield Finding((name,), f"{seconds} is longer than {class_.profile} allows ({most})")
    yield from _whole(class_, 1, SESSION_PARALLEL_MAX, "parallel_max")
    yield from _whole(class_, 0, SESSION_GRACE_SECONDS_MAX, "grace_seconds")
    yield from _whole(class_, 0, SESSION_NETWORK_MAX, "network_max")


def _capacity(capacity: Capacity, yearly_volume: int) -> Iterator[Finding]:
    """An origin bears something, at least a user for each request in flight, and has borne its year."""
    rate, users = capacity.requests_per_second, capacity.concurrent_users
    if not 1 <= rate <= REQUESTS_PER_SECOND_MAX:
        yield Finding(("capacity", "requests_per_second"), _outside(rate, 1, REQUESTS_PER_SECOND_MAX))
    if not 1 <= users <= CONCURRENT_USERS_MAX:
        yield Finding(
            ("capacity", "concurrent_users"), f"{users:,} is not between 1 and {CONCURRENT_USERS_MAX:,}"
        )
    elif users < rate:
        # A person sends about one request a second at most; fewer users could never make that rate.
        yield Finding(
            ("capacity", "concurrent_users"), f"{users:,} users cannot send {rate:,} requests a second"
        )
    if not 0 <= yearly_volume <= YEARLY_VOLUME_MAX:
        yield Finding(("yearly_volume",), _outside(yearly_volume, 0, YEARLY_VOLUME_MAX))
    elif 0 < rate < yearly_volume / SECONDS_A_YEAR:
        message = f"{yearly_volume:,} a year is more than {rate:,} requests a second can serve"
        yield Finding(("yearly_volume",), message)


def _room(queue: QueueClass, capacity: Capacity) -> Iterator[Finding]:
    """A waiting room lets at least one user a minute in, and at least one be inside."""
    outflow = queue.outflow_share * capacity.requests_per_second * 60
    active = queue.active_share * capacity.concurrent_users
    possible = capacity.requests_per_second > 0 and capacity.concurrent_users > 0  # else told already
    if possible and min(outflow, active) < 1:
        message = f"{queue.id!r} lets nobody in: {outflow:.2f} users a minute, {active:.2f} inside"
        yield Finding(("protection", "queue"), message)


def _protection(protection: Protection, known: Known, *, lives: bool) -> Iterator[Finding]:
    named = (protection.limits, protection.queue, protection.cache, protection.session)
    for kind, field_, id_ in zip(CLASS_KINDS, ("limits", "queue", "cache", "session"), named, strict=True):
        if id_ is not None:
            yield from _reference(kind, id_, ("protection", field_), known, lives=lives)


def _reference(kind: Kind, id_: str, path: Path, known: Known, *, lives: bool) -> Iterator[Finding]:
    """``id_`` exists, and is not retired where what names it still lives."""
    of_kind = known.ids.get(kind)
    if of_kind is None:
        return
    if id_ not in of_kind:
        yield Finding(path, f"no {_ONE[kind]} {id_!r}{nearest(id_, of_kind)}")
    elif lives and of_kind[id_]:
        yield Finding(path, f"the {_ONE[kind]} {id_!r} is retired")


_ONE: Mapping[Kind, str] = {
    "limits": "limits class",
    "queues": "queue class",
    "caches": "cache class",
    "sessions": "session class",
    "agencies": "agency",
    "services": "service",
    "apps": "app",
}


def _some(values: Sequence[str], path: Path) -> Iterator[Finding]:
    if not values:
        yield Finding(path, "empty: at least one is needed")
    yield from _distinct(values, path)


def _distinct(values: Sequence[str], path: Path) -> Iterator[Finding]:
    before: set[str] = set()
    for i, value in enumerate(values):
        if value in before:
            yield Finding((*path, i), f"{value!r} stands twice")
        before.add(value)


def _whole(class_: Class, low: int, high: int, *names: str) -> Iterator[Finding]:
    for name in names:
        if not low <= (value := getattr(class_, name)) <= high:
            yield Finding((name,), _outside(value, low, high))


def _outside(value: int, low: int, high: int) -> str:
    return f"{value:,} is not between {low} and {high:,}"


def _share(class_: Class, *names: str) -> Iterator[Finding]:
    for name in names:
        value = getattr(class_, name)
        if not (math.isfinite(value) and 0 < value <= 1):
            yield Finding((name,), f"{value:g} is no share: above 0, at most 1")
