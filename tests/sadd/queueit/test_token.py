"""Tokens as connectors check them, and the shifts of fields that ours do not allow."""

import hmac
import string
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.queueit.token import Token, pass_id_of, queue_id_of, sign

SECRET = "s" * 64
PASS_ID = "AAAAAAABAaIOJQK1fMsUElPukmRhH7_e"
QUEUE_ID = PASS_ID.encode().hex() + "p"
NAMES = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=30)


def hashed(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), sha256).hexdigest()


def read(text: str) -> dict[str, str]:
    """As connectors do: cut at ``~``, then at ``_``; what has not two parts is left out."""
    parts = [part.split("_") for part in text.split("~")]
    return {part[0]: part[1] for part in parts if len(part) == 2}


def test_a_token_that_ends_with_the_pass() -> None:
    """Field by field what a connector reads, and the hash over all in front of it."""
    text = sign(Token("results", QUEUE_ID, 1_800_000_060, 5), SECRET)
    body = f"e_results~q_{QUEUE_ID}~ts_1800000060~ce_false~cv_5~rt_queue"
    assert text == f"{body}~h_{hashed(body)}"


def test_a_token_that_the_site_extends() -> None:
    """Without fixed minutes the site's own time holds, after each page anew."""
    found = read(sign(Token("results", QUEUE_ID, 1_800_000_060, None), SECRET))
    assert found["ce"] == "true"
    assert "cv" not in found


def test_a_token_of_one_address() -> None:
    """The address is in it as a keyed hash only."""
    text = sign(Token("results", QUEUE_ID, 1_800_000_060, 5, "192.0.2.7"), SECRET)
    assert read(text)["hip"] == hashed("192.0.2.7")
    assert "192.0.2.7" not in text


@given(NAMES, NAMES, st.integers(0, 2**40), st.one_of(st.none(), st.integers(1, 1440)))
def test_each_field_comes_back_as_it_went_in(
    event: str, queue_id: str, ends_s: int, minutes: int | None
) -> None:
    """Whatever the fields are, the reader finds those and no others."""
    found = read(sign(Token(event, queue_id, ends_s, minutes), SECRET))
    assert (found["e"], found["q"], found["ts"]) == (event, queue_id, str(ends_s))
    assert found.get("cv") == (None if minutes is None else str(minutes))
    assert found["rt"] == "queue"


@pytest.mark.parametrize("name", ["a~ts_9999999999", "a_b", "a~rt_debug", "", "é", "a b", "a" * 101])
def test_no_field_runs_into_its_neighbour(name: str) -> None:
    """Field shifting: an id with a separator would write the fields behind it. None is signed."""
    for event, queue_id in ((name, QUEUE_ID), ("results", name)):
        with pytest.raises(ValueError, match="a token is cut at"):
            Token(event, queue_id, 1, 1)


def test_two_tokens_are_never_signed_alike() -> None:
    """The connector's cookie has this hole (docs/queue-it.md): digits moved from one field to the next."""
    one, other = Token("results", "a1", 20, 0), Token("results", "a", 120, 0)
    assert read(sign(one, SECRET))["h"] != read(sign(other, SECRET))["h"]


def test_a_queue_id_is_a_pass() -> None:
    """There and back, in the form that sites know; anything else is none of ours."""
    assert queue_id_of(PASS_ID) == QUEUE_ID
    assert pass_id_of(QUEUE_ID) == PASS_ID
    assert QUEUE_ID[-1] not in "0123456789abcdef"
    for other in (
        "",
        PASS_ID,
        QUEUE_ID.upper(),
        QUEUE_ID[:-2],
        QUEUE_ID + "p",
        "../" + QUEUE_ID[3:],
        "ff" * 20 + "p",
    ):
        assert pass_id_of(other) is None
