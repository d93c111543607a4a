"""Before anybody serves: stores that answer, a schema that is current, a catalogue that is there."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import structlog

from sadd.catalogue.importing import import_first
from sadd.catalogue.model import Catalogue
from sadd.catalogue.reading import SHIPPED, read_folder
from sadd.catalogue.store import read_version, snapshot
from sadd.postgres.migrate import migrate
from sadd.postgres.pool import open_pool
from sadd.settings import Settings
from sadd.supervisor.port import PortTaken, resolve
from sadd.supervisor.waiting import Probe
from sadd.valkey.topology import open_client

log = structlog.get_logger("sadd.app")


class CatalogueInvalid(Exception):
    """The catalogue's files have faults, so nothing was imported."""


class NotInstalled(Exception):
    """A setting asks for an extra that is not there."""


def start_faults(settings: Settings) -> Iterator[Exception]:
    """What would end a start before it asked anything of a store: a path or an address that is none."""
    if settings.catalogue.path and not Path(settings.catalogue.path).is_dir():
        yield CatalogueInvalid(
            f"catalogue.path: {settings.catalogue.path} is not a folder of catalogue files"
        )
    if settings.grpc.quota_port and find_spec("grpc") is None:
        yield NotInstalled("grpc.quota_port needs grpcio, which is not installed: pip install 'sadd[quota]'")
    try:
        resolve(settings.server.host, settings.server.port)
    except PortTaken as error:
        yield PortTaken(f"server.host: {error}")


def probes(settings: Settings) -> Sequence[Probe]:
    """One question to each store, as start-up asks it: is it there?"""

    async def valkey() -> None:
        client = await open_client(
            settings.valkey.url, deadline_ms=settings.valkey.deadline_ms, max_in_flight=16
        )
        try:
            await client.probe()
        finally:
            await client.aclose()

    async def postgres() -> None:
        connection = await asyncpg.connect(settings.database.url)
        await connection.close()

    return [Probe("valkey", settings.valkey.url, valkey), Probe("postgres", settings.database.url, postgres)]


async def prepare(settings: Settings) -> None:
    """Migrate, and give an empty database its catalogue. Any number of instances may do so at once."""
    await migrate(settings.database.url)
    async with await open_pool(
        settings.database.url, pool_max=1, deadline_seconds=settings.database.deadline_seconds
    ) as pool:
        async with snapshot(pool) as connection:
            known = await read_version(connection)
        # Read only if wanted: the files take a second.
        imported = None if known else await import_first(pool, first_catalogue(settings), "start")
    if imported is not None:
        log.info("catalogue imported", entries=imported.count("add"))


def first_catalogue(settings: Settings) -> Catalogue:
    """The files at ``catalogue.path``, or the ones in the package. Raises `CatalogueInvalid`."""
    folder = Path(settings.catalogue.path) if settings.catalogue.path else SHIPPED
    try:
        reading = read_folder(folder, datetime.now(UTC).date())
    except NotADirectoryError as error:
        raise CatalogueInvalid(str(error)) from None
    if reading.catalogue is None:
        raise CatalogueInvalid(
            f"the catalogue in {folder} has {len(reading.faults)} faults, the first: {reading.faults[0]}"
        )
    return reading.catalogue
