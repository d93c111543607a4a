"""Settings of rooms as they look on the wire, and what is said where a change is refused."""

from datetime import datetime
from typing import Annotated, Any

from aiohttp import hdrs
from msgspec import Meta, Struct

from sadd.catalogue.model import Name
from sadd.rooms.effect import Effect
from sadd.rooms.registry import Foreign, Invalid, Refusal, tag_of
from sadd.rooms.spec import RoomSpec
from sadd.rooms.written import RoomSettings
from sadd.web.fault import pointer
from sadd.web.problem import Problem, invalid_request


class RollbackRequest(Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=0, description="As in the history; 0 is the catalogue alone.")]


class SettingsAnswer(Struct, frozen=True):
    """``settings`` is what was set, null if nothing; ``holds`` what is served, with the catalogue's part."""

    room: str
    settings: RoomSettings | None
    holds: dict[str, Any] | None


class ChangedAnswer(Struct, frozen=True):
    """``version`` is the new one, or the last if nothing was done: a dry run, or no difference."""

    version: int
    dry_run: bool
    effects: tuple[Effect, ...]
    settings: RoomSettings | None


class RoomLine(Struct, frozen=True):
    """One room of a list. ``set``: it has settings beside the catalogue's."""

    room: str
    name: Name
    agency: str
    services: tuple[str, ...]
    set: bool
    suspended: bool


class RoomsAnswer(Struct, frozen=True):
    version: int
    rooms: list[RoomLine]
    next: str | None


class EditionAnswer(Struct, frozen=True):
    """A version that changed the room."""

    version: int
    at: datetime
    actor: str
    note: str
    rooms: list[str]


class HistoryAnswer(Struct, frozen=True):
    versions: list[EditionAnswer]


def room_line(spec: RoomSpec) -> RoomLine:
    return RoomLine(
        spec.id, spec.name, spec.agency, spec.services, spec.written is not None, spec.room.suspended
    )


def unknown_room() -> Problem:
    return Problem(404, "unknown-room", "There is no such waiting room.")


def refused(refusal: Refusal, *, unconditional: bool) -> Problem:
    if isinstance(refusal, Foreign):
        return Problem(403, "foreign-agency", "The room belongs to another agency.", f"{refusal.what}.")
    if isinstance(refusal, Invalid):
        errors = [
            {"pointer": pointer(tuple(map(str, finding.path))), "detail": finding.message}
            for finding in refusal.findings
        ]
        return invalid_request("The room breaks rules; it stays as it was.", errors=errors)
    if unconditional:
        title = "The room is set; say which state of it you change."
        return Problem(428, "precondition-required", title, "Send its ETag in If-Match.")
    title = "The room is not what the precondition says."
    tag = {str(hdrs.ETAG): f'"{tag_of(refusal.current)}"'}
    return Problem(
        412, "precondition-failed", title, "Get it again, and change what it says now.", headers=tag
    )
