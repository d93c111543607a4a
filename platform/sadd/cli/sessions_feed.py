"""``sadd sessions feed``: who was signed out, as every service is told it."""

import argparse
import asyncio
from datetime import UTC, datetime

from sadd.cli.outcome import UsageError
from sadd.cli.parser import Parser
from sadd.cli.sessions_sources import GROUP, Here, opened
from sadd.cli.table import print_json, print_table
from sadd.session.revocations import Revocation
from sadd.settings import Settings

LOOK_SECONDS = 0.5
PAGE = 1_000
SHOWN = 20
"""Without a number the newest so many are told."""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    one = words.add_parser("feed", help="print who was signed out; names of people are not shown")
    one.add_argument("--agency", help="only of this agency")
    one.add_argument("--after", type=int, help=f"all after this number; else the newest {SHOWN}")
    one.add_argument("--follow", action="store_true", help="go on until interrupted")
    one.add_argument("--json", action="store_true", help="one array; with --follow one of each look")
    one.set_defaults(run=lambda args, settings: asyncio.run(_feed(args, settings)))


async def _feed(args: argparse.Namespace, settings: Settings) -> int:
    if args.after is not None and args.after < 0:
        raise UsageError(f"{GROUP} feed: --after is a number that the feed gave")
    async with opened(settings, args.agency) as here:
        after = args.after
        if after is None:
            after = max(0, (await here.sessions.revocations(2**62, 1)).last - SHOWN)
        after = await _show(here, args, after)
        while args.follow:
            await asyncio.sleep(LOOK_SECONDS)
            after = await _show(here, args, after)
    return 0


async def _show(here: Here, args: argparse.Namespace, after: int) -> int:
    """Print all that there is; the number to go on from."""
    found: list[Revocation] = []
    while True:
        feed = await here.sessions.revocations(after, PAGE)
        found += [one for one in feed.revocations if args.agency in (None, one.agency)]
        after = feed.revocations[-1].seq if feed.revocations else feed.last
        if after >= feed.last:
            break
    rows = [_row(here, one) for one in found]
    head = ("number", "at", "agency", "service", "session", "reason")
    if args.json and (rows or not args.follow):
        print_json([dict(zip(head, row, strict=True)) for row in rows])
    elif rows or not args.follow:
        print_table(head, rows)
    return after


def _row(here: Here, one: Revocation) -> tuple[str, ...]:
    at = f"{datetime.fromtimestamp(one.at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    what = one.ref
    if not what:
        what = f"all of {here.engine.ids.tags(one.agency, one.subject)[0]}"
        what += f" but {one.kept}" if one.kept else ""
    return (str(one.seq), at, one.agency, one.service, what, one.reason)
