"""Crowds come by a stated shape, each person exactly once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueing.simulation.shape import SHAPES, TICKS_PER_MINUTE, arrivals, points_of


@given(st.sampled_from(sorted(SHAPES)), st.integers(1, 100_000), st.floats(1, 30), st.integers(0, 99))
def test_everybody_comes_once_and_within_the_time(name: str, count: int, minutes: float, seed: int) -> None:
    """All shapes, any number, any length."""
    ticks = arrivals(SHAPES[name], count, minutes, np.random.default_rng(seed))

    assert ticks.sum() == count
    assert ticks.min() >= 0
    assert len(ticks) == max(1, round(minutes * TICKS_PER_MINUTE))


def test_a_shape_of_one_s_own_is_followed() -> None:
    """Nobody in the first half, everybody in the second."""
    ticks = arrivals(points_of("0:0,0.5:0,0.5:1,1:1"), 10_000, 10, np.random.default_rng(1))

    half = len(ticks) // 2
    assert ticks[: half - 1].sum() == 0
    assert ticks[half:].sum() == pytest.approx(10_000, abs=20)


@pytest.mark.parametrize(
    "text", ["", "hill", "0:1", "0:1,1", "0:1,2:1", "0:0,1:0", "0:-1,1:2", "0:nan,1:1", "0.5:1,0:1,1:1"]
)
def test_what_is_no_shape_is_refused_with_what_is(text: str) -> None:
    """The message names the shapes, or what points must be."""
    with pytest.raises(ValueError, match=r"opening|shares rise"):
        points_of(text)
