"""The bound on log lines."""

from hypothesis import given
from hypothesis import strategies as st

from sadd.telemetry.budget import LineBudget


def test_what_was_not_said_is_counted() -> None:
    """The first line of the next second says how many were swallowed."""
    budget = LineBudget(2)
    assert [budget.take(0.1), budget.take(0.2), budget.take(0.3), budget.take(0.9)] == [0, 0, None, None]
    assert budget.take(1.0) == 2
    assert budget.take(1.1) == 0


@given(st.lists(st.floats(0, 5), max_size=200).map(sorted))
def test_no_second_has_more_lines_than_the_budget(times: list[float]) -> None:
    """Said and unsaid together are all."""
    budget = LineBudget(3)
    said = [now for now in times if budget.take(now) is not None]
    assert all(sum(int(now) == second for now in said) <= 3 for second in range(6))
