"""What msgspec says, said to the caller."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.web.fault import located, pointer


@pytest.mark.parametrize(
    ("message", "steps", "what"),
    [
        ("Expected `int` >= 1 - at `$.checks[2].cost`", ("checks", "2", "cost"), "Expected int >= 1"),
        ("Object missing required field `key`", ("key",), "Object missing required field key"),
        ("Object contains unknown field `x` - at `$.a`", ("a", "x"), "Object contains unknown field x"),
        ("Expected `int`, got `str` - at `$.m[...]`", ("m", "..."), "Expected int, got str"),
        ("Expected `object`, got `array`", (), "Expected object, got array"),
    ],
)
def test_the_place_is_read_from_the_message(message: str, steps: tuple[str, ...], what: str) -> None:
    """The forms that msgspec 0.22 has."""
    assert located(message) == (steps, what)


@given(st.text())
def test_a_field_of_any_name_does_no_harm(name: str) -> None:
    """The caller chooses the names of unknown fields: nothing in one breaks the refusal."""

    class Empty(msgspec.Struct, forbid_unknown_fields=True):
        pass

    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(msgspec.json.encode({name: 1}), type=Empty)
    steps, what = located(str(refused.value))

    assert "unknown field" in what
    assert pointer(steps).startswith("#/")


def test_pointers_escape() -> None:
    """Slash and tilde in names (RFC 6901)."""
    assert pointer(("a/b", "c~d", "0")) == "#/a~1b/c~0d/0"
