"""Counts of a crowd."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.histogram import Histogram
from loadtests.progress import Progress, latest, line_of
from loadtests.tally import Tally, from_json, to_json
from tests.loadtests.crowds import CLOCK, tally


@given(st.lists(st.floats(0.1, 60_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_percentiles_are_exact_to_two_per_cent(values: list[float], part: float) -> None:
    """The nearest-rank percentile, within the width of a bucket."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    rank = max(1, -(-len(values) * part // 1))

    assert histogram.percentile(part) == pytest.approx(sorted(values)[int(rank) - 1], rel=0.02)


def test_no_value_has_no_percentile() -> None:
    """An empty histogram answers 0."""
    assert Histogram().percentile(0.99) == 0.0


def test_a_tally_survives_the_wire() -> None:
    """What a worker sends as JSON is what the master counts."""
    met = tally(served_well=3, failed=2)
    met.request("poll", 12.0, error="timeout", refused=True)

    again = from_json(json.loads(json.dumps(to_json(met))))

    assert to_json(again) == to_json(met)


def test_tallies_add_up() -> None:
    """Merged, two workers are one crowd; the busier generator and the earlier clock stand."""
    one, two = tally(served_well=3), tally(failed=2, queued=1)
    two.cpu_share, two.clock = 0.9, CLOCK - 1
    whole = Tally()
    whole.merge(one)
    whole.merge(two)

    assert whole.offered == 6
    assert whole.count("served_well", "failed", "queued") == 6
    assert whole.steps["poll"].count == 6
    assert (whole.cpu_share, whole.clock) == (0.9, CLOCK - 1)


def test_nobody_is_lost_between_outcomes() -> None:
    """Who has no outcome yet is open: in the line, or with a page to come."""
    met = tally(served_well=3)
    met.arrived[9] += 2
    met.line[9] += 1

    now = Progress(**line_of(met, CLOCK + 10))

    assert (now.arrived, now.served_well, now.waiting, now.loading) == (5, 3, 1, 1)


def test_a_half_written_line_is_not_read(tmp_path: Path) -> None:
    """The watcher takes the last whole line, and nothing where there is none."""
    file = tmp_path / "progress.jsonl"
    assert latest(file) == Progress()

    file.write_text(json.dumps(line_of(tally(served_well=1), CLOCK)) + '\n{"at_sec')

    assert latest(file).served_well == 1
