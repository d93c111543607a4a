"""The store's benchmark runs from end to end; what it measures in a second means nothing."""

import json

import pytest

from benchmarks import bench_store


def test_it_prints_its_goals_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is one JSON document with the five goals; the cluster's were not measured here."""
    bench_store.main(["--json", "--rounds", "1", "--operations", "600", "--no-cluster"])
    told = json.loads(capsys.readouterr().out)
    goals = {goal["name"]: goal for goal in told["goals"]}
    assert len(goals) == 5
    assert goals["single-key calls against redis-py asyncio"]["measured"] > 0
    assert goals["errors to callers when a cluster's primary is killed"]["met"] is None
