"""Where the words of ``sadd limits`` take rules and services from: files, or the database."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sadd.catalogue.model import Catalogue
from sadd.cli import versions
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.stores import Pool
from sadd.cli.versions import counted
from sadd.limits import store
from sadd.limits.reading import Reading, read_rules
from sadd.limits.rule import Rules
from sadd.limits.store import UnknownVersion

GROUP = "sadd limits"

catalogue_in_files = partial(versions.catalogue_in_files, GROUP)
catalogue_in = partial(versions.catalogue_in, GROUP)
database_errors = partial(versions.database_errors, GROUP, store.StoreUnavailable)
actor = partial(versions.actor, GROUP)


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
