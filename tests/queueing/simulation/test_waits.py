"""Waits are counted by the second, and their percentiles are those of the list."""

import statistics

from hypothesis import given
from hypothesis import strategies as st

from queueing.simulation.waits import Waits


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=200), st.floats(0.01, 1))
def test_percentiles_are_those_of_the_sorted_list(waits: list[int], share: float) -> None:
    """Within a share waited at most so long, and fewer than it waited less."""
    counted = Waits()
    for wait in waits:
        counted.add(wait + 0.7, 1)

    within = sum(wait <= counted.percentile_s(share) for wait in waits)
    assert within >= share * len(waits) - 1e-6
    assert sum(wait < counted.percentile_s(share) for wait in waits) < share * len(waits) + 1e-6
    assert abs(counted.mean_s - statistics.fmean(waits)) < 1e-6
    assert counted.longest_s == max(waits)


def test_of_nobody_there_is_no_wait() -> None:
    """Zero, and no division by it."""
    assert (Waits().percentile_s(0.9), Waits().mean_s) == (0, 0.0)
