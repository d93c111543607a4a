"""The buckets of durations."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sadd.telemetry.histogram import BOUNDS_SECONDS, Histogram, bucket


@given(st.integers(0, 10**9))
def test_a_duration_is_in_the_bucket_that_holds_it(microseconds: int) -> None:
    """Below its bucket's bound and not below the bound before it."""
    index, seconds = bucket(microseconds), microseconds / 1e6

    assert index == len(BOUNDS_SECONDS) or seconds < BOUNDS_SECONDS[index]
    assert index == 0 or seconds >= BOUNDS_SECONDS[index - 1]


def test_bounds_grow_by_at_most_one_half() -> None:
    """So a quantile is wrong by at most that, from 0.128 ms to 16.8 s."""
    assert BOUNDS_SECONDS[0] == 128e-6
    assert 16 < BOUNDS_SECONDS[-1] < 17
    ratios = [after / before for before, after in itertools.pairwise(BOUNDS_SECONDS)]
    assert min(ratios) > 1.3
    assert max(ratios) <= 1.5


@given(st.lists(st.floats(0, 1000), max_size=50))
def test_nothing_is_lost(durations: list[float]) -> None:
    """Every duration is in one bucket, and in the sum."""
    histogram = Histogram()
    for seconds in durations:
        histogram.observe(seconds)

    assert sum(histogram.counts) == len(durations)
    assert histogram.sum_seconds == sum(durations)
