"""The show rate is measured by numbers whose window is over."""

import random

import pytest

from queueing.show_rate import PRIOR_SHOW_RATE, SHOW_RATE_MIN, ShowRate


def test_before_anything_is_known_most_are_expected_to_come() -> None:
    """Nine of ten: a room that opens does not call far ahead."""
    assert ShowRate().share == pytest.approx(PRIOR_SHOW_RATE)


@pytest.mark.parametrize("rate", [0.3, 0.7, 0.95])
def test_it_finds_the_rate_and_follows_it(rate: float) -> None:
    """After a rate of a half, 5,000 numbers of another rate are enough."""
    draw = random.Random(1)
    showing = ShowRate()
    for _ in range(300):
        showing.note(10, sum(draw.random() > 0.5 for _ in range(10)), 0)
    for _ in range(500):
        showing.note(10, sum(draw.random() > rate for _ in range(10)), 0)

    assert showing.share == pytest.approx(rate, abs=0.05)


def test_who_gives_up_does_not_come_but_is_not_silent() -> None:
    """Whoever left has freed his turn: only the silent hold one for a whole window."""
    showing = ShowRate()
    for _ in range(1_000):
        showing.note(10, 2, 3)

    assert showing.share == pytest.approx(0.5, abs=0.02)
    assert showing.silent == pytest.approx(0.2, abs=0.02)


def test_it_is_never_thought_lower_than_a_least_share() -> None:
    """If nobody comes, a fifth is still reckoned with."""
    showing = ShowRate()
    showing.note(100_000, 100_000, 0)

    assert showing.share == SHOW_RATE_MIN


def test_more_missed_than_were_settled_counts_as_all_of_them() -> None:
    """A second chance that is missed belongs to a number that was settled long ago."""
    showing = ShowRate()
    showing.note(10, 15, 5)

    assert 0 < showing.share < 1
