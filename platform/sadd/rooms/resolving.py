"""From what was written to what is served: a pure function of the settings and the catalogue.

A number that was not written comes from the queue class of the room's services: the class's shares of what
the service's origin bears, and of several services the least, since all visitors may want the same one.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

import msgspec

from queueing.activation import (
    Activation,
    Activity,
    Always,
    Automatic,
    Demand,
    Mode,
    Scheduled,
    decide,
)
from queueing.policy import ACTIVE_CAP_MAX, OUTFLOW_PER_MINUTE_MAX, Lane, Room
from sadd.catalogue.model import Catalogue, Name, QueueClass, Service
from sadd.rooms import written
from sadd.rooms.spec import LaneSpec, RoomSpec
from sadd.rooms.written import RoomSettings

ACCESSIBLE = "accessible"
"""The lane that a class may have for who needs more time or help."""
_LABELS: Mapping[str, Name] = {ACCESSIBLE: Name(ar="مسار ذوي الإعاقة وكبار السن", en="Accessibility lane")}


_NO_DEMAND = Demand(0, 0)
"""Of a schedule: it looks at the clock alone."""


class NoRoom(ValueError):
    """Nothing is left that the room could be the door of, or nothing says how many it lets in."""


def default_of(catalogue: Catalogue, service: Service) -> RoomSpec | None:
    """The room that the catalogue gives a service; None without a class of queues, or if it is retired."""
    if service.status == "retired" or service.protection.queue is None:
        return None
    return _default(service, catalogue.classes.queues[service.protection.queue])


def resolved(settings: RoomSettings, catalogue: Catalogue) -> RoomSpec:
    """ValueError: the settings cannot be kept, or no longer, as ``findings`` would tell."""
    services = [catalogue.services.get(id_) for id_ in settings.served]
    living = [service for service in services if service is not None and service.status != "retired"]
    if not living:
        raise NoRoom(f"room {settings.id}: it has no service that there still is")
    defaults = [spec for service in living if (spec := default_of(catalogue, service)) is not None]
    lanes = _lanes(settings, defaults)
    return RoomSpec(
        room=_room(settings, [spec.room for spec in defaults], lanes),
        name=settings.name or living[0].name,
        agency=settings.agency or living[0].agency,
        services=tuple(service.id for service in living),
        activation=activation_of(settings.activation),
        message=settings.message,
        one_per_identity=settings.one_per_identity,
        bots=settings.bots,
        lanes=lanes,
        digits=settings.digits or "latn",
        time_zone=settings.time_zone or "Asia/Qatar",
        logo=settings.logo,
        template=settings.template,
        written=settings,
    )


def activation_of(settings: written.Activation | None) -> Activation:
    """ValueError: a moment is none, or the kind needs what is not there."""
    if settings is None or settings.kind == "always":
        return Always()
    if settings.kind == "automatic":
        given = {
            "joins_per_minute": settings.joins_per_minute,
            "failed_share": settings.failed_share,
            "latency_ms": settings.latency_ms,
            "calm_ms": settings.calm_ms,
        }
        return Automatic(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # each by its name
    if settings.opens_at is None:
        raise ValueError("a scheduled activation needs opens_at")
    return Scheduled(
        opens_at_ms=moment_ms(settings.opens_at),
        ends_at_ms=None if settings.ends_at is None else moment_ms(settings.ends_at),
        gathers_at_ms=None if settings.gathers_at is None else moment_ms(settings.gathers_at),
        outside=settings.outside or "passthrough",
    )


def in_mode(spec: RoomSpec, mode: Mode) -> RoomSpec:
    """The room as it is in a mode of its activation; in ``queueing`` it is as it was set.

    Before a lottery people gather by the draw's rules; before any other event they stand in line already and
    nobody is called.
    """
    room = spec.room
    if mode in ("passthrough", "closed"):
        room = replace(room, method=mode)
    elif mode == "gathering" and room.method != "lottery":
        room = replace(room, suspended=True)
    return msgspec.structs.replace(spec, room=room, mode=mode)


def mode_of(spec: RoomSpec, now_ms: int, automatic: Mapping[str, Mode]) -> Mode:
    """What holds now. A room that goes by itself lets everyone through until it is known to do otherwise."""
    match spec.activation:
        case Automatic():
            return automatic.get(spec.id, "passthrough")
        case _:
            return decide(spec.activation, Activity(), _NO_DEMAND, now_ms).mode


def moment_ms(text: str) -> int:
    """Milliseconds since the epoch. ValueError: no moment, or one without its offset, which is nobody's."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} does not say its offset from UTC, such as +03:00")
    return round(moment.timestamp() * 1000)


def _room(settings: RoomSettings, defaults: list[Room], lanes: tuple[LaneSpec, ...]) -> Room:
    def number(name: str) -> int:
        said = getattr(settings, name)
        if said is not None:
            return int(said)
        if not defaults:
            raise NoRoom(f"room {settings.id}: {name} is missing, and no service of it has a class of queues")
        return min(int(getattr(room, name)) for room in defaults)

    first = defaults[0] if defaults else None
    pass_ms = number("pass_ms")
    pass_cap_ms = (
        settings.pass_cap_ms if settings.pass_cap_ms is not None else first.pass_cap_ms if first else 0
    )
    return Room(
        id=settings.id,
        outflow_per_minute=number("outflow_per_minute"),
        active_cap=number("active_cap"),
        claim_window_ms=number("claim_window_ms"),
        pass_ms=pass_ms,
        method=settings.method or (first.method if first else "fifo"),
        # A class's cap may be shorter than a pass that was set longer: then there is no renewal.
        pass_cap_ms=pass_cap_ms if settings.pass_cap_ms is not None or pass_cap_ms >= pass_ms else 0,
        reentry_grace_ms=_said(settings.reentry_grace_ms, first.reentry_grace_ms if first else 0),
        stock=settings.stock,
        second_chance=settings.second_chance is not False,
        lanes=tuple(Lane(lane.id, lane.share) for lane in lanes),
        suspended=settings.suspended,
    )


def _said(said: int | None, otherwise: int) -> int:
    return otherwise if said is None else said


def _lanes(settings: RoomSettings, defaults: list[RoomSpec]) -> tuple[LaneSpec, ...]:
    if settings.lanes is None:
        return defaults[0].lanes if defaults else ()
    return tuple(LaneSpec(lane.id, lane.label or label(lane.id), lane.share) for lane in settings.lanes)


def label(lane_id: str) -> Name:
    return _LABELS.get(lane_id) or Name(ar=lane_id, en=lane_id)


@lru_cache(maxsize=8192)
def _default(service: Service, queue: QueueClass) -> RoomSpec:
    """The class's shares of what this service's origin bears; at least one visitor of each."""
    capacity = service.capacity
    outflow = int(queue.outflow_share * capacity.requests_per_second * 60)
    active = int(queue.active_share * capacity.concurrent_users)
    share = queue.accessible_share
    lanes = (LaneSpec(ACCESSIBLE, label(ACCESSIBLE), share),) if share else ()
    room = Room(
        id=service.id,
        outflow_per_minute=min(max(outflow, 1), OUTFLOW_PER_MINUTE_MAX),
        active_cap=min(max(active, 1), ACTIVE_CAP_MAX),
        claim_window_ms=queue.claim_window_seconds * 1000,
        pass_ms=queue.pass_seconds * 1000,
        method=queue.method,
        pass_cap_ms=queue.pass_cap_seconds * 1000,
        reentry_grace_ms=queue.reentry_grace_seconds * 1000,
        lanes=tuple(Lane(lane.id, lane.share) for lane in lanes),
    )
    return RoomSpec(room, service.name, service.agency, (service.id,), lanes=lanes)
