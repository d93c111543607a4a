"""Where the words of ``sadd limits`` take rules and services from: files, or the database."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import msgspec

from sadd.catalogue import kinds
from sadd.catalogue import store as catalogue_store
from sadd.catalogue.model import Catalogue
from sadd.catalogue.reading import SHIPPED, read_folder
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.stores import Pool
from sadd.limits import store
from sadd.limits.reading import Reading, read_rules
from sadd.limits.rule import Rules
from sadd.limits.store import UnknownVersion
from sadd.settings import Settings


def add_paths(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", type=Path, nargs="+", help="files, or folders of files")


def catalogue_in_files(settings: Settings) -> Catalogue:
    """The catalogue of the files that the platform would begin with."""
    folder = Path(settings.catalogue.path) if settings.catalogue.path else SHIPPED
    try:
        reading = read_folder(folder, date.today())
    except NotADirectoryError as error:
        raise UsageError(f"sadd limits: {error}") from None
    if reading.catalogue is None:
        raise Failed(
            *map(str, reading.faults), "sadd limits: the catalogue has faults, see sadd catalogue check"
        )
    return reading.catalogue


async def catalogue_in(pool: Pool) -> Catalogue:
    """The catalogue that the platform serves."""
    async with catalogue_store.snapshot(pool) as connection:
        version = await catalogue_store.read_version(connection)
        entries = await catalogue_store.read_entries(connection)
    if not version:
        raise Failed("sadd limits: the database has no catalogue yet; sadd catalogue import brings one")
    return kinds.assemble(version, entries)


async def rules_in(pool: Pool, version: int | None = None) -> Rules:
    try:
        return await store.read(pool, version)
    except UnknownVersion as error:
        raise UsageError(f"sadd limits: {error}; sadd limits history lists them") from None


def read_files(paths: Sequence[Path], catalogue: Catalogue) -> Reading:
    try:
        return read_rules(paths, catalogue)
    except FileNotFoundError as error:
        raise UsageError(f"sadd limits: {error}") from None


def rules_of(reading: Reading, otherwise: str) -> Rules:
    """The rules that were read. Failed, with every fault and ``otherwise``, if they have any."""
    if reading.rules is None:
        raise Failed(*map(str, reading.faults), f"{counted(len(reading.faults), 'fault')}; {otherwise}")
    return reading.rules


@contextmanager
def database_errors() -> Iterator[None]:
    try:
        yield
    except (store.StoreUnavailable, catalogue_store.StoreUnavailable) as error:
        raise Failed(f"sadd limits: the database is away: {error}") from None
    except msgspec.ValidationError as error:
        raise Failed(f"sadd limits: the database has what a newer release wrote: {error}") from None


def counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
