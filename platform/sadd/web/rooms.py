"""Settings of waiting rooms over HTTP: made, listed, changed, taken away, paused; each change told before."""

from typing import Any

from aiohttp import hdrs

from sadd.postgres.pool import Pool
from sadd.rooms.registry import Registry
from sadd.rooms.view import RoomsView
from sadd.rooms.written import RoomSettings
from sadd.web.endpoint import Endpoint
from sadd.web.room_answers import (
    ChangedAnswer,
    HistoryAnswer,
    RollbackRequest,
    RoomsAnswer,
    SettingsAnswer,
)
from sadd.web.room_changes import ChangeQuery, HistoryQuery, ListQuery, RoomChanges

TAG = "queues"
SCOPE = "queues:admin"
ROOTS = "/v1/queues"
ROOM = "/v1/queues/{room}"
SETTINGS = f"{ROOM}/settings"
SETTINGS_BYTES_MAX = 131_072

IF_MATCH = {
    hdrs.IF_MATCH: "The `ETag` of the settings that are to be changed; 412 if they are others by now."
}


CHANGED: dict[int, Any] = {200: ChangedAnswer, 404: None, 412: None, 503: None}


def endpoints(registry: Registry, specs: RoomsView, pool: Pool, *, authority: str) -> list[Endpoint]:
    rooms = RoomChanges(registry, specs, pool, authority)
    return [*_looking(rooms), *_setting(rooms), *_calling(rooms)]


def _looking(rooms: RoomChanges) -> list[Endpoint]:
    return [
        Endpoint(
            "GET",
            ROOTS,
            rooms.list,
            "The rooms of your agency",
            TAG,
            query=ListQuery,
            answers={200: RoomsAnswer},
            scope=SCOPE,
            description="The catalogue's authority sees all.",
        ),
        Endpoint(
            "GET",
            SETTINGS,
            rooms.show,
            "The settings of a room",
            TAG,
            answers={200: SettingsAnswer, 404: None, 503: None},
            scope=SCOPE,
        ),
        Endpoint(
            "GET",
            f"{SETTINGS}/history",
            rooms.history,
            "The versions that changed a room",
            TAG,
            query=HistoryQuery,
            answers={200: HistoryAnswer, 404: None, 503: None},
            scope=SCOPE,
        ),
    ]


def _setting(rooms: RoomChanges) -> list[Endpoint]:
    return [
        _change(
            "POST",
            ROOTS,
            rooms.create,
            "Make a room",
            "Of one service, or shared by several. What is left out comes from the class of queues that the "
            "services have in the catalogue. 409 if it is there already.",
            body=RoomSettings,
            body_bytes_max=SETTINGS_BYTES_MAX,
            answers={200: ChangedAnswer, 201: ChangedAnswer, 409: None, 503: None},
        ),
        _change(
            "PUT",
            SETTINGS,
            rooms.put,
            "Set a room",
            "The whole of its settings: what is left out is the catalogue's again. To change what was set, "
            "send its `ETag` in `If-Match`.",
            body=RoomSettings,
            body_bytes_max=SETTINGS_BYTES_MAX,
            headers=IF_MATCH,
            answers={**CHANGED, 428: None},
        ),
        _change(
            "PATCH",
            SETTINGS,
            rooms.patch,
            "Change some settings of a room",
            "A JSON merge patch (RFC 7396), as `application/json`: null takes a setting back.",
            raw_body=True,
            body_bytes_max=SETTINGS_BYTES_MAX,
            headers=IF_MATCH,
        ),
        _change(
            "DELETE",
            SETTINGS,
            rooms.delete,
            "Take the settings of a room away",
            "A service's room is the catalogue's again; another room is no more.",
            headers=IF_MATCH,
        ),
        _change(
            "POST",
            f"{SETTINGS}/rollback",
            rooms.roll_back,
            "Set a room as it was at a version",
            body=RollbackRequest,
        ),
    ]


def _calling(rooms: RoomChanges) -> list[Endpoint]:
    return [
        _change(
            "POST",
            f"{ROOM}/pause",
            rooms.pause,
            "Call nobody for the time being",
            "Nobody loses a place, and no window passes meanwhile.",
        ),
        _change("POST", f"{ROOM}/resume-calls", rooms.resume, "Call again"),
    ]


def _change(method: str, path: str, do: Any, summary: str, description: str = "", **more: Any) -> Endpoint:
    """One of those that make a version, or say what it would be."""
    settled = {"answers": CHANGED, **more}
    return Endpoint(
        method, path, do, summary, TAG, query=ChangeQuery, scope=SCOPE, description=description, **settled
    )
