"""Where the words of ``sadd queue`` take rooms, services and people from: files, database, the platform."""

import http.client
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from queueing.standing import LaneStatus, RoomStatus
from sadd.catalogue.model import Catalogue
from sadd.cli import versions
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.stores import Pool, running
from sadd.cli.versions import counted
from sadd.rooms import store
from sadd.rooms.reading import Reading, read_rooms
from sadd.rooms.store import UnknownVersion
from sadd.rooms.written import RoomBook, RoomSettings
from sadd.settings import Settings

HTTP_SECONDS = 5.0

GROUP = "sadd queue"

catalogue_in_files = partial(versions.catalogue_in_files, GROUP)
catalogue_in = partial(versions.catalogue_in, GROUP)
database_errors = partial(versions.database_errors, GROUP, store.StoreUnavailable)
actor = partial(versions.actor, GROUP)


async def book_in(pool: Pool, version: int | None = None) -> RoomBook:
    try:
        return await store.read(pool, version)
    except UnknownVersion as error:
        raise UsageError(f"sadd queue: {error}; sadd queue history lists them") from None


def read_files(paths: Sequence[Path], catalogue: Catalogue) -> Reading:
    try:
        return read_rooms(paths, catalogue)
    except FileNotFoundError as error:
        raise UsageError(f"sadd queue: {error}") from None


def rooms_of(reading: Reading, otherwise: str) -> tuple[RoomSettings, ...]:
    """The rooms that were read. Failed, with every fault and ``otherwise``, if they have any."""
    if reading.rooms is None:
        raise Failed(*map(str, reading.faults), f"{counted(len(reading.faults), 'fault')}; {otherwise}")
    return reading.rooms


def statuses(settings: Settings, rooms: Iterable[str]) -> Mapping[str, RoomStatus]:
    """What the platform on this data folder tells of the rooms' people; without one nobody can say."""
    platform = running(settings)
    if platform is None:
        return {}
    told = ((id_, public_status(platform.http_url, id_)) for id_ in rooms)
    return {id_: _status(one) for id_, one in told if one is not None}


def public_status(url: str, room: str) -> dict[str, Any] | None:
    """The public document of a room; None: nobody is there, or there is no such room."""
    place = urlsplit(url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=HTTP_SECONDS)
    try:
        connection.request("GET", f"{place.path.rstrip('/')}/v1/queues/{quote(room, safe='')}")
        answer = connection.getresponse()
        found: dict[str, Any] | None = (
            json.loads(answer.read()) if answer.status == http.HTTPStatus.OK else None
        )
    except (OSError, http.client.HTTPException, ValueError):
        return None
    else:
        return found
    finally:
        connection.close()


def _status(told: Mapping[str, Any]) -> RoomStatus:
    lanes = {
        id_: LaneStatus(lane["serving"], lane["issued"], lane["share"])
        for id_, lane in told.get("lanes", {}).items()
    }
    return RoomStatus(
        told["room"],
        told["state"],
        told["serving"],
        told["issued"],
        told["active"],
        told["outflow_per_minute"],
        lanes=lanes,
    )
