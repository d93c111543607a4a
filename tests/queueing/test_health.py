"""The origin's health takes from the outflow quickly and gives back slowly."""

import pytest

from queueing.health import FACTOR_MIN, Health, Vigour

GOOD = Health(100, 0, 40.0)


def heard(vigour: Vigour, seconds: int, health: Health | None, start_s: int = 0) -> float:
    for second in range(start_s, start_s + seconds):
        vigour.step(health, second * 1000)
    return vigour.factor


def test_errors_take_a_third_each_few_seconds_down_to_a_least_share() -> None:
    """30% go at once, the next 30% after 5 s, and 5% always stay."""
    vigour = Vigour()

    assert heard(vigour, 1, Health(80, 20, 40.0)) == pytest.approx(0.7)
    assert heard(vigour, 4, Health(80, 20, 40.0), 1) == pytest.approx(0.7)
    assert heard(vigour, 600, Health(80, 20, 40.0), 5) == FACTOR_MIN


def test_good_news_give_it_back_in_a_minute() -> None:
    """2% of the outflow a second: 10 s bring back a fifth, 48 s all of it."""
    assert heard(Vigour(FACTOR_MIN), 60, GOOD) == 1.0
    assert 0.05 < heard(Vigour(FACTOR_MIN), 10, GOOD) < 0.4


def test_a_latency_twice_the_usual_counts_as_unwell() -> None:
    """300 ms where 40 ms are usual take 30%."""
    vigour = Vigour()
    heard(vigour, 60, GOOD)

    assert heard(vigour, 1, Health(100, 0, 300.0), 60) == pytest.approx(0.7)


def test_a_latency_that_creeps_up_does_not_become_the_usual_one_within_minutes() -> None:
    """20 ms more each minute: after ten minutes the outflow is less."""
    vigour = Vigour()
    heard(vigour, 60, GOOD)
    for minute in range(10):
        heard(vigour, 60, Health(100, 0, 40.0 + 20 * minute), 60 + 60 * minute)

    assert vigour.factor < 1.0


def test_a_faster_origin_sets_the_usual_latency_at_once() -> None:
    """400 ms, then 40 ms: 40 ms are usual."""
    vigour = Vigour()
    heard(vigour, 10, Health(100, 0, 400.0))
    heard(vigour, 2, GOOD, 10)

    assert vigour.usual_ms == 40.0


def test_few_answers_are_taken_together_until_they_say_something() -> None:
    """One failure of three is no failure rate; a third of thirty is."""
    vigour = Vigour()

    assert heard(vigour, 6, Health(2, 1, 40.0)) == 1.0
    assert heard(vigour, 1, Health(2, 1, 40.0), 6) == pytest.approx(0.7)


def test_silence_changes_nothing_at_first_and_is_good_news_later() -> None:
    """For 30 s nothing is concluded from it; then the outflow comes back."""
    vigour = Vigour()
    heard(vigour, 1, Health(50, 50, 40.0))

    assert heard(vigour, 25, None, 1) == pytest.approx(0.7)
    assert heard(vigour, 60, None, 26) == 1.0


def test_a_clock_that_goes_back_raises_nothing() -> None:
    """50 s back are no time that passed."""
    vigour = Vigour(0.5)
    vigour.step(GOOD, 100_000)
    vigour.step(GOOD, 50_000)

    assert vigour.factor <= 0.52
