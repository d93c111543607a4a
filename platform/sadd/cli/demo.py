"""``sadd demo``: a results morning twice, bare and behind the platform, before your eyes."""

import argparse
import shlex
import sys
import time
from typing import TYPE_CHECKING

from loadtests.processes import ProgramFailed, Stage
from loadtests.scenario import Scenario
from sadd.cli.outcome import FAILED, OK, Failed
from sadd.cli.parser import Parser
from sadd.cli.rehearsing import (
    add_play_arguments,
    folder_of,
    require_load,
    scenario_of,
    start_platform,
)
from sadd.settings import Settings

if TYPE_CHECKING:
    from loadtests.morning import Played, Sadd
    from loadtests.report import Written
    from loadtests.show import Show

SCENARIO = "results-day"

DESCRIPTION = """\
Play a results morning twice: the same crowd against a small ministry service, first bare, then behind the
platform (limit, waiting room, cache, session). Ends with a table, a verdict, a report and the URLs to open,
and stays up until Ctrl-C. Everything that it started is gone afterwards.
"""
EXAMPLES = """\
examples:
  sadd demo                    about two minutes, then stays up
  sadd demo --exit             ends by itself; for scripts and CI
  sadd demo --seconds 8        a short one
  sadd demo --scale 8          twice the crowd

exit codes:
  0  the protected run met its objectives
  1  it missed one (named in the last line), or a program of the demo failed
  2  bad usage or configuration
"""


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("demo", description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument("--exit", action="store_true", help="end after the runs instead of staying up")
    add_play_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - args.loaded says more
    from rich.console import Console

    from loadtests.show import Show

    require_load()
    scenario, folder = scenario_of(SCENARIO, args), folder_of(SCENARIO, args)
    show = Show(Console(highlight=False), scenario)
    try:
        with Stage(folder / "logs") as stage:
            return _play(stage, scenario, args, show)
    except ProgramFailed as failed:
        raise Failed(f"sadd demo: {failed}") from None


def _play(stage: Stage, scenario: Scenario, args: argparse.Namespace, show: "Show") -> int:
    from loadtests import morning, report

    show.say(_opening(scenario))
    sadd = start_platform(stage, args.loaded, scenario.agency)
    show.say(f"The platform is up at {sadd.url}")
    played = morning.play_twice(stage, scenario, sadd, stage.logs.parent, args.generators, show)
    written = report.write(stage.logs.parent, scenario, played.runs, shlex.join(["sadd", *sys.argv[1:]]))
    verdict = played.runs[-1].verdict
    show.close(played.runs, written.html)
    if not args.exit:
        show.say(_urls(played, sadd, written, scenario))
        _stay(stage)
    return OK if verdict.met else FAILED


def _opening(scenario: Scenario) -> str:
    return (
        f"{scenario.title}: {scenario.total} citizens in {scenario.arrive_seconds:g} s, at the peak "
        f"{scenario.scale:g} times what the service bears ({scenario.origin.capacity:g} pages a second)"
    )


def _urls(played: "Played", sadd: "Sadd", written: "Written", scenario: Scenario) -> str:
    rows = {
        "report": written.html.as_uri(),
        "the ministry's portal": f"{played.portal}/",
        "API documentation": f"{sadd.url}/docs",
        "metrics": f"{sadd.url}/metrics",
        "the waiting room": f"{sadd.url}/v1/queues/{scenario.service}",
    }
    lines = [f"  {name:22} {url}" for name, url in rows.items()]
    return "\n".join(["", "Open:", *lines, "", "Ctrl-C ends it all."])


def _stay(stage: Stage) -> None:
    try:
        while True:
            time.sleep(1)
            stage.heed()
    except KeyboardInterrupt:
        pass
