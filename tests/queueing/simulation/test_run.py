"""A played day: the same each time, nobody lost, the cap held, the slots busy, the outflow even."""

import tracemalloc
from dataclasses import asdict

import pytest

from queueing.policy import Room
from queueing.simulation.crowd import Crowd
from queueing.simulation.record import ROWS_MAX
from queueing.simulation.run import Plan, Played, play
from queueing.simulation.shape import SHAPES
from queueing.simulation.trouble import trouble_of


def played(
    count: int,
    minutes: float,
    *troubles: str,
    outflow: int = 600,
    cap: int = 1_000_000,
    shows: float = 0.9,
    react_s: float = 8.0,
    stay_s: float = 120.0,
    stock: int | None = None,
    shape: str = "level",
) -> Played:
    room = Room("r", outflow, cap, 60_000, 300_000, stock=stock)
    crowd = Crowd(count, minutes, SHAPES[shape], shows, react_s, stay_s)
    return play(Plan(room, crowd, tuple(trouble_of(text) for text in troubles), seed=3))


def test_the_same_plan_and_seed_give_the_same_run() -> None:
    """But for the time it took to compute."""
    one, other = (asdict(played(3_000, 5, "pause:2:1").summary) for _ in range(2))

    assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_everybody_is_let_in_or_never_came() -> None:
    """Through a pause, a lost leader, a store away and an unwell origin: nobody else is missing."""
    summary = played(
        6_000, 10, "pause:2:1", "leader:4:0.05", "store:5:0.5", "origin:7:1:0.3", shape="opening"
    ).summary

    assert summary.arrived == 6_000
    assert summary.let_in + summary.never_came == 6_000
    assert summary.still_waiting == 0
    assert 0.87 <= summary.let_in / 6_000 <= 0.93


@pytest.mark.parametrize(("cap", "react_s"), [(20, 8.0), (100, 25.0), (1_000, 8.0)])
def test_with_three_of_ten_not_coming_the_slots_are_95_percent_busy_and_the_cap_holds(
    cap: int, react_s: float
) -> None:
    """From the moment when the room was first full until the line is empty."""
    summary = played(cap * 25, 20, outflow=cap * 3, cap=cap, shows=0.7, react_s=react_s).summary

    assert summary.active_max == cap
    assert summary.busy_share is not None
    assert summary.busy_share >= 0.95


def test_of_those_called_few_stand_at_the_door() -> None:
    """Calling ahead keeps slots busy without a second line: fewer than 3% of the slots wait there."""
    rows = played(20_000, 30, outflow=3_000, cap=1_000, shows=0.7).rows
    steady = [row.at_door for row in rows if 8 < row.minute < 30]

    assert sum(steady) / len(steady) < 30


def test_any_minute_s_outflow_is_within_two_percent_of_the_target() -> None:
    """Before and after a pause, a change of rate, and a leader that was lost for three seconds."""
    summary = played(12_000, 10, "pause:2:1", "leader:4:0.05", "outflow:6:900", shape="opening").summary

    assert summary.outflow_least is not None
    assert summary.outflow_most is not None
    assert summary.outflow_least >= 0.98
    assert summary.outflow_most <= 1.02


def test_a_pause_adds_its_own_length_to_the_wait_and_no_more() -> None:
    """Nobody loses the place: who would have waited 10 minutes at most waits 12."""
    without, with_pause = played(12_000, 10), played(12_000, 10, "pause:5:2")

    longer = with_pause.summary.wait_max_s - without.summary.wait_max_s
    assert longer == pytest.approx(120, abs=5)


def test_no_more_than_the_stock_is_let_in() -> None:
    """And the rest is not called in vain: no more than were expected to take what was left."""
    summary = played(4_000, 5, outflow=1_200, stock=1_000).summary

    assert summary.let_in == 1_000
    assert summary.still_waiting > 2_500


def test_an_unwell_origin_gets_fewer() -> None:
    """30% of errors for two minutes: below 30% of the outflow, and all of it in the end."""
    rows = played(8_000, 10, "origin:3:2:0.3", shape="opening").rows

    assert min(row.factor for row in rows if 3 < row.minute < 5.2) < 0.3
    assert rows[-1].factor == 1.0


def test_where_nobody_waits_everybody_goes_in_at_once() -> None:
    """30 a minute where 600 may: the first answer is the pass, so nobody fails to show."""
    summary = played(300, 10, shows=0.5).summary

    assert summary.wait_max_s <= 1
    assert summary.let_in >= 295


def test_memory_does_not_grow_with_the_crowd() -> None:
    """Two million people in less than 40 MiB."""
    tracemalloc.start()
    try:
        played(2_000_000, 15, outflow=200_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 40 * 2**20


def test_rows_are_bounded_however_long_the_day() -> None:
    """Over two hours of it are at most 720 rows, and none of the calls is lost."""
    result = played(2_000, 10, outflow=14)

    assert result.summary.minutes > 125
    assert len(result.rows) <= ROWS_MAX
    assert sum(row.called for row in result.rows) == pytest.approx(2_000, abs=30)
