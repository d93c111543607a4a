"""``sadd sessions list``: what a subject has."""

import argparse
import asyncio
from dataclasses import asdict
from datetime import UTC, datetime

from sadd.cli.parser import Parser
from sadd.cli.sessions_sources import opened, subject_of
from sadd.cli.table import print_json, print_table
from sadd.session.listed import Listed
from sadd.settings import Settings


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    one = words.add_parser("list", help="print the living sessions of a subject")
    one.add_argument("agency", metavar="AGENCY")
    one.add_argument("subject", metavar="SUBJECT", help="in the agency's own terms, or -")
    one.add_argument("--json", action="store_true", help="one array")
    one.set_defaults(run=lambda args, settings: asyncio.run(_list(args, settings)))


async def _list(args: argparse.Namespace, settings: Settings) -> int:
    subject = subject_of(args.subject)
    async with opened(settings, args.agency) as here:
        found = await here.sessions.listed(args.agency, subject)
    if args.json:
        print_json([asdict(one) for one in found])
        return 0
    head = ("ref", "service", "device", "place", "begun", "last used", "ends", "level")
    print_table(head, map(_row, found))
    return 0


def _row(one: Listed) -> tuple[str, ...]:
    times = (_at(one.created_ms), _at(one.used_ms), _at(one.absolute_ms))
    return (one.ref, one.service, one.device, one.place, *times, str(one.level or ""))


def _at(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}"
