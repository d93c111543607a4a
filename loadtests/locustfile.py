"""The Locust entry: ``locust -f loadtests/locustfile.py --host http://127.0.0.1:8101``.

One process, ``--processes N``, or ``--master`` and ``--worker``: the arrivals are split by index, so
the crowd is the same. The number of Locust users does not matter; each process needs one to be awake.
``--out`` writes the tally that ``sadd loadtest`` reads.
"""

# Locust's event hooks are untyped.
# mypy: disable-error-code="untyped-decorator, no-untyped-call"

import json
import logging
import time
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust import User, events, task
from locust.env import Environment
from locust.exception import CatchResponseError
from locust.runners import MasterRunner, WorkerRunner

from loadtests.browser import Answer
from loadtests.crowd import Crowd
from loadtests.objectives import crowd_findings, read_objectives
from loadtests.progress import line_of
from loadtests.scenario import Scenario, load, names
from loadtests.tally import Tally, from_json, to_json

log = logging.getLogger("loadtests.locustfile")

Part = tuple[int, int, float]
"""Which part of how many, and the unix time of second 0."""

START_IN_SECONDS = 1.0
"""Between a master's word and second 0, so that every worker has heard it."""


class Play:
    """One run in this process: the crowd here, and at a master what the workers report."""

    def __init__(self) -> None:
        self.crowd: Crowd | None = None
        self.part: AsyncResult[Part] = AsyncResult()
        self.reported: dict[str, Tally] = {}
        self.finished: set[str] = set()

    def tally(self) -> Tally:
        whole = Tally()
        for part in self.reported.values():
            whole.merge(part)
        if self.crowd is not None:
            whole.merge(self.crowd.snapshot())
        return whole


play = Play()


@events.init_command_line_parser.add_listener
def add_arguments(parser: Any) -> None:
    parser.add_argument("--scenario", default="results-day", choices=names(), help="what is played")
    parser.add_argument("--scale", type=float, default=4.0, help="peak demand / the origin's capacity")
    parser.add_argument("--arrive-seconds", type=float, default=None, help="length of the whole shape")
    parser.add_argument("--drain-seconds", type=float, default=None, help="time for the last to finish")
    parser.add_argument("--seed", type=int, default=None, help="of arrivals and citizens")
    parser.add_argument("--out", default="", include_in_web_ui=False, help="file for the tally (JSON)")
    parser.add_argument("--progress", default="", include_in_web_ui=False, help="file for a line each second")


def _options(environment: Environment) -> Any:
    """Locust's parsed command line; only a library user's environment has none."""
    assert environment.parsed_options is not None
    return environment.parsed_options


def scenario_of(options: Any) -> Scenario:
    def number(name: str) -> float | None:
        value = getattr(options, name)
        return float(value) if value not in (None, "") else None  # the web page sends texts

    seed = number("seed")
    return load(
        options.scenario,
        scale=number("scale"),
        arrive_seconds=number("arrive_seconds"),
        drain_seconds=number("drain_seconds"),
        seed=None if seed is None else int(seed),
    )


class Arrivals(User):
    """Keeps a Locust process awake while the crowd plays; the first one starts it."""

    def on_start(self) -> None:
        crowd = play.crowd
        if crowd is not None and not crowd.tally.clock:
            part = play.part.get()
            if part is not None and not crowd.tally.clock:  # another user may have been first
                crowd.play(*part)

    @task
    def stay(self) -> None:
        gevent.sleep(1)


@events.init.add_listener
def on_init(environment: Environment, **_: Any) -> None:
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        runner.register_message("crowd_part", lambda msg, **_: play.part.set(tuple(msg.data["part"])))
    if isinstance(runner, MasterRunner):
        runner.register_message("crowd_done", lambda msg, **_: play.finished.add(msg.node_id))


@events.test_start.add_listener
def on_test_start(environment: Environment, **_: Any) -> None:
    play.reported.clear()
    play.finished.clear()
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        _deal_parts(runner)
    else:
        scenario = scenario_of(_options(environment))
        play.crowd = Crowd(scenario, environment.host or "", _fire_to(environment))
        if not isinstance(runner, WorkerRunner):
            play.part = AsyncResult()
            play.part.set((0, 1, time.time() + START_IN_SECONDS))
    gevent.spawn(_watch, environment)


def _deal_parts(runner: MasterRunner) -> None:
    workers = runner.clients.ready + runner.clients.running + runner.clients.spawning
    start_at = time.time() + START_IN_SECONDS
    for index, worker in enumerate(workers):
        runner.send_message("crowd_part", {"part": [index, len(workers), start_at]}, worker.id)


def _fire_to(environment: Environment) -> Any:
    """Locust's own statistics, for its web page; ours are in the tally."""

    def fire(method: str, answer: Answer) -> None:
        environment.events.request.fire(
            request_type=method,
            name=answer.step,
            response_time=answer.ms,
            response_length=len(answer.body),
            exception=CatchResponseError(answer.error) if answer.error else None,
            context={},
        )

    return fire


def _watch(environment: Environment) -> None:
    """Writes progress, and ends the run when the crowd is done or its time is up."""
    scenario = scenario_of(_options(environment))
    deadline = time.monotonic() + START_IN_SECONDS + scenario.run_seconds
    while time.monotonic() < deadline and not _all_done(environment):
        gevent.sleep(0.5)
        _write_progress(environment)
    runner = environment.runner
    if runner is None:
        return
    if isinstance(runner, WorkerRunner):
        runner.send_message("crowd_done", {})
    elif environment.web_ui is not None:
        runner.stop()
    else:
        runner.quit()


def _all_done(environment: Environment) -> bool:
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        return len(play.finished) >= max(1, len(runner.clients.running))
    return play.crowd is not None and play.crowd.done.is_set()


def _write_progress(environment: Environment) -> None:
    path = _options(environment).progress
    if path and not isinstance(environment.runner, WorkerRunner):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line_of(play.tally(), time.time())) + "\n")


@events.test_stopping.add_listener
def on_test_stopping(**_: Any) -> None:
    if play.crowd is not None:
        play.crowd.stop()


@events.report_to_master.add_listener
def on_report(data: dict[str, Any], **_: Any) -> None:
    if play.crowd is not None:
        data["tally"] = to_json(play.crowd.snapshot())


@events.worker_report.add_listener
def on_worker_report(client_id: str, data: dict[str, Any], **_: Any) -> None:
    if "tally" in data:
        play.reported[client_id] = from_json(data["tally"])


@events.quitting.add_listener
def on_quitting(environment: Environment, **_: Any) -> None:
    if isinstance(environment.runner, WorkerRunner):
        environment.process_exit_code = 0  # the master judges
        return
    tally = play.tally()
    options = _options(environment)
    if options.out:
        Path(options.out).write_text(json.dumps(to_json(tally)), encoding="utf-8")
    scenario = scenario_of(options)
    findings = crowd_findings(read_objectives(scenario.folder), tally, scenario.total)
    missed = [finding for finding in findings if not finding.met]
    for finding in missed:
        log.warning("missed: %s", finding.sentence)
    environment.process_exit_code = 1 if missed else 0
