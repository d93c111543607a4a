"""``sadd limits``: check, compare, apply and roll back the rules of limits, and list what holds."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec

from sadd.catalogue.model import Catalogue
from sadd.cli import envoy, limits_explain, limits_top
from sadd.cli.limits_sources import (
    catalogue_in,
    catalogue_in_files,
    counted,
    database_errors,
    read_files,
    rules_in,
    rules_of,
)
from sadd.cli.outcome import FAILED, UsageError
from sadd.cli.parser import Parser
from sadd.cli.stores import Pool, database
from sadd.cli.table import print_json, print_table
from sadd.limits import store
from sadd.limits.explain import rule_in_words, scope_in_words
from sadd.limits.reading import Reading
from sadd.limits.rule import Rule
from sadd.limits.store import Change, Published, UnknownVersion, Verb
from sadd.settings import Settings

ACTOR = "cli"
"""In the audit. Who may run commands on this machine may change everything anyway."""

HISTORY_SHOWN = 20

DESCRIPTION = """\
Rules of limits: who may ask how often, beyond the class that each service has in the catalogue.

People write them as files of YAML; the platform holds them in its database, in versions, and every worker
has a new version within a second. check finds what is wrong with files, diff tells what they would change,
apply makes them the rules that hold, rollback goes back to an earlier version.
"""
EPILOG = """\
the database:
  SADD_DATABASE_URL, else that of the platform that runs on this data folder, else an embedded one
  that is started for the command. check reads files alone, unless --database is given.

exit codes:
  0  fine; diff: no difference; explain: the request may go on
  1  faults; diff: they differ; explain: the request is refused
  2  bad usage or configuration

examples:
  sadd limits check my-limits/
  sadd limits diff my-limits/ && echo "nothing to do"
  sadd limits apply my-limits/ --note "before results day"
  sadd limits explain moehe-secondary-results --key 28512345678 --route /pdf/1 --with app=metrash
  sadd limits rollback 7
  sadd limits top
"""


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("limits", description=DESCRIPTION, epilog=EPILOG)
    words = parser.add_subparsers(dest="limits_word", metavar="WORD", required=True)

    check = words.add_parser("check", help="print every fault of the files as file:line: message")
    _add_paths(check)
    check.add_argument("--database", action="store_true", help="judge by the catalogue of the database")
    check.add_argument("--json", action="store_true", help="one object: the number of rules, and the faults")
    check.set_defaults(run=_check)

    diff = words.add_parser("diff", help="tell what apply would change")
    _add_paths(diff)
    diff.add_argument("--json", action="store_true", help="one array of changes")
    diff.set_defaults(run=lambda args, settings: asyncio.run(_diff(args, settings)))

    apply = words.add_parser("apply", help="make the rules of the files those that hold")
    _add_paths(apply)
    apply.add_argument("--note", default="", help="for people: why; one line in the history")
    apply.add_argument("--json", action="store_true", help="one object: the version, and the changes")
    apply.set_defaults(run=lambda args, settings: asyncio.run(_apply(args, settings)))

    back = words.add_parser("rollback", help="make an earlier version's rules those that hold")
    back.add_argument("version", metavar="VERSION", type=int, help="as in history")
    back.add_argument("--note", default="", help="for people: why; one line in the history")
    back.add_argument("--json", action="store_true", help="one object: the version, and the changes")
    back.set_defaults(run=lambda args, settings: asyncio.run(_rollback(args, settings)))
    _add_lists(words)
    limits_explain.add(words)
    limits_top.add(words)
    envoy.add(words)


def _add_lists(words: "argparse._SubParsersAction[Parser]") -> None:
    listing = words.add_parser("list", help="print the rules that hold")
    listing.add_argument("--version", type=int, help="an earlier version's instead")
    listing.add_argument("--json", action="store_true", help="one array, with every field")
    listing.set_defaults(run=lambda args, settings: asyncio.run(_list(args, settings)))

    history = words.add_parser("history", help="print the versions: when, who, why")
    history.add_argument("--json", action="store_true", help="one array")
    history.set_defaults(run=lambda args, settings: asyncio.run(_history(args, settings)))


def _add_paths(parser: Parser) -> None:
    parser.add_argument("paths", metavar="PATH", type=Path, nargs="+", help="files, or folders of files")


def _check(args: argparse.Namespace, settings: Settings) -> int:
    by = asyncio.run(_stored_catalogue(settings)) if args.database else catalogue_in_files(settings)
    reading = read_files(args.paths, by)
    if args.json:
        count = None if reading.rules is None else len(reading.rules.rules)
        print_json({"rules": count, "faults": [asdict(fault) for fault in reading.faults]})
    else:
        for fault in reading.faults:
            print(fault)
        print(_verdict(reading), file=sys.stderr)
    return FAILED if reading.faults else 0


async def _stored_catalogue(settings: Settings) -> Catalogue:
    async with database(settings) as pool:
        with database_errors():
            return await catalogue_in(pool)


def _verdict(reading: Reading) -> str:
    if reading.rules is None:
        return counted(len(reading.faults), "fault")
    return f"fine: {counted(len(reading.rules.rules), 'rule')}"


async def _diff(args: argparse.Namespace, settings: Settings) -> int:
    async with database(settings) as pool:
        with database_errors():
            rules = rules_of(read_files(args.paths, await catalogue_in(pool)), "nothing was compared")
            last = await store.read(pool)
    changes = list(store.changes(last.rules, rules.rules))
    if args.json:
        print_json([_as_json(change) for change in changes])
    else:
        _print_changes(changes)
        against = f"version {last.version}" if last.version else "no rules yet"
        print(f"{counted(len(changes), 'change')} against {against}", file=sys.stderr)
    return FAILED if changes else 0


async def _apply(args: argparse.Namespace, settings: Settings) -> int:
    async with database(settings) as pool:
        with database_errors():
            rules = rules_of(read_files(args.paths, await catalogue_in(pool)), "nothing was applied")
            return _print_published(await _publish(pool, rules.rules, args.note), as_json=args.json)


async def _publish(pool: Pool, rules: Sequence[Rule], note: str) -> Published:
    try:
        return await store.publish(pool, rules, ACTOR, note)
    except ValueError as error:
        raise UsageError(f"sadd limits apply: {error}") from None


async def _rollback(args: argparse.Namespace, settings: Settings) -> int:
    async with database(settings) as pool:
        with database_errors():
            try:
                published = await store.roll_back(pool, args.version, ACTOR, args.note)
            except (UnknownVersion, ValueError) as error:
                raise UsageError(f"sadd limits rollback: {error}") from None
    return _print_published(published, as_json=args.json)


async def _list(args: argparse.Namespace, settings: Settings) -> int:
    async with database(settings) as pool:
        with database_errors():
            rules = await rules_in(pool, args.version)
    if args.json:
        print_json([msgspec.to_builtins(rule) for rule in rules.rules])
        return 0
    print_table(("rule", "priority", "for", "what"), map(_row, rules.rules))
    print(f"{counted(len(rules.rules), 'rule')}, version {rules.version}", file=sys.stderr)
    return 0


async def _history(args: argparse.Namespace, settings: Settings) -> int:
    async with database(settings) as pool:
        with database_errors():
            editions = await store.history(pool, HISTORY_SHOWN)
    if args.json:
        print_json([{**asdict(one), "at": one.at.isoformat(timespec="seconds")} for one in editions])
        return 0
    rows = [
        (str(one.version), f"{one.at:%Y-%m-%d %H:%M}", one.actor, f"{one.count:,}", one.note)
        for one in editions
    ]
    print_table(("version", "at", "by", "rules", "note"), rows)
    return 0


def _row(rule: Rule) -> tuple[str, str, str, str]:
    return rule.id, str(rule.priority), scope_in_words(rule), rule_in_words(rule)


def _print_published(published: Published, *, as_json: bool) -> int:
    if as_json:
        changes = [_as_json(change) for change in published.changes]
        print_json({"version": published.version, "changes": changes})
        return 0
    _print_changes(published.changes)
    if not published.changes:
        print("nothing to change")
    print(f"version {published.version}")
    return 0


def _print_changes(changes: Sequence[Change]) -> None:
    for change in changes:
        print(f"{_SIGNS[change.verb]} {change.id}")
        before, after = _lines(change.before), _lines(change.after)
        for field in sorted(before.keys() | after.keys()):
            if before.get(field) != after.get(field):
                _print_field("-", field, before.get(field))
                _print_field("+", field, after.get(field))


_SIGNS: dict[Verb, str] = {"add": "added", "change": "changed", "remove": "removed"}


def _lines(rule: Rule | None) -> dict[str, str]:
    """The fields that a rule says, each as one line."""
    fields = {} if rule is None else msgspec.to_builtins(rule)
    return {name: msgspec.json.encode(value).decode() for name, value in fields.items() if name != "id"}


def _print_field(sign: str, field: str, value: str | None) -> None:
    if value is not None:
        print(f"  {sign} {field}: {value}")


def _as_json(change: Change) -> dict[str, object]:
    before, after = msgspec.to_builtins(change.before), msgspec.to_builtins(change.after)
    return {"verb": change.verb, "id": change.id, "before": before, "after": after}
