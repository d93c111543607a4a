"""Policies: exact intervals, and refusal of what could not be exact."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.policy import SAFE_INTEGER, Policy


@given(limit=st.integers(1, 1_000_000), period=st.sampled_from([1, 7, 60, 3600, 86_400, 31_536_000]))
def test_the_interval_is_the_exact_fraction(limit: int, period: int) -> None:
    """Whole and part together are the period over the limit, to the last digit."""
    interval = Policy("p", limit, period, 1).interval
    assert interval.whole_us + Fraction(interval.part, interval.parts) == Fraction(period * 1_000_000, limit)


@pytest.mark.parametrize("period", [1, 60, 86_400, 31_536_000])
def test_a_rate_of_one_million_a_second_has_an_interval(period: int) -> None:
    """The interval of the highest rate is one microsecond, not zero."""
    interval = Policy("p", 1_000_000 * period, period, 1).interval
    assert (interval.whole_us, interval.part) == (1, 0)


@pytest.mark.parametrize(
    ("limit", "period", "burst", "word"),
    [
        (-1, 60, 1, "limit"),
        (1_000_001, 1, 1, "limit"),
        (1, 0, 1, "period_seconds"),
        (1, 367 * 86_400, 1, "period_seconds"),
        (1, 60, 0, "burst"),
        (999_983, 86_400, SAFE_INTEGER // 1000, "not exact"),
        (1, 31_536_000, 11, "ten years"),
    ],
)
def test_a_policy_that_cannot_be_kept_is_refused(limit: int, period: int, burst: int, word: str) -> None:
    """Construction raises ValueError and names what is wrong."""
    with pytest.raises(ValueError, match=word):
        Policy("p", limit, period, burst)


def test_an_id_with_a_brace_is_refused() -> None:
    """It would end the hash tag early and put the keys of one call into different slots."""
    with pytest.raises(ValueError, match="brace"):
        Policy("a}b", 1, 1, 1)
