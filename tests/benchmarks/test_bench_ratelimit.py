"""The limiter's benchmark end to end, our own servers only; what it measures in a second means nothing."""

import json
from pathlib import Path

import pytest

from benchmarks import bench_ratelimit, bench_ratelimit_store
from benchmarks.bench_ratelimit_goals import LANE

WORDS = ["--json", "--only-ours", "--only", f"={LANE}", "--quick", "--rounds", "1"]


@pytest.mark.timeout(180)
def test_it_prints_its_goals_as_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Standard output is one JSON document; a subject has a rate, an interval, and its processes' times."""
    monkeypatch.setattr(bench_ratelimit_store, "LIVE_KEYS", 2 * bench_ratelimit_store.BATCH)
    picture = tmp_path / "rates.svg"
    bench_ratelimit.main([*WORDS, "--plot", str(picture)])
    told = json.loads(capsys.readouterr().out)
    assert {tuple(sorted(goal)) for goal in told["goals"]} == {("goal", "measured", "met", "name", "unit")}
    lane = told["subjects"][LANE]
    assert lane["rate"]["low"] <= lane["rate"]["median"] <= lane["rate"]["high"]
    assert lane["failed"] == 0
    assert {"generator", "server", "store"} <= set(lane["cpu_us"])
    assert picture.read_text().startswith("<?xml")
