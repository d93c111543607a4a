"""Secrets do not reach the log."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.telemetry.masking import MASK, masked_field, masked_text, masked_value

WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789", min_size=8, max_size=24)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc.def.ghi", f"Authorization: Bearer {MASK}"),
        ("basic dXNlcjpwYXNz", f"basic {MASK}"),
        ("the key sadd_abcdefgh2345_Zm9v-YmFy is unknown", f"the key sadd_abcdefgh2345_{MASK} is unknown"),
        (
            "postgresql://sadd:p@ss/w?rd@db:5432/sadd refused",
            f"postgresql://sadd:{MASK}@db:5432/sadd refused",
        ),
        ("redis://:secret@10.0.0.1", f"redis://:{MASK}@10.0.0.1"),
        ("https://example.org:8443/a?b=c", "https://example.org:8443/a?b=c"),
        ("sadd_cache_hits of a cache", "sadd_cache_hits of a cache"),
    ],
)
def test_secrets_inside_texts(text: str, masked: str) -> None:
    """By their look: credentials, keys with their prefix left, passwords of URLs."""
    assert masked_text(text) == masked


@pytest.mark.parametrize(
    "name",
    ["authorization", "Authorization", "set-cookie", "password", "client_secret", "session_token", "api_key"],
)
def test_secrets_by_their_field(name: str) -> None:
    """By the field's name, whatever the value."""
    assert masked_field(name, "x") == MASK
    assert masked_field(name, {"a": 1}) == MASK
    assert masked_field(name, None) is None


@given(
    WORD,
    st.sampled_from(["Bearer {}", "sadd_abcdefgh2345_{}", "redis://u:{}@h", "postgresql://:{}@h/d"]),
    st.integers(0, 5),
)
def test_no_nesting_hides_a_secret(secret: str, form: str, depth: int) -> None:
    """Inside lists and mappings, as bytes too."""
    value: Any = form.format(secret)
    for _ in range(depth):
        value = {"headers": [value, value.encode() if isinstance(value, str) else value]}
    assert secret not in repr(masked_value(value))


def test_numbers_stay() -> None:
    """What is no text is left as it is."""
    assert masked_value({"a": 1, "b": [2.5, None, True]}) == {"a": 1, "b": [2.5, None, True]}
