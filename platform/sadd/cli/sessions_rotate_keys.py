"""``sadd sessions rotate-keys``: the next keys of sessions, while everything runs."""

import argparse
import asyncio
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from sadd.cli.outcome import Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.sessions_sources import GROUP, actor
from sadd.cli.stores import database
from sadd.cli.table import print_json, print_table
from sadd.session.policy import ABSOLUTE_MS_MAX
from sadd.settings import Settings
from sadd.signing import LOGOUT_TOKENS, ROTATED_OF_SESSIONS, NoSigningKey, Rotation, rotate

SIGNS_IN_SECONDS = 600
"""Twice as long as anybody may keep the published key set."""
DAYS_MIN = ABSOLUTE_MS_MAX // 86_400_000 + 1
"""A day longer than any session lives."""

_OF = {
    "pepper": ("session-pepper",),
    "seal": ("seal",),
    "logout-tokens": (LOGOUT_TOKENS,),
    "all": (*ROTATED_OF_SESSIONS, LOGOUT_TOKENS),
}
DESCRIPTION = f"""\
Make the next pepper of session ids, the next key that seals what is at rest, and the next key that signs
logout tokens. Every worker knows them within a second; they are used {SIGNS_IN_SECONDS} s later. The older
ones go on to find, open and verify for {DAYS_MIN} days, longer than any session lives: nobody is signed out.
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    one = words.add_parser(
        "rotate-keys", help="make the next keys; nobody is signed out", description=DESCRIPTION
    )
    one.add_argument("--of", choices=sorted(_OF), default="all", help="which keys (default all)")
    one.add_argument(
        "--signs-in-seconds", type=_whole, default=SIGNS_IN_SECONDS, help=f"default {SIGNS_IN_SECONDS}"
    )
    one.add_argument("--keep-days", type=_whole, default=DAYS_MIN, help=f"for older keys; default {DAYS_MIN}")
    one.add_argument("--by", help="for people: who; else the user that runs this command")
    one.add_argument("--json", action="store_true", help="what was made, as one array")
    one.set_defaults(run=lambda args, settings: asyncio.run(_rotate(args, settings)))


async def _rotate(args: argparse.Namespace, settings: Settings) -> int:
    purposes = _OF[args.of]
    if args.keep_days < DAYS_MIN and purposes != (LOGOUT_TOKENS,):
        told = (
            f"with less than {DAYS_MIN} days people would be signed out: sadd sessions revoke-all does that"
        )
        raise UsageError(f"{GROUP} rotate-keys: {told}")
    now, by = datetime.now(UTC), actor(args.by)
    signs_in, keep = timedelta(seconds=args.signs_in_seconds), timedelta(days=args.keep_days)
    async with database(settings) as pool:
        try:
            done = [
                await rotate(pool, purpose, now=now, signs_in=signs_in, keep=keep, actor=by)
                for purpose in purposes
            ]
        except NoSigningKey as none:
            raise Failed(f"{GROUP} rotate-keys: {none}") from None
    _tell(done, as_json=args.json)
    return 0


def _tell(done: list[Rotation], *, as_json: bool) -> None:
    if as_json:
        times = [{"signs_from": _at(one.signs_from), "retires": _at(one.retires)} for one in done]
        print_json([{**asdict(one), **told} for one, told in zip(done, times, strict=True)])
        return
    rows = [(one.purpose, one.key_id, _at(one.signs_from), _at(one.retires)) for one in done]
    print_table(("key of", "id", "used from", "older until"), rows)


def _at(when: datetime) -> str:
    return when.isoformat(timespec="seconds")


def _whole(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else -1
    if not 0 <= number <= 100_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 100,000,000")
    return number
