"""Arrival times from a shape."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.arrivals import Shape, arrivals, curve, share
from loadtests.scenario import load

FLAT = Shape("flat", "none", "people", "no", (1.0,), 0.0)


def shape(*per_hour: float, step_seconds: float = 60.0) -> Shape:
    return Shape("a morning", "a test", "people", "no", per_hour, step_seconds)


def test_every_second_gets_its_share_of_the_shape() -> None:
    """Arrivals in each second differ from the integral of the rate by less than two."""
    scenario = load("results-day", scale=40.0)
    rate = scenario.rate()
    times = arrivals(rate, seed=1)

    for second in range(int(scenario.arrive_seconds)):
        came = sum(second <= at < second + 1 for at in times)
        assert came == pytest.approx(rate.integral(second + 1) - rate.integral(second), abs=2)


def test_all_come_in_order_and_in_time() -> None:
    """As many as were asked for, rising, within the length of the shape."""
    scenario = load("results-day")
    times = arrivals(scenario.rate(), scenario.seed)

    assert len(times) == scenario.total
    assert all(a <= b for a, b in pairwise(times))
    assert times[0] >= 0
    assert times[-1] <= scenario.arrive_seconds


def test_a_seed_is_a_crowd() -> None:
    """The same seed gives the same times, another one others."""
    rate = curve(shape(3, 1), 50, 10)

    assert arrivals(rate, 7) == arrivals(rate, 7)
    assert arrivals(rate, 7) != arrivals(rate, 8)


@given(count=st.integers(1, 9), total=st.integers(0, 100))
def test_workers_share_the_whole_and_nothing_twice(count: int, total: int) -> None:
    """The parts of all workers together are the set of one process."""
    whole = list(range(total))

    parts = [share(whole, index, count) for index in range(count)]

    assert sorted(number for part in parts for number in part) == whole


@given(
    per_hour=st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any),
    step=st.sampled_from([0.0, 60.0, 1800.0]),
    part=st.floats(0, 1),
)
def test_inverse_undoes_the_integral(per_hour: list[int], step: float, part: float) -> None:
    """integral(inverse(n)) is n, whatever the shape."""
    rate = curve(shape(*per_hour, step_seconds=step), 500, 30)

    assert rate.integral(rate.inverse(part * rate.total)) == pytest.approx(part * 500, abs=1e-5)


def test_the_first_minute_is_a_ramp() -> None:
    """In the step of the shape half as many come as in the same time after it."""
    rate = curve(shape(1, step_seconds=360), 950, 3600)

    assert rate.integral(360) == pytest.approx(rate.integral(720) / 3)


def test_without_a_step_the_rate_is_there_at_once() -> None:
    """A shape with step 0 starts at its full rate."""
    assert curve(FLAT, 100, 10).integral(1) == pytest.approx(10)


@pytest.mark.parametrize("figures", [(), (0.0, 0.0), (1.0, -1.0)])
def test_a_shape_without_a_crowd_is_refused(figures: tuple[float, ...]) -> None:
    """No figures, only zeros, or a negative one."""
    with pytest.raises(ValueError, match="per_hour"):
        shape(*figures)


def test_a_worker_that_there_is_not_is_refused() -> None:
    """Worker 2 of 2 counts from 0 and does not exist."""
    with pytest.raises(ValueError, match="worker 2 of 2"):
        share([1, 2], 2, 2)
