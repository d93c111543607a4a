"""``sadd limits``: check, compare, apply and roll back the rules of limits, and list what holds."""

import argparse
import asyncio
import sys
from dataclasses import asdict

import msgspec

from sadd.catalogue.model import Catalogue
from sadd.cli import envoy, limits_explain, limits_publishing, limits_top
from sadd.cli.limits_changes import change_as_json, print_changes
from sadd.cli.limits_sources import (
    catalogue_in,
    catalogue_in_files,
    database_errors,
    read_files,
    rules_in,
    rules_of,
)
from sadd.cli.outcome import FAILED
from sadd.cli.parser import Parser
from sadd.cli.stores import database
from sadd.cli.table import print_json, print_table
from sadd.cli.versions import add_paths, counted
from sadd.limits import store
from sadd.limits.explain import rule_in_words, scope_in_words
from sadd.limits.reading import Reading
from sadd.limits.rule import Rule
from sadd.settings import Settings

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
    add_paths(check)
    check.add_argument("--database", action="store_true", help="judge by the catalogue of the database")
    check.add_argument("--json", action="store_true", help="one object: the number of rules, and the faults")
    check.set_defaults(run=_check)

    diff = words.add_parser("diff", help="tell what apply would change")
    add_paths(diff)
    diff.add_argument("--json", action="store_true", help="one array of changes")
    diff.set_defaults(run=lambda args, settings: asyncio.run(_diff(args, settings)))

    limits_publishing.add(words)
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
        print_json([change_as_json(change) for change in changes])
    else:
        print_changes(changes)
        against = f"version {last.version}" if last.version else "no rules yet"
        print(f"{counted(len(changes), 'change')} against {against}", file=sys.stderr)
    return FAILED if changes else 0


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
