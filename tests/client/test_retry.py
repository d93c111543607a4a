from hypothesis import given
from hypothesis import strategies as st

from sadd_client.retry import LAST_BACKOFF_SECONDS, SAVED_MAX, Budget, backoff_seconds


@given(st.integers(0, 500))
def test_repeats_are_a_tenth_of_the_calls(calls: int) -> None:
    """And ten more at once, which a quiet time has saved."""
    budget, repeats = Budget(), 0
    for _ in range(calls):
        budget.earn()
        while budget.spend():
            repeats += 1
    assert repeats <= SAVED_MAX + calls * 0.1


@given(st.integers(0, 1000), st.floats(0, 1, exclude_max=True))
def test_pauses_are_bounded_and_spread(attempt: int, chance: float) -> None:
    """Anywhere from nothing to a bound, so that clients that failed together come back apart."""
    assert 0 <= backoff_seconds(attempt, chance) <= LAST_BACKOFF_SECONDS
