"""The 80% interval holds the truth in 75-85% of cases over recorded runs of many kinds."""

from collections import defaultdict

import numpy as np
import pytest
from numpy.typing import NDArray

from queueing.forecast import Forecast, Line
from queueing.pace import supposed
from queueing.policy import Room
from queueing.simulation.truth import Truth
from tests.queueing.simulation.recorded import TICKS_PER_ROW, recorded_runs

SAMPLE_SECONDS = 10


@pytest.fixture(scope="module")
def judged() -> list[tuple[str, Truth, float]]:
    """Kind of run, what became of the estimates in it, and what the live measure said at the end."""
    return [(kind, *replayed(room, rows)) for kind, room, rows in recorded_runs()]


def replayed(room: Room, rows: NDArray[np.float64]) -> tuple[Truth, float]:
    forecast, truth = Forecast(), Truth(np.random.default_rng(1))
    pace, before = supposed(room), rows[0] * 0
    for second, row in enumerate(rows):
        serving, waiting, active, claimed, allowed, show_rate, halted = row
        truth.called(second * TICKS_PER_ROW, round(serving))
        if halted == 2:  # nobody leads: what was said before stands
            continue
        line = Line(
            now_ms=second * 1000,
            elapsed_ms=1000,
            serving=round(serving),
            waiting=round(waiting),
            active=round(active),
            called=round(serving - before[0]),
            departed=round(claimed - before[3] - (active - before[2])),
            show_rate=show_rate,
        )
        pace = forecast.step(room, allowed, line, paused=halted == 1)
        if second % SAMPLE_SECONDS == 0:
            truth.sample(second * TICKS_PER_ROW, line.serving, line.waiting, pace)
        before = row
    covered = forecast.coverage.covered
    return truth, covered.share if covered else 0.0


def held(truths: list[Truth]) -> float:
    cases = sum(truth.joining.cases + truth.waiting.cases for truth in truths)
    return sum(truth.joining.held + truth.waiting.held for truth in truths) / cases


def test_there_are_twenty_recorded_runs_and_more_with_cases_in_each(
    judged: list[tuple[str, Truth, float]],
) -> None:
    """24 runs of 12 kinds, each with at least 100 estimates that were judged."""
    assert len(judged) >= 20
    assert len({kind for kind, _, _ in judged}) == 12
    assert all(truth.joining.cases + truth.waiting.cases >= 100 for _, truth, _ in judged)


def test_over_all_runs_the_interval_holds_75_to_85_percent(judged: list[tuple[str, Truth, float]]) -> None:
    """The promise of an 80% interval, over all cases of all runs."""
    assert 0.75 <= held([truth for _, truth, _ in judged]) <= 0.85


def test_so_it_does_for_those_who_join_and_for_those_in_line(
    judged: list[tuple[str, Truth, float]],
) -> None:
    """For the first estimate of a visitor and for a later one alike."""
    for tallies in ([t.joining for _, t, _ in judged], [t.waiting for _, t, _ in judged]):
        share = sum(tally.held for tally in tallies) / sum(tally.cases for tally in tallies)
        assert 0.75 <= share <= 0.85


def test_no_kind_of_run_is_left_behind(judged: list[tuple[str, Truth, float]]) -> None:
    """A change of rate or a pause that nobody could know of costs most; more than half hold even then."""
    by_kind: dict[str, list[Truth]] = defaultdict(list)
    for kind, truth, _ in judged:
        by_kind[kind].append(truth)

    assert {kind: share for kind, runs in by_kind.items() if (share := held(runs)) < 0.55} == {}


def test_the_live_measure_is_near_the_truth(judged: list[tuple[str, Truth, float]]) -> None:
    """The room knows no more of its future than it tells: on average it is right within ten points."""
    live = sum(share for _, _, share in judged) / len(judged)

    assert live == pytest.approx(held([truth for _, truth, _ in judged]), abs=0.1)
