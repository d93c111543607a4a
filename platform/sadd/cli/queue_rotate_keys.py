"""``sadd queue rotate-keys``: the next keys of tickets and passes, while everything runs."""

import argparse
import asyncio
import os
import pwd
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from sadd.cli.outcome import Failed
from sadd.cli.parser import Parser
from sadd.cli.stores import database
from sadd.cli.table import print_json, print_table
from sadd.settings import Settings
from sadd.signing import ROTATED, NoSigningKey, Rotation, rotate

SIGNS_IN_SECONDS = 600
"""Twice as long as anybody may keep the published key set."""
KEEP_DAYS = 30
"""As long as anybody waits for an event whose tickets are given out before it."""

DESCRIPTION = f"""\
Make the next keys that sign tickets and passes. They are accepted and published at once, by every worker
within a second, and sign {SIGNS_IN_SECONDS} s later, since backends keep the key set for some minutes. What
the keys before have signed is accepted for {KEEP_DAYS} days more: nobody loses a place or a pass.
"""
EXAMPLES = """\
examples:
  sadd queue rotate-keys                                  both kinds
  sadd queue rotate-keys --of passes --keep-days 1
  sadd queue rotate-keys --signs-in-seconds 0 --keep-days 0     the secret leaked: whoever has a ticket or a
                                                          pass of the old key loses it now
"""
_OF = {"tickets": ("queue-ticket",), "passes": ("queue-pass",), "both": ROTATED}


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    parser = words.add_parser(
        "rotate-keys",
        help="make the next keys that sign tickets and passes",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    parser.add_argument("--of", choices=sorted(_OF), default="both", help="which keys (default both)")
    parser.add_argument(
        "--signs-in-seconds", type=_whole, default=SIGNS_IN_SECONDS, help=f"default {SIGNS_IN_SECONDS}"
    )
    parser.add_argument(
        "--keep-days",
        type=_whole,
        default=KEEP_DAYS,
        help=f"for older keys; default {KEEP_DAYS}",
    )
    parser.add_argument("--json", action="store_true", help="what was made, as one array")
    parser.set_defaults(run=lambda args, settings: asyncio.run(_rotate(args, settings)))


async def _rotate(args: argparse.Namespace, settings: Settings) -> int:
    now = datetime.now(UTC)
    signs_in, keep = timedelta(seconds=args.signs_in_seconds), timedelta(days=args.keep_days)
    async with database(settings) as pool:
        try:
            done = [
                await rotate(pool, purpose, now=now, signs_in=signs_in, keep=keep, actor=f"cli:{_user()}")
                for purpose in _OF[args.of]
            ]
        except NoSigningKey as none:
            raise Failed(f"sadd queue rotate-keys: {none}") from None
    _tell(done, as_json=args.json)
    return 0


def _tell(done: list[Rotation], *, as_json: bool) -> None:
    if as_json:
        print_json(
            [{**asdict(one), "signs_from": _at(one.signs_from), "retires": _at(one.retires)} for one in done]
        )
        return
    rows = [(one.purpose, one.key_id, _at(one.signs_from), _at(one.retires)) for one in done]
    print_table(("keys of", "id", "signs from", "older ones until"), rows)


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _whole(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 100_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 100,000,000")
    return number


def _user() -> str:
    """Of the operating system, not of the environment, which says what one likes."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's number without a name
        return str(os.getuid())
