"""The client's benchmark runs from end to end; what it measures in a moment means nothing."""

import json

import pytest

from benchmarks import bench_client


def test_it_prints_its_goals_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is one JSON document with the goal and every subject's rate."""
    bench_client.main(["--json", "--rounds", "1", "--calls", "2000"])
    told = json.loads(capsys.readouterr().out)

    assert [goal["name"] for goal in told["goals"]] == ["leased decisions in the SDK, one process"]
    assert all(subject["rate"] > 0 for subject in told["subjects"].values())
    assert len(told["ratios"]) == 3
