"""Cache-Control in, times out."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.policy import DEFAULT, TTL_MS_MAX, NotStorable, Times, times


@pytest.mark.parametrize(
    ("field", "soft_s", "hard_s"),
    [
        ("max-age=60", 60, 60),
        ("Max-Age=60", 60, 60),
        ("max-age=60, s-maxage=5", 5, 5),
        ("s-maxage=5, max-age=60", 5, 5),
        ("public, max-age=60", 60, 60),
        ('max-age="60"', 60, 60),
        ("max-age=60,stale-while-revalidate=30", 60, 90),
        ("stale-while-revalidate=30", 300, 330),
        ("max-age=60, max-age=10", 60, 60),
        ("", 300, 300),
        ("public", 300, 300),
        ('ext="a, b=c", max-age=7', 7, 7),
        ("max-age=9999999999", TTL_MS_MAX // 1000, TTL_MS_MAX // 1000),
    ],
)
def test_times_come_from_the_field(field: str, soft_s: int, hard_s: int) -> None:
    """s-maxage before max-age, the first of two alike, stale time on top, the bound on all."""
    assert times(field) == Times(soft_s * 1000, hard_s * 1000)


@pytest.mark.parametrize(
    "field",
    [
        "no-store",
        "NO-STORE",
        "max-age=60, no-store",
        "private",
        "no-cache",
        "max-age=0",
        "s-maxage=0, max-age=9",
    ],
)
def test_what_must_not_be_kept_is_not(field: str) -> None:
    """The asker is told, not obeyed in silence."""
    with pytest.raises(NotStorable):
        times(field)


@pytest.mark.parametrize(
    "field", ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=٣", "=5", 'a="b', ";"]
)
def test_a_broken_field_is_refused(field: str) -> None:
    """No guess is made about what was meant."""
    with pytest.raises(ValueError):
        times(field)


@given(st.text(max_size=60))
def test_any_text_gives_times_or_a_refusal(field: str) -> None:
    """Nothing else comes out, however odd the field."""
    with suppress(ValueError, NotStorable):
        assert 0 < times(field).soft_ms <= TTL_MS_MAX


def test_times_of_a_class() -> None:
    """A class of the catalogue is the default for its service's namespace."""
    assert times("", Times.of_seconds(60, 30)) == Times(60_000, 90_000)
    assert times("public") == DEFAULT
