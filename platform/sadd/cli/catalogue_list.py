"""``sadd catalogue list`` and ``search``: what is in the catalogue, for people and for programs."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from sadd.catalogue import search
from sadd.catalogue.kinds import Kind
from sadd.catalogue.model import Agency, App, Catalogue, Entry, Service
from sadd.catalogue.selection import AUDIENCES, STATUSES, Selection, UnknownChoice, status_fits
from sadd.cli.outcome import FAILED, UsageError
from sadd.cli.parser import Parser
from sadd.cli.table import print_json, print_table
from sadd.settings import Settings

Load = Callable[[argparse.Namespace, Settings], Catalogue]
KINDS: tuple[Kind, ...] = ("agencies", "services", "apps")

LIST_EPILOG = """\
Without a kind all three are listed. --json prints one object: counts, and the entries by kind; the
counts are of what is listed. --category, --audience and --new are of services, and list services alone.
"""


def add(words: "argparse._SubParsersAction[Parser]", load: Load) -> None:
    listing = words.add_parser("list", help="list services, agencies or apps", epilog=LIST_EPILOG)
    listing.add_argument("kind", nargs="?", choices=KINDS, help="what to list; without, everything")
    _add_filters(listing)
    listing.set_defaults(run=lambda args, settings: _list(args, load(args, settings)))

    finding = words.add_parser("search", help="find services by Arabic or English words, best first")
    finding.add_argument("query", metavar="WORD", nargs="+", help="unfinished and misspelt words do as well")
    finding.add_argument("--limit", type=_limit, default=10, help="services printed, at most [10]")
    _add_filters(finding)
    finding.set_defaults(run=lambda args, settings: _search(args, load(args, settings)))


def counts(catalogue: Catalogue) -> dict[str, int]:
    return {kind: len(getattr(catalogue, kind)) for kind in KINDS}


def _add_filters(parser: Parser) -> None:
    parser.add_argument("--agency", help="id of an agency")
    parser.add_argument("--category", help="id of a category")
    parser.add_argument("--audience", choices=AUDIENCES)
    parser.add_argument("--status", choices=STATUSES, help="without, all but the retired")
    parser.add_argument("--new", metavar="DAYS|DATE", help="what is new: days back, or a date since which")
    parser.add_argument("--database", action="store_true", help="what the platform serves, not the files")
    parser.add_argument("--json", action="store_true", help="for programs, with every field")


def _list(args: argparse.Namespace, catalogue: Catalogue) -> int:
    found = {kind: _fitting(args, catalogue, kind) for kind in _kinds(args)}
    if args.json:
        count = {kind: len(entries) for kind, entries in found.items()}
        print_json({"counts": count, **{kind: _plain(entries) for kind, entries in found.items()}})
        return 0
    for number, (kind, entries) in enumerate(found.items()):
        print("\n" * (number > 0), end="")
        print_table(_HEADS[kind], map(_row, entries))
        print(f"{len(entries):,} {kind}")
    return 0


def _search(args: argparse.Namespace, catalogue: Catalogue) -> int:
    hits = search.build(catalogue).search(" ".join(args.query))
    wanted = {service.id for service in _fitting(args, catalogue, "services")}
    found = [catalogue.services[hit.id] for hit in hits if hit.id in wanted]
    if args.json:
        print_json({"counts": {"services": len(found)}, "services": _plain(found[: args.limit])})
    elif found:
        print_table(_HEADS["services"], map(_row, found[: args.limit]))
    else:
        print("nothing found", file=sys.stderr)
    return 0 if found else FAILED


def _kinds(args: argparse.Namespace) -> Sequence[Kind]:
    """What is listed. A filter that only services have asks for services."""
    only = [name for name in ("category", "audience", "new") if getattr(args, name) is not None]
    if only and args.kind not in (None, "services"):
        raise UsageError(f"sadd catalogue list: --{only[0]} is for services")
    if only or args.kind:
        return ("services",) if only else (args.kind,)
    return KINDS


def _fitting(args: argparse.Namespace, catalogue: Catalogue, kind: Kind) -> list[Entry]:
    selection = Selection(args.agency, args.category, args.audience, args.status, args.new)
    try:
        passes = selection.test(catalogue, date.today())
    except UnknownChoice as error:
        raise UsageError(f"sadd catalogue: {error}") from None
    if kind == "services":
        return [service for service in catalogue.services.values() if passes(service)]
    return [entry for entry in _others(catalogue, kind) if _fits(entry, args)]


def _others(catalogue: Catalogue, kind: Kind) -> Iterable[Agency | App]:
    return catalogue.agencies.values() if kind == "agencies" else catalogue.apps.values()


def _fits(entry: Agency | App, args: argparse.Namespace) -> bool:
    return status_fits(entry.status, args.status) and args.agency in (None, _agency(entry))


def _agency(entry: Agency | App) -> str:
    return entry.id if isinstance(entry, Agency) else entry.agency


def _plain(entries: Sequence[Entry]) -> list[Any]:
    return [msgspec.to_builtins(entry) for entry in entries]


# The Arabic name stands last: terminals disagree on how wide it is.
_HEADS: Mapping[Kind, Sequence[str]] = {
    "agencies": ("agency", "kind", "status", "name", ""),
    "services": ("service", "category", "status", "since", "name", ""),
    "apps": ("app", "agency", "status", "since", "name", ""),
}


def _row(entry: Entry) -> Sequence[str]:
    if isinstance(entry, Service):
        return entry.id, entry.category, entry.status, entry.since, entry.name.en, entry.name.ar
    if isinstance(entry, App):
        return entry.id, entry.agency, entry.status, entry.since, entry.name.en, entry.name.ar
    assert isinstance(entry, Agency), "classes are not listed"
    return entry.id, entry.kind, entry.status, entry.name.en, entry.name.ar


def _limit(text: str) -> int:
    limit = int(text)
    if not 1 <= limit <= 1000:
        raise argparse.ArgumentTypeError(f"{text} is not accepted: 1 to 1000")
    return limit
