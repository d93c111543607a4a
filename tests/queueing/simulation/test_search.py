"""Which outflow keeps a wait: the least that does, found by playing."""

from dataclasses import replace

import pytest

from queueing.policy import Room
from queueing.simulation.crowd import Crowd
from queueing.simulation.run import Patience, Plan, play
from queueing.simulation.search import outflow_for, slots_for
from queueing.simulation.shape import SHAPES

PLAN = Plan(
    Room("r", 1, 1, 60_000, 300_000), Crowd(4_000, 8, SHAPES["opening"], show_rate=0.8, stay_s=60.0), seed=2
)


def test_the_answer_keeps_the_wait_and_five_percent_less_does_not() -> None:
    """95% wait at most five minutes with the outflow found."""
    found = outflow_for(PLAN, 300, 0.95, keep_cap=False)

    assert found.per_minute is not None
    assert found.played.waits.percentile_s(0.95) <= 300
    less = round(found.per_minute * 0.95)
    room = replace(PLAN.room, outflow_per_minute=less, active_cap=slots_for(PLAN, less))
    assert play(replace(PLAN, room=room)).waits.percentile_s(0.95) > 300


def test_slots_that_are_too_few_are_said_to_be() -> None:
    """Twenty slots for 4,000 people: no outflow, and the cap that is to blame."""
    found = outflow_for(replace(PLAN, room=replace(PLAN.room, active_cap=20)), 60, 0.95, keep_cap=True)

    assert found.per_minute is None
    assert found.active_cap == 20
    assert not found.played.finished


def test_slots_are_what_those_inside_take() -> None:
    """600 a minute, 80% come and stay a minute and 8 s on average: 544 and a few to spare."""
    assert slots_for(PLAN, 600) == pytest.approx(544 * 1.15 + 10, abs=1)


def test_a_trial_that_cannot_succeed_any_more_is_broken_off() -> None:
    """Ten slots for 4,000 people: known after minutes, not played for hours."""
    plan = replace(PLAN, room=replace(PLAN.room, outflow_per_minute=1_000, active_cap=10))

    played = play(plan, Patience(60, 0.95))

    assert not played.finished
    assert played.summary.minutes < 10


def test_a_run_within_patience_is_played_to_its_end() -> None:
    """An outflow that keeps the wait is not broken off."""
    plan = replace(PLAN, room=replace(PLAN.room, outflow_per_minute=1_000, active_cap=1_000))

    assert play(plan, Patience(600, 0.95)).finished
