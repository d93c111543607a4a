"""RFC 9110, section 5.6.7: dates have three forms, and nothing else is one."""

import pytest

from cache.rfc9111.dates import date_ms, date_text
from tests.cache.rfc9111.messages import NOW_MS

MOMENT = 784_111_777_000


@pytest.mark.parametrize(
    "text",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_the_three_forms_mean_the_same_moment(text: str) -> None:
    """A recipient reads all three."""
    assert date_ms(text.encode(), NOW_MS) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        *("0", "-1", "", "now", "Thu, 18 Aug 2050 02:01:18 UTC", "Thu, 18 Aug 2050 2:01:18 GMT"),
        *("Thu, 18 Aug 2050 02.01.18 GMT", "Thu 18 Aug 2050 02:01:18 GMT", "Thu, 18 Aug 50 02:01:18 GMT"),
        *(
            "Thu, 18  Aug  2050 02:01:18 GMT",
            "Thu, 18-Aug-2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02:01:18 gMT",
        ),
        *("Thu, 18 AUG 2050 02:01:18 GMT", "Thu, 31 Feb 2050 02:01:18 GMT", "Thu, 18 Aug 2050 25:01:18 GMT"),
        "Thu, 18 Aug 2050 02:01:18 GMT\x00",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    """Whoever guesses what was meant makes something fresh that is not."""
    assert date_ms(text.encode(), NOW_MS) is None


@pytest.mark.parametrize(
    ("year", "full"), [("26", 2026), ("75", 2075), ("77", 1977), ("94", 1994), ("00", 2000)]
)
def test_a_year_of_two_digits_is_at_most_fifty_years_ahead(year: str, full: int) -> None:
    """Beyond that it is the past."""
    short = date_ms(f"Sunday, 06-Nov-{year} 08:49:37 GMT".encode(), NOW_MS)
    assert short == date_ms(f"Sun, 06 Nov {full} 08:49:37 GMT".encode(), NOW_MS)


def test_a_leap_second_is_a_second() -> None:
    """23:59:60 was a moment, and a field with it is a date."""
    assert date_ms(b"Sat, 31 Dec 2016 23:59:60 GMT", NOW_MS) is not None


def test_what_is_written_is_read_back() -> None:
    """The form that is sent is the preferred one."""
    assert date_text(MOMENT) == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert date_ms(date_text(NOW_MS), NOW_MS) == NOW_MS
