"""What must hold of a room's settings, whoever writes them. Every function yields all that it finds."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from queueing.policy import WINDOW_MS_MAX
from sadd.catalogue import wording
from sadd.catalogue.fault import Finding, Path
from sadd.catalogue.model import Catalogue, Name
from sadd.catalogue.shape import nearest
from sadd.rooms import template
from sadd.rooms.resolving import activation_of, resolved
from sadd.rooms.written import Activation, RoomSettings

ROOMS_MAX = 5_000
SERVICES_MAX = 100
TEXT_LENGTH_MAX = 500
LOGO_BYTES_MAX = 8_192
"""The page's first load is 14 KiB compressed; a logo that is longer has no room in it."""
TEMPLATE_BYTES_MAX = 65_536
JOINS_PER_MINUTE_MAX = 100_000

_LOGO = re.compile(r"data:image/(svg\+xml|png|webp);base64,[A-Za-z0-9+/]+={0,2}")
_KINDS = {
    "always": frozenset[str](),
    "scheduled": frozenset({"opens_at", "ends_at", "gathers_at", "outside"}),
    "automatic": frozenset({"joins_per_minute", "failed_share", "latency_ms", "calm_ms"}),
}


def findings(room: RoomSettings, catalogue: Catalogue | None = None) -> Iterator[Finding]:
    """Everything that is wrong with one room."""
    yield from wording.id_findings(room.id)
    yield from _services(room, catalogue)
    for at, name in (("name", room.name), ("message", room.message)):
        if name is not None:
            yield from _texts(name, (at,))
    yield from _activation(room.activation)
    yield from _lanes(room)
    yield from _bots(room)
    yield from _page(room)
    if "\0" in room.note or len(room.note) > TEXT_LENGTH_MAX:
        yield Finding(("note",), f"longer than {TEXT_LENGTH_MAX} characters, or has a NUL in it")
    if catalogue is not None:
        yield from _numbers(room, catalogue)


def findings_of(
    rooms: Sequence[RoomSettings], catalogue: Catalogue | None = None
) -> Iterator[tuple[RoomSettings, Finding]]:
    """Everything that is wrong with rooms, each finding with the room that it is about."""
    for room in rooms:
        yield from ((room, finding) for finding in findings(room, catalogue))
    yield from together(rooms)


def together(rooms: Sequence[RoomSettings]) -> Iterator[tuple[RoomSettings, Finding]]:
    """What is wrong between rooms: an id of two of them, a service of two of them, and too many."""
    ids = Counter(room.id for room in rooms)
    doors: dict[str, str] = {}
    for room in rooms:
        if ids[room.id] > 1:
            yield room, Finding(("id",), "another room has this id")
            continue
        for i, service in enumerate(room.served):
            if (other := doors.setdefault(service, room.id)) != room.id:
                path: Path = ("services", i) if room.services else ("id",)
                yield room, Finding(path, f"{service} has the room {other} already: a service has one door")
    if len(rooms) > ROOMS_MAX:
        yield rooms[ROOMS_MAX], Finding((), f"{len(rooms):,} rooms; at most {ROOMS_MAX:,} are taken")


def _services(room: RoomSettings, catalogue: Catalogue | None) -> Iterator[Finding]:
    if len(room.services) > SERVICES_MAX:
        yield Finding(("services",), f"{len(room.services)}; at most {SERVICES_MAX} share a room")
        return
    if catalogue is None:
        return
    if room.agency is not None and room.agency not in catalogue.agencies:
        hint = nearest(room.agency, catalogue.agencies)
        yield Finding(("agency",), f"no such agency: {room.agency!r}{hint}")
    if room.services and room.id in catalogue.services and room.id not in room.services:
        yield Finding(("id",), f"{room.id} is a service: a room of that id is its door")
    for i, id_ in enumerate(room.served):
        path: Path = ("services", i) if room.services else ("id",)
        service = catalogue.services.get(id_)
        if service is None:
            yield Finding(path, f"no such service: {id_!r}{nearest(id_, catalogue.services)}")
        elif service.status == "retired":
            yield Finding(path, f"the service {id_!r} is retired")
        if id_ in room.served[:i]:
            yield Finding(path, "given twice")


def _texts(name: Name, at: Path) -> Iterator[Finding]:
    for language, text in (("ar", name.ar), ("en", name.en)):
        if not text.strip():
            yield Finding((*at, language), "empty: both languages are needed")
        elif len(text) > TEXT_LENGTH_MAX or "\0" in text:
            yield Finding((*at, language), f"longer than {TEXT_LENGTH_MAX} characters, or has a NUL in it")


def _activation(activation: Activation | None) -> Iterator[Finding]:
    if activation is None:
        return
    own = _KINDS[activation.kind]
    foreign = [
        name
        for name in activation.__struct_fields__
        if name != "kind" and name not in own and getattr(activation, name) is not None
    ]
    yield from (Finding(("activation", name), f"not of {activation.kind}") for name in foreign)
    try:
        activation_of(activation)
    except (ValueError, OverflowError) as wrong:
        yield Finding(("activation",), str(wrong))


def _lanes(room: RoomSettings) -> Iterator[Finding]:
    for i, lane in enumerate(room.lanes or ()):
        yield from wording.id_findings(lane.id, ("lanes", i, "id"))
        if lane.label is not None:
            yield from _texts(lane.label, ("lanes", i, "label"))


def _bots(room: RoomSettings) -> Iterator[Finding]:
    most = room.bots.joins_per_minute
    if most is not None and not 1 <= most <= JOINS_PER_MINUTE_MAX:
        yield Finding(("bots", "joins_per_minute"), f"{most:,} is not between 1 and {JOINS_PER_MINUTE_MAX:,}")


def _page(room: RoomSettings) -> Iterator[Finding]:
    if room.logo is not None and (len(room.logo) > LOGO_BYTES_MAX or not _LOGO.fullmatch(room.logo)):
        told = f"expected data:image/(svg+xml|png|webp);base64,… of at most {LOGO_BYTES_MAX:,} bytes"
        yield Finding(("logo",), told)
    if room.template is not None and (
        not room.template or len(room.template.encode()) > TEMPLATE_BYTES_MAX or "\0" in room.template
    ):
        yield Finding(("template",), f"empty, longer than {TEMPLATE_BYTES_MAX:,} bytes, or has a NUL in it")
    elif room.template is not None:
        yield from (Finding(("template",), fault) for fault in template.faults(room.template))
    if room.time_zone is not None and not _is_zone(room.time_zone):
        yield Finding(("time_zone",), f"no time zone: {room.time_zone!r}; expected a name such as Asia/Qatar")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # none of that name; no name at all; a folder of them
        return False
    return True


def _numbers(room: RoomSettings, catalogue: Catalogue) -> Iterator[Finding]:
    """What the engine says; it knows the bounds. It stops at the first."""
    for name in ("claim_window_ms", "pass_ms", "pass_cap_ms", "reentry_grace_ms"):
        value = getattr(room, name)
        if value is not None and not 0 <= value <= WINDOW_MS_MAX:
            yield Finding((name,), f"{value:,} is not between 0 and {WINDOW_MS_MAX:,}")
            return
    if any(id_ in catalogue.services for id_ in room.served):
        try:
            resolved(room, catalogue)
        except (ValueError, OverflowError) as wrong:
            if not list(_activation(room.activation)):
                yield Finding((), str(wrong).removeprefix(f"room {room.id}: "))
