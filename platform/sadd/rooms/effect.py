"""What a change of settings would do to rooms, and to those who are in them: told before it is done."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from queueing.standing import RoomStatus
from sadd.rooms.spec import RoomSpec
from sadd.rooms.view import State

Verb = Literal["add", "change", "remove"]


class FieldChange(msgspec.Struct, frozen=True):
    """One thing that holds before and after. None: it is not there."""

    field: str
    before: Any
    after: Any


class Effect(msgspec.Struct, frozen=True, omit_defaults=True):
    """One room that would be another. ``waiting`` and ``active`` are people now, None if nobody could say."""

    room: str
    verb: Verb
    fields: tuple[FieldChange, ...]
    services: tuple[str, ...]
    waiting: int | None = None
    active: int | None = None
    warnings: tuple[str, ...] = ()


Statuses = Mapping[str, RoomStatus]


def effects(before: State, after: State, statuses: Statuses) -> list[Effect]:
    """What differs between two states of all rooms, by id. ``statuses`` are those that are known."""
    ids = sorted(before.rooms.keys() | after.rooms.keys())
    made = (_effect(id_, before, after, statuses.get(id_)) for id_ in ids)
    return [one for one in made if one is not None]


def differing(before: State, after: State) -> list[RoomSpec]:
    """The rooms there are whose people a change would touch: those to ask the status of."""
    return [spec for id_, spec in before.rooms.items() if after.rooms.get(id_) != spec]


def shown(spec: RoomSpec) -> dict[str, Any]:
    """A room as people read it: what holds, whoever said it."""
    room: dict[str, Any] = msgspec.to_builtins(spec.room)
    activation = {"kind": type(spec.activation).__name__.lower(), **msgspec.to_builtins(spec.activation)}
    more: dict[str, Any] = msgspec.to_builtins(
        {
            "name": spec.name,
            "agency": spec.agency,
            "services": spec.services,
            "activation": activation,
            "message": spec.message,
            "one_per_identity": spec.one_per_identity,
            "bots": spec.bots,
            "lanes": spec.lanes,
            "logo": spec.logo is not None,
            "template": spec.template is not None,
        }
    )
    return room | more


def _effect(id_: str, before: State, after: State, status: RoomStatus | None) -> Effect | None:
    old, new = before.rooms.get(id_), after.rooms.get(id_)
    fields = _fields({} if old is None else shown(old), {} if new is None else shown(new))
    moved = sorted(
        service for service, spec in after.doors.items() if spec.id == id_ and _door(before, service) != id_
    )
    lost = sorted(
        service for service, spec in before.doors.items() if spec.id == id_ and _door(after, service) != id_
    )
    if not fields and not moved and not lost and old == new:
        return None
    if old is None or new is None:
        fields = ()
    return Effect(
        room=id_,
        verb="add" if old is None else "remove" if new is None else "change",
        fields=fields,
        services=tuple(sorted({*(old.services if old else ()), *(new.services if new else ())})),
        waiting=None if status is None else status.waiting,
        active=None if status is None else status.active,
        warnings=(*_doors_moved(before, after, moved, lost), *_warnings(old, new, status)),
    )


def _door(state: State, service: str) -> str | None:
    spec = state.doors.get(service)
    return None if spec is None else spec.id


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    names = sorted(old.keys() | new.keys())
    return tuple(
        FieldChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    )


def _doors_moved(before: State, after: State, moved: list[str], lost: list[str]) -> Iterator[str]:
    for service in moved:
        if (other := _door(before, service)) is not None:
            yield f"the door of {service} is this room from now on, no longer {other}"
    for service in lost:
        other = _door(after, service)
        yield f"the door of {service} is {other or 'open: nobody waits'} from now on"


def _warnings(old: RoomSpec | None, new: RoomSpec | None, status: RoomStatus | None) -> Iterator[str]:
    if old is None or status is None:
        return
    if new is None:
        if status.waiting:
            yield f"{status.waiting:,} who wait lose their place: the room is no more"
        return
    was, now = old.room, new.room
    if now.active_cap < status.active:
        yield f"{status.active:,} are inside and {now.active_cap:,} may be: nobody is let in until some leave"
    if now.stock is not None and status.waiting > now.stock and now.stock != was.stock:
        yield f"{status.waiting:,} wait for at most {now.stock:,}"
    if now.outflow_per_minute != was.outflow_per_minute and status.waiting:
        before, after = (status.waiting / room.outflow_per_minute for room in (was, now))
        yield f"the last in line waits for {after:.1f} minutes at full outflow, no longer {before:.1f}"
    if now.suspended and not was.suspended:
        yield f"{status.waiting:,} who wait are not called until it is resumed; nobody loses the place"
    if now.method == "closed" and was.method != "closed":
        yield "nobody joins any more; who has a place keeps it"
    for lane in was.lanes:
        held = status.lanes.get(lane.id)
        if held is not None and held.waiting and lane.id not in {one.id for one in now.lanes}:
            yield f"{held.waiting:,} wait in the lane {lane.id}, which is no more"
