"""``sadd loadtest list|run``: the load scenarios, against a rehearsal stage or a service of yours."""

import argparse
import ipaddress
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadtests.processes import ProgramFailed, Stage, listens
from loadtests.scenario import Scenario, load, names
from sadd.cli.outcome import FAILED, OK, Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.rehearsing import (
    add_play_arguments,
    folder_of,
    require_load,
    scenario_of,
    start_platform,
)
from sadd.cli.table import print_json, print_table
from sadd.settings import Settings

if TYPE_CHECKING:
    from loadtests.rehearsal import Run
    from loadtests.show import Show

DESCRIPTION = """\
A scenario is a crowd in the shape of a published event, and the objectives that a service must meet under it
(loadtests/scenarios/NAME/, readable files). Without --target the whole stage is set up here: the platform, a
ministry's portal and a service of stated capacity; the crowd comes bare and protected.
"""
EXAMPLES = """\
examples:
  sadd loadtest list
  sadd loadtest run results-day                              bare, then protected, on this machine
  sadd loadtest run results-day --scale 8 --generators 4     twice the crowd, from four Locust workers
  sadd loadtest run results-day --target http://127.0.0.1:8102 --scale 2

exit codes:
  0  all objectives were met
  1  one was missed: it is named
  2  bad usage or configuration
"""


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("loadtest", description=DESCRIPTION, epilog=EXAMPLES)
    words = parser.add_subparsers(dest="loadtest_word", metavar="WORD", required=True)
    listing = words.add_parser("list", help="print the scenarios")
    listing.add_argument("--json", action="store_true", help="one array")
    listing.set_defaults(run=run_list)
    play = words.add_parser("run", help="play one and judge it", epilog=EXAMPLES)
    play.add_argument("scenario", metavar="SCENARIO", help="one of sadd loadtest list")
    play.add_argument(
        "--target", metavar="URL", help="a service that is there already: only the crowd is ours"
    )
    play.add_argument(
        "--allow-remote", action="store_true", help="the target is not this machine, and I may load it"
    )
    add_play_arguments(play)
    play.set_defaults(run=run_play)


def run_list(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every run has both
    scenarios = [load(name) for name in names()]
    if args.json:
        print_json([{"name": one.name, "title": one.title, **one.figures()} for one in scenarios])
    else:
        head = ("name", "citizens", "seconds", "scale", "title")
        print_table(head, [_row(one) for one in scenarios])
    return OK


def _row(one: Scenario) -> tuple[str, ...]:
    return (one.name, str(one.total), f"{one.arrive_seconds:g}", f"{one.scale:g}", one.title)


def run_play(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - args.loaded says more
    from rich.console import Console

    from loadtests.show import Show

    require_load()
    scenario = scenario_of(args.scenario, args)
    target = _target(args)
    folder = folder_of(args.scenario, args)
    show = Show(Console(highlight=False), scenario)
    try:
        with Stage(folder / "logs") as stage:
            runs = _runs(stage, scenario, target, args, show)
        return _close(runs, scenario, folder, show)
    except ProgramFailed as failed:
        raise Failed(f"sadd loadtest: {failed}") from None


def _runs(
    stage: Stage, scenario: Scenario, target: str | None, args: argparse.Namespace, show: "Show"
) -> Sequence["Run"]:
    from loadtests import morning

    out = stage.logs.parent
    if target is not None:
        return [morning.play_target(stage, scenario, target, out, args.generators, show)]
    sadd = start_platform(stage, args.loaded, scenario.agency)
    return morning.play_twice(stage, scenario, sadd, out, args.generators, show).runs


def _close(runs: Sequence["Run"], scenario: Scenario, folder: Path, show: "Show") -> int:
    from loadtests import report

    written = report.write(folder, scenario, runs, shlex.join(["sadd", *sys.argv[1:]]))
    show.close(runs, written.html)
    return OK if runs[-1].verdict.met else FAILED


def _target(args: argparse.Namespace) -> str | None:
    """The URL, if one was given. A crowd is a weapon: elsewhere than here it needs a word more."""
    if args.target is None:
        return None
    parts = urlsplit(args.target)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"sadd loadtest run: --target {args.target!r} is not accepted: http(s)://host[:port]"
        )
    if not args.allow_remote and not _is_here(parts.hostname):
        raise UsageError(
            f"sadd loadtest run: {parts.hostname} is not this machine: --allow-remote if you may"
        )
    if not listens(parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]):
        raise Failed(f"sadd loadtest run: nobody listens at {args.target}")
    return str(args.target).rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
