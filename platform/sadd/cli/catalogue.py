"""``sadd catalogue check|import|export|list|search``: the agencies, services and apps behind the platform."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path

from sadd.catalogue import kinds, store
from sadd.catalogue.importing import Imported, import_catalogue
from sadd.catalogue.model import Catalogue
from sadd.catalogue.reading import SHIPPED, Reading, read_folder
from sadd.catalogue.store import StoreUnavailable, Verb
from sadd.catalogue.writing import write_folder
from sadd.cli import catalogue_list
from sadd.cli.outcome import FAILED, Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.stores import database
from sadd.cli.table import print_json
from sadd.settings import Settings

ACTOR = "cli"
"""In the audit. Who may run commands on this machine may change everything anyway."""

IDS_NAMED = 10
"""More ids than these are counted, not printed; --json has them all."""

DESCRIPTION = """\
The catalogue: agencies, their services and apps, and the classes that protect them.

People edit it as files; the platform serves it from the database. import brings the database to what
the files say, export writes the files from the database.
"""
EPILOG = """\
the files:
  PATH if it is given, else the setting catalogue.path, else the catalogue that Sadd ships.

the database:
  SADD_DATABASE_URL, else that of the platform that runs on this data folder, else an embedded one
  that is started for the command. list and search read the files, unless --database is given.

examples:
  sadd catalogue check my-catalogue/
  sadd catalogue import my-catalogue/
  sadd catalogue list services --agency moehe --new 365
  sadd catalogue list --json
  sadd catalogue search "تجديد جواز"
"""
IMPORT_MEANING = """\
Brings the database to what the files say, in one transaction, and prints what that added, changed and
retired. Nothing is imported if the files have a fault (exit code 1). What the database has and the
files do not is retired, also what administrators added over HTTP: export first to keep that.
"""


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("catalogue", description=DESCRIPTION, epilog=EPILOG)
    words = parser.add_subparsers(dest="catalogue_word", metavar="WORD", required=True)

    check = words.add_parser("check", help="print every fault of the files as file:line: message")
    _add_path(check)
    check.add_argument("--json", action="store_true", help="one object with counts, faults and warnings")
    check.set_defaults(run=_check)

    into = words.add_parser(
        "import", help="bring the database to what the files say", description=IMPORT_MEANING
    )
    _add_path(into)
    into.add_argument("--json", action="store_true", help="one object: the version, and ids by verb and kind")
    into.set_defaults(run=lambda args, settings: asyncio.run(_import(args, settings)))

    out = words.add_parser("export", help="write the files from the database")
    out.add_argument("path", metavar="PATH", type=Path, help="folder to write; made if it is not there")
    out.add_argument("--overwrite", action="store_true", help="also where there are catalogue files already")
    out.set_defaults(run=lambda args, settings: asyncio.run(_export(args, settings)))

    catalogue_list.add(words, _load)


def _add_path(parser: Parser) -> None:
    parser.add_argument("path", metavar="PATH", type=Path, nargs="?", help="folder of catalogue files")


def _check(args: argparse.Namespace, settings: Settings) -> int:
    reading = _read(args.path, settings)
    if args.json:
        print_json(_as_json(reading))
    else:
        for fault in reading.faults:
            print(fault)
        for warning in reading.warnings:
            print(f"{warning.file}:{warning.line}: warning: {warning.message}")
        print(_verdict(reading), file=sys.stderr)
    return FAILED if reading.faults else 0


def _as_json(reading: Reading) -> dict[str, object]:
    return {
        "counts": catalogue_list.counts(reading.catalogue) if reading.catalogue else None,
        "faults": [asdict(fault) for fault in reading.faults],
        "warnings": [asdict(warning) for warning in reading.warnings],
    }


def _verdict(reading: Reading) -> str:
    warnings = f", {_number(len(reading.warnings), 'warning')}" if reading.warnings else ""
    if reading.catalogue is None:
        return f"{_number(len(reading.faults), 'fault')}{warnings}"
    counts = catalogue_list.counts(reading.catalogue)
    entries = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("agencies", "services", "apps"))
    return f"fine: {entries}{warnings}"


async def _import(args: argparse.Namespace, settings: Settings) -> int:
    reading = _read(args.path, settings)
    if reading.catalogue is None:
        raise Failed(*map(str, reading.faults), f"{_verdict(reading)}; nothing was imported")
    async with database(settings) as pool:
        with _database_errors():
            imported = await import_catalogue(pool, reading.catalogue, ACTOR)
    if args.json:
        print_json({"version": imported.version, **{_PAST[verb]: ids for verb, ids in imported.ids.items()}})
    else:
        _print_imported(imported)
    return 0


_PAST: dict[Verb, str] = {"add": "added", "change": "changed", "retire": "retired"}


def _print_imported(imported: Imported) -> None:
    for verb, by_kind in imported.ids.items():
        for kind, ids in by_kind.items():
            if ids:
                named = f": {', '.join(ids)}" if len(ids) <= IDS_NAMED else ""
                print(f"{_PAST[verb]} {len(ids):,} {kind}{named}")
    if not any(map(imported.count, _PAST)):
        print("nothing to change")
    print(f"version {imported.version}")


async def _export(args: argparse.Namespace, settings: Settings) -> int:
    catalogue = await _stored(settings)
    try:
        files = write_folder(catalogue, args.path, overwrite=args.overwrite)
    except FileExistsError as error:
        raise UsageError(f"sadd catalogue export: {error}; --overwrite replaces them") from None
    print(f"wrote {len(files)} files of version {catalogue.version} to {args.path}")
    return 0


def _load(args: argparse.Namespace, settings: Settings) -> Catalogue:
    """What list and search look at: the database if that was asked for, else the files."""
    if args.database:
        return asyncio.run(_stored(settings))
    reading = _read(None, settings)
    if reading.catalogue is None:
        raise Failed(*map(str, reading.faults), _verdict(reading))
    return reading.catalogue


async def _stored(settings: Settings) -> Catalogue:
    async with database(settings) as pool:
        with _database_errors():
            async with store.snapshot(pool) as connection:
                version = await store.read_version(connection)
                entries = await store.read_entries(connection)
    if not version:
        raise Failed("sadd catalogue: the database has no catalogue yet; sadd catalogue import brings one")
    return kinds.assemble(version, entries)


def _read(path: Path | None, settings: Settings) -> Reading:
    folder = path or (Path(settings.catalogue.path) if settings.catalogue.path else SHIPPED)
    try:
        return read_folder(folder, date.today())
    except NotADirectoryError as error:
        raise UsageError(f"sadd catalogue: {error}") from None


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as error:
        raise Failed(f"sadd catalogue: the database is away: {error}") from None


def _number(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
