"""Plays a scenario: the same crowd bare and behind Sadd, and what came of each.

Everything runs as a process of its own: the origin, the portal, and the crowd (one Locust process,
or a master with workers). This one only watches.
"""

import json
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests import progress
from loadtests.objectives import Verdict, judge, read_objectives
from loadtests.processes import Program, Stage, answers, fetch, free_port
from loadtests.progress import Progress
from loadtests.scenario import Scenario
from loadtests.tally import Tally, from_json

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
LOOK_EVERY_SECONDS = 0.5
READY_SECONDS = 20.0
OVERTIME_SECONDS = 30.0
"""For a crowd to end after its scenario's time, before it is given up."""


@dataclass(frozen=True, slots=True)
class Run:
    """One playing and its judgement. ``origin`` is its last ``/stats``; None when it was not ours to ask."""

    name: str
    home: str
    command: str
    seconds: float
    tally: Tally
    origin: Mapping[str, Any] | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Now:
    """A glance at a run while it lasts; ``origin_rate`` is arrivals in the origin's last whole second."""

    progress: Progress
    origin_rate: int = 0
    origin_queue: int = 0


Watch = Callable[[str, Now], None]


def start_origin(stage: Stage, scenario: Scenario) -> tuple[Program, str]:
    """The scenario's origin on a free port: the program, and its URL."""
    port, figures = free_port(), scenario.origin
    program = stage.start(
        "origin",
        [
            *_module("loadtests.origin"),
            *("--port", str(port), "--workers", str(figures.workers)),
            *("--service-ms", f"{figures.service_ms:g}", "--spread", f"{figures.spread:g}"),
            *("--static-share", f"{figures.static_share:g}"),
            *("--overload-loss", f"{figures.overload_loss:g}", "--seed", str(scenario.seed)),
        ],
    )
    return program, _ready(stage, program, port)


def start_portal(
    stage: Stage, scenario: Scenario, origin: str, sadd: str, key_file: Path
) -> tuple[Program, str]:
    """The ministry's front before that origin: the program, and its URL."""
    port = free_port()
    program = stage.start(
        "portal",
        [
            *_module("loadtests.portal"),
            *("--port", str(port), "--origin", origin, "--sadd", sadd, "--key-file", str(key_file)),
            *("--service", scenario.service, "--workers", str(scenario.origin.workers)),
            *("--pages-per-second", f"{scenario.origin.capacity:g}"),
        ],
    )
    return program, _ready(stage, program, port)


def play(
    stage: Stage,
    scenario: Scenario,
    name: str,
    home: str,
    origin: str | None,
    out: Path,
    workers: int = 0,
    watch: Watch = lambda _name, _now: None,
) -> Run:
    """The crowd against ``home``, to its end. ``workers`` 0 is one process, else a master and so many."""
    files = out / f"{name}.tally.json", out / f"{name}.progress.jsonl"
    command = _crowd_command(scenario, home, *files)
    begun = time.monotonic()
    crowd = _start_crowd(stage, name, command, workers)
    deadline = begun + scenario.run_seconds + OVERTIME_SECONDS
    while crowd[0].running and time.monotonic() < deadline:
        watch(name, _glance(files[1], origin))
        time.sleep(LOOK_EVERY_SECONDS)
        _heed(stage, crowd)
    watch(name, _glance(files[1], origin))
    if not files[0].exists():
        raise crowd[0].failed("left no tally")
    for program in crowd:
        stage.stop(program)
    stage.heed()
    tally = from_json(json.loads(files[0].read_text(encoding="utf-8")))
    seen = None if origin is None else origin_stats(origin)
    verdict = judge(read_objectives(scenario.folder), tally, seen, expected=scenario.total)
    return Run(name, home, shlex.join(command), time.monotonic() - begun, tally, seen, verdict)


def _heed(stage: Stage, crowd: list[Program]) -> None:
    """As ``Stage.heed``; but a crowd may end, for that is how a run does."""
    if all(program.running for program in crowd):
        stage.heed()


def origin_stats(origin: str) -> dict[str, Any]:
    stats = json.loads(fetch(f"{origin}/stats"))
    assert isinstance(stats, dict)
    return stats


def _start_crowd(stage: Stage, name: str, command: list[str], workers: int) -> list[Program]:
    """The process that decides comes first in the list."""
    if not workers:
        return [stage.start(f"crowd-{name}", command)]
    port = str(free_port())
    master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    spread = ["--expect-workers", str(workers), "--users", str(workers), "--spawn-rate", str(workers)]
    worker = [*_module("locust"), "-f", str(LOCUSTFILE), "--worker", "--master-port", port]
    first = stage.start(f"crowd-{name}", [*command, *master, *spread])
    return [first, *(stage.start(f"crowd-{name}-worker-{i + 1}", worker) for i in range(workers))]


def _crowd_command(scenario: Scenario, home: str, tally: Path, progress_file: Path) -> list[str]:
    return [
        *_module("locust"),
        *("-f", str(LOCUSTFILE), "--headless", "--only-summary", "--host", home),
        *("--scenario", scenario.name, "--scale", f"{scenario.scale:g}", "--seed", str(scenario.seed)),
        *("--arrive-seconds", f"{scenario.arrive_seconds:g}"),
        *("--drain-seconds", f"{scenario.drain_seconds:g}"),
        *("--out", str(tally), "--progress", str(progress_file)),
    ]


def _glance(progress_file: Path, origin: str | None) -> Now:
    so_far = progress.latest(progress_file)
    if origin is None:
        return Now(so_far)
    try:
        stats = origin_stats(origin)
    except (OSError, ValueError):  # a glance may fail, the last look may not
        return Now(so_far)
    second = stats["seconds"].get(str(int(time.time()) - 1), {})
    return Now(so_far, second.get("arrived", 0), stats["queue"])


def _ready(stage: Stage, program: Program, port: int) -> str:
    url = f"http://127.0.0.1:{port}"
    stage.wait_until(lambda: answers(f"{url}/stats"), program, READY_SECONDS)
    return url


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]
