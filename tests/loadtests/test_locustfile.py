"""The Locust entry, in processes of its own: Locust patches the interpreter that it runs in."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests import rehearsal
from loadtests.processes import Stage
from loadtests.rehearsal import LOCUSTFILE
from loadtests.scenario import Scenario, load

SHORT = {"scale": 1.0, "arrive_seconds": 2.0, "drain_seconds": 8.0}


@pytest.fixture
def scenario() -> Scenario:
    return load("results-day", **SHORT)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path / "logs") as stage:
        yield stage


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_play_the_same_crowd(stage: Stage, scenario: Scenario, tmp_path: Path, workers: int) -> None:
    """One process, or a master with two workers: the same arrivals, and at capacity nobody fails."""
    _, origin = rehearsal.start_origin(stage, scenario)

    run = rehearsal.play(stage, scenario, f"crowd-{workers}", origin, origin, tmp_path, workers)

    assert run.tally.offered == scenario.total
    assert run.tally.arrived[0] == pytest.approx(scenario.rate().integral(1), abs=1)
    assert run.tally.count("failed", "unfinished") == 0
    assert run.tally.steps["result"].count == scenario.total
    assert run.origin is not None
    assert sum(second["arrived"] for second in run.origin["seconds"].values()) >= 3 * scenario.total


def test_nobody_at_home_fails_everybody(stage: Stage, scenario: Scenario, tmp_path: Path) -> None:
    """Refused connections are failures with a name, and the plain Locust run ends with 1."""
    out = tmp_path / "tally.json"
    locust = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]
    crowd = [
        "--host",
        "http://127.0.0.1:9",
        "--scale",
        "0.5",
        "--arrive-seconds",
        "1",
        "--drain-seconds",
        "6",
    ]

    ended = subprocess.run(
        [*locust, *crowd, "--out", str(out)], capture_output=True, text=True, check=False, timeout=60
    )

    assert ended.returncode == 1, ended.stderr
    assert "missed: failed citizens" in ended.stderr
    assert "ConnectionRefusedError" in json.loads(out.read_text())["steps"]["sign_in"]["errors"]
