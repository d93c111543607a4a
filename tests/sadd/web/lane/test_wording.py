"""Answers as bytes."""

import time

import pytest

from sadd.web.lane.wording import Dates, header_lines


def test_fields_become_lines() -> None:
    """One each, in their order."""
    assert header_lines({"A": "1", "B": ""}) == "A: 1\r\nB: \r\n"
    assert header_lines({}) == ""


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\x00b", "a\x7fb"])
def test_a_field_cannot_become_two(value: str) -> None:
    """As aiohttp has it: a fault of ours, not an answer with a stranger's field in it."""
    with pytest.raises(ValueError, match="control character"):
        header_lines({"X-Sadd-Subject": value})


def test_the_date_is_of_this_second() -> None:
    """It is written anew when the second is over."""
    dates = Dates()
    line = dates.renewed(100.0)
    assert line.startswith(b"Date: ")
    assert line.endswith(b" GMT\r\n")
    assert time.strftime("%a, %d %b %Y", time.gmtime()).encode() in line
    assert 100.0 < dates.until <= 101.0
