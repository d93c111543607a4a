from datetime import date
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd_client.caching.calls import KEY
from sadd_client.caching.recipe import Names, codec_of

VALUES = st.one_of(st.text(max_size=80), st.integers(), st.none(), st.dates())


def page(year: Any, seat: Any = 1) -> bytes:
    return b""


class Level(Enum):
    HIGH = "high school"


@given(VALUES, VALUES, VALUES, VALUES)
def test_two_calls_have_one_key_only_if_they_read_alike(a: object, b: object, c: object, d: object) -> None:
    """No value can pretend to be another place of the template: nobody gets another's page."""
    names = Names(page, "page:{year}:{seat}", ())
    one, other = names.of(a, b)[0], names.of(c, d)[0]

    assert (one == other) == (_read(a) == _read(c) and _read(b) == _read(d))
    assert KEY.fullmatch(one)


def _read(value: object) -> object:
    return None if value is None else value.isoformat() if isinstance(value, date) else str(value)


def test_keys_and_tags_name_parameters() -> None:
    """By place, by name or by default, and enumerations by their value."""
    names = Names(page, "page:{year}:{seat}", ("year:{year}",))

    assert names.of(2026, "12") == ("page:2026:12", ("year:2026",))
    assert names.of(seat="12", year=2026) == names.of(2026, "12")
    assert names.of(Level.HIGH)[0] == "page:high~20school:1"


def test_what_has_no_name_is_refused() -> None:
    """An object's repr has its address in it, or all of a citizen's record: never a key."""
    with pytest.raises(TypeError, match="dict"):
        Names(page, "{year}", ()).of({"a": 1})


@pytest.mark.parametrize("template", ["{other}", "{year!r}", "{year:>8}", "{year.real}", "{}"])
def test_templates_are_checked_at_once(template: str) -> None:
    """When the function is decorated, not on the morning of the results."""
    with pytest.raises(ValueError, match="no parameter"):
        Names(page, template, ())


@pytest.mark.parametrize(
    ("name", "value"), [("bytes", b"\0\xff"), ("text", "نتيجة"), ("json", {"a": [1, None, "نتيجة"]})]
)
def test_results_come_back(name: Any, value: object) -> None:
    """As they were."""
    codec = codec_of(name)
    assert codec.decode(codec.encode(value)) == value


def test_an_unknown_codec_is_refused() -> None:
    """And a function that returns something else than it says fails rather than keep it."""
    with pytest.raises(ValueError, match="one of bytes, text, json"):
        codec_of("pickle")  # type: ignore[arg-type]  # that it is none is the point
    with pytest.raises(TypeError, match="str, not bytes"):
        codec_of("bytes").encode("text")
