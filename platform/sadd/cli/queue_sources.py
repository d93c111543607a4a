"""Where the words of ``sadd queue`` take rooms, services and people from: files, database, the platform."""

import argparse
import http.client
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from queueing.standing import LaneStatus, RoomStatus
from sadd.catalogue import kinds
from sadd.catalogue import store as catalogue_store
from sadd.catalogue.model import Catalogue
from sadd.catalogue.reading import SHIPPED, read_folder
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.stores import Pool, running
from sadd.rooms import store
from sadd.rooms.reading import Reading, read_rooms
from sadd.rooms.store import UnknownVersion
from sadd.rooms.written import RoomBook, RoomSettings
from sadd.settings import Settings

HTTP_SECONDS = 5.0


def add_paths(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", type=Path, nargs="+", help="files, or folders of files")


def catalogue_in_files(settings: Settings) -> Catalogue:
    """The catalogue of the files that the platform would begin with."""
    folder = Path(settings.catalogue.path) if settings.catalogue.path else SHIPPED
    try:
        reading = read_folder(folder, date.today())
    except NotADirectoryError as error:
        raise UsageError(f"sadd queue: {error}") from None
    if reading.catalogue is None:
        raise Failed(
            *map(str, reading.faults), "sadd queue: the catalogue has faults, see sadd catalogue check"
        )
    return reading.catalogue


async def catalogue_in(pool: Pool) -> Catalogue:
    """The catalogue that the platform serves."""
    async with catalogue_store.snapshot(pool) as connection:
        version = await catalogue_store.read_version(connection)
        entries = await catalogue_store.read_entries(connection)
    if not version:
        raise Failed("sadd queue: the database has no catalogue yet; sadd catalogue import brings one")
    return kinds.assemble(version, entries)


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


@contextmanager
def database_errors() -> Iterator[None]:
    try:
        yield
    except (store.StoreUnavailable, catalogue_store.StoreUnavailable) as error:
        raise Failed(f"sadd queue: the database is away: {error}") from None
    except msgspec.ValidationError as error:
        raise Failed(f"sadd queue: the database has what a newer release wrote: {error}") from None


def counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
