"""Entries: their stored form, their validator, their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.address import Address
from cache.entry import Content

contents = st.builds(
    Content,
    st.binary(max_size=300),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=255),
)


@given(one=contents, other=contents)
def test_the_etag_is_strong(one: Content, other: Content) -> None:
    """Equal for the same bytes of the same type, and for no others."""
    assert (one.etag == other.etag) == (one == other)


@pytest.mark.parametrize("content_type", ["text/plain\r\nSet-Cookie: a=b", "نص", "x" * 256, "a\0b"])
def test_a_content_type_that_could_harm_a_header_is_refused(content_type: str) -> None:
    """It comes back in an answer, so only printable ASCII may."""
    with pytest.raises(ValueError):
        Content(b"", content_type)


@pytest.mark.parametrize(
    ("namespace", "key"),
    [("", "k"), ("-a", "k"), ("A", "k"), ("a" * 64, "k"), ("a:b", "k"), ("a", ""), ("a", "k" * 257)]
    + [("a", bad) for bad in ("k k", "k\n", "{k}", "k\0", "ك", "k%2F", "k\\x", "k?x", "k#x")],
)
def test_an_odd_address_is_refused(namespace: str, key: str) -> None:
    """A form without separators of ours, so no address can be read as another."""
    with pytest.raises(ValueError):
        Address("t", namespace, key)
