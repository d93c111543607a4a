"""What the words of ``sadd limits`` and ``sadd queue`` share: both publish versions of what files say.

``group`` is the command as people type it, for what is said of a fault.
"""

import argparse
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import msgspec

from sadd.catalogue import kinds
from sadd.catalogue import store as catalogue_store
from sadd.catalogue.model import Catalogue
from sadd.catalogue.reading import SHIPPED, read_folder
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.stores import Pool
from sadd.settings import Settings

BY_LENGTH_MAX = 100


def add_paths(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", type=Path, nargs="+", help="files, or folders of files")


def add_why(parser: Parser, told: str) -> None:
    """``told`` is what stands beside the version in ``--json``."""
    parser.add_argument("--note", default="", help="for people: why; one line in the history")
    parser.add_argument("--by", help="for people: who; else the user that runs this command")
    parser.add_argument("--json", action="store_true", help=f"one object: the version, and the {told}")


def catalogue_in_files(group: str, settings: Settings) -> Catalogue:
    """The catalogue of the files that the platform would begin with."""
    folder = Path(settings.catalogue.path) if settings.catalogue.path else SHIPPED
    try:
        reading = read_folder(folder, date.today())
    except NotADirectoryError as error:
        raise UsageError(f"{group}: {error}") from None
    if reading.catalogue is None:
        raise Failed(
            *map(str, reading.faults), f"{group}: the catalogue has faults, see sadd catalogue check"
        )
    return reading.catalogue


async def catalogue_in(group: str, pool: Pool) -> Catalogue:
    """The catalogue that the platform serves."""
    async with catalogue_store.snapshot(pool) as connection:
        version = await catalogue_store.read_version(connection)
        entries = await catalogue_store.read_entries(connection)
    if not version:
        raise Failed(f"{group}: the database has no catalogue yet; sadd catalogue import brings one")
    return kinds.assemble(version, entries)


@contextmanager
def database_errors(group: str, away: type[Exception]) -> Iterator[None]:
    try:
        yield
    except (away, catalogue_store.StoreUnavailable) as error:
        raise Failed(f"{group}: the database is away: {error}") from None
    except msgspec.ValidationError as error:
        raise Failed(f"{group}: the database has what a newer release wrote: {error}") from None


def actor(group: str, by: str | None) -> str:
    """Who, in the history and the audit; ``cli:`` tells it from the prefix of an API key."""
    if by is None:
        by = _user()
    elif not 1 <= len(by) <= BY_LENGTH_MAX or not by.isprintable():
        raise UsageError(f"{group}: --by is one line of 1 to {BY_LENGTH_MAX} characters")
    return f"cli:{by}"


def counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _user() -> str:
    """Of the operating system, not of the environment, which says what one likes."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's number without a name
        return str(os.getuid())
