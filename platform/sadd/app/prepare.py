"""Before anybody serves: stores that answer, a schema that is current, a catalogue that is there."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
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
from sadd.supervisor.waiting import Probe
from sadd.valkey.client import ValkeyClient
from sadd.valkey.topology import open_client

REDIS_MAJOR = 7
"""Valkey says which Redis it is compatible with: 7 for every release."""

log = structlog.get_logger("sadd.app")


class CatalogueInvalid(Exception):
    """The catalogue's files have faults, so nothing was imported."""


class StoreTooOld(Exception):
    """Valkey answers, and is of a version that we do not support. Waiting would not help."""


def probes(settings: Settings) -> Sequence[Probe]:
    """One question to each store, as start-up asks it: is it there?"""

    async def valkey() -> None:
        async with _client(settings) as client:
            await client.probe()

    async def postgres() -> None:
        connection = await asyncpg.connect(settings.database.url)
        await connection.close()

    return [Probe("valkey", settings.valkey.url, valkey), Probe("postgres", settings.database.url, postgres)]


async def check_valkey_version(settings: Settings) -> None:
    """Raise `StoreTooOld` for a server that we were never tried on. `migrate` looks at PostgreSQL's."""
    async with _client(settings) as client:
        told = re.search(rb"redis_version:(\d+)", bytes(await client.command("INFO", "server")))  # type: ignore[arg-type]  # INFO is one bulk string
    if told is None or int(told[1]) < REDIS_MAJOR:
        found = told[1].decode() if told else "an unknown version"
        raise StoreTooOld(
            f"valkey.url is a server of version {found}; Valkey or Redis {REDIS_MAJOR} is needed"
        )


@asynccontextmanager
async def _client(settings: Settings) -> AsyncIterator[ValkeyClient]:
    client = await open_client(settings.valkey.url, deadline_ms=settings.valkey.deadline_ms, max_in_flight=16)
    try:
        yield client
    finally:
        await client.aclose()


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
