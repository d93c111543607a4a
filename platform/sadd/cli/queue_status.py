"""``sadd queue status``: how a room does just now, as the platform tells everyone."""

import argparse
from typing import Any

from sadd.cli.outcome import Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.queue_sources import public_status
from sadd.cli.stores import running
from sadd.cli.table import print_json, print_table
from sadd.settings import Settings


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    status = words.add_parser("status", help="print how rooms do just now: waiting, inside, outflow")
    status.add_argument("rooms", metavar="ROOM", nargs="+")
    status.add_argument("--url", help="of a platform; else the one that runs on this data folder")
    status.add_argument("--json", action="store_true", help="one array, as GET /v1/queues/ROOM tells")
    status.set_defaults(run=_status)


def _status(args: argparse.Namespace, settings: Settings) -> int:
    url = args.url or _running(settings)
    found = [(room, public_status(url, room)) for room in args.rooms]
    missing = [room for room, told in found if told is None]
    if missing:
        raise Failed(f"sadd queue status: {url} tells nothing of {', '.join(missing)}")
    told = [one for _, one in found if one is not None]
    if args.json:
        print_json(told)
    else:
        print_table(("room", "state", "waiting", "inside", "a minute", "measured"), map(_row, told))
    return 0


def _running(settings: Settings) -> str:
    platform = running(settings)
    if platform is None:
        raise UsageError("sadd queue status: no platform runs on this data folder; say which by --url")
    return platform.http_url


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    pace = told.get("pace")
    measured = f"{pace['low_per_minute']:,.0f}-{pace['high_per_minute']:,.0f}" if pace else ""
    numbers = (f"{told[name]:,}" for name in ("waiting", "active", "outflow_per_minute"))
    return (told["room"], told["state"], *numbers, measured)
