"""The pace is measured, follows what is known at once, and says when nobody is called."""

import pytest

from queueing.forecast import Forecast, Line
from queueing.pace import Pace
from queueing.policy import Room

ROOM = Room("r", 600, 1_000, 120_000, 600_000)


def play(
    forecast: Forecast,
    seconds: int,
    *,
    calls: int,
    allowed: float = 600.0,
    active: int = 200,
    departed: int = 10,
    paused: bool = False,
    start: tuple[int, int] = (0, 0),
) -> Pace:
    """So many calls a second, from (second, serving) on."""
    pace = None
    for second in range(1, seconds + 1):
        line = Line(
            now_ms=(start[0] + second) * 1000,
            elapsed_ms=1000,
            serving=start[1] + second * calls,
            waiting=100_000,
            active=active,
            called=calls,
            departed=departed,
            show_rate=1.0,
        )
        pace = forecast.step(ROOM, allowed, line, paused=paused)
    assert pace is not None
    return pace


def test_where_only_the_outflow_bounds_a_new_rate_shows_at_once() -> None:
    """The step after a change to 1,200 a minute says 1,200."""
    forecast = Forecast()
    play(forecast, 120, calls=10)

    pace = play(forecast, 1, calls=10, allowed=1_200, start=(120, 1_200))

    assert pace.per_minute == 1_200


def test_where_slots_bound_it_is_what_was_called_lately() -> None:
    """240 a minute were called of 600 allowed: 240 it is."""
    assert play(Forecast(), 300, calls=4).per_minute == pytest.approx(240, rel=0.01)


def test_a_room_that_fills_is_told_what_will_leave_it_once_full() -> None:
    """Each minute a fifth of those inside leave: 1,000 slots will let in 200 a minute, not 600."""
    pace = play(Forecast(), 60, calls=10, active=300, departed=1)

    assert pace.per_minute == pytest.approx(200, rel=0.05)


def test_while_paused_it_says_so_and_remembers_the_pace() -> None:
    """Ten minutes without a call do not make the line slower."""
    forecast = Forecast()
    before = play(forecast, 120, calls=4)

    pace = play(forecast, 600, calls=0, paused=True, start=(120, 480))

    assert pace.paused
    assert pace.per_minute == pytest.approx(before.per_minute)


def test_for_the_first_seconds_the_settings_speak() -> None:
    """Five seconds of a line measure nothing, thirty do."""
    assert play(Forecast(), 5, calls=10).spread == ()
    assert play(Forecast(), 30, calls=10).spread != ()


def test_the_estimates_of_a_steady_line_hold() -> None:
    """Over half an hour of even calls nine of ten come true at least."""
    forecast = Forecast()
    play(forecast, 1_800, calls=10)

    covered = forecast.coverage.covered
    assert covered is not None
    assert covered.cases > 50
    assert covered.share > 0.9
