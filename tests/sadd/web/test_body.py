"""A body that is no JSON is refused with what is wrong with it."""

import msgspec
import pytest

from sadd.web.body import JsonBody
from sadd.web.problem import Problem


class Check(msgspec.Struct, forbid_unknown_fields=True):
    key: str


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (rb'{"key":"\ud800"}', r"\ud800 is half a surrogate pair and no character"),
        (rb'{"key":"a", "\uDFFFlong enough": 1}', r"\udfff is half a surrogate pair and no character"),
        (rb'{"key":"\ud83d\ude00 \ud83d and on"}', r"\ud83d is half a surrogate pair and no character"),
        (rb'{"key":"\ud800"', "Input data was truncated"),
        (b'{"key":"a"', "Input data was truncated"),
        (b"", "Input data was truncated"),
    ],
)
def test_the_fault_is_named(raw: bytes, detail: str) -> None:
    """Half a surrogate pair is one, and is not called a body that was cut short."""
    with pytest.raises(Problem) as refused:
        JsonBody(Check).decode(raw)
    assert (refused.value.status, refused.value.detail) == (400, f"The body is not JSON: {detail}")


def test_a_whole_pair_is_a_character() -> None:
    """As any other."""
    assert JsonBody(Check).decode(rb'{"key":"\ud83d\ude00"}').key == "\N{GRINNING FACE}"
