"""Where a body ends."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.shield.framing import LAST_CHUNK, BrokenBody, Chunked, Open, Sized, chunk

PIECES = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """The same bytes in pieces."""
    at = sorted({min(c, len(data)) for c in cuts} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(at)]


@given(PIECES, st.lists(st.integers(0, 400), max_size=12), st.binary(max_size=20))
def test_chunks_are_read_however_they_are_cut(pieces: list[bytes], cuts: list[int], behind: bytes) -> None:
    """RFC 9112 §7.1: the same body, and what came behind it is not of it."""
    body, taken, rest = Chunked(), b"", b""
    for part in cut(b"".join(map(chunk, pieces)) + LAST_CHUNK + behind, cuts):
        if body.ended:
            rest += part
        else:
            taken += b"".join(body.take(part))
            rest = body.rest
    assert (taken, rest, body.ended) == (b"".join(pieces), behind, True)


@given(st.binary(max_size=60), st.lists(st.integers(0, 80), max_size=6), st.binary(max_size=20))
def test_a_length_is_kept_to(content: bytes, cuts: list[int], behind: bytes) -> None:
    """RFC 9112 §6.2."""
    body, taken, rest = Sized(len(content)), b"", b""
    for part in cut(content + behind, cuts):
        if body.ended:
            rest += part
        else:
            taken += b"".join(body.take(part))
            rest = body.rest
    assert (taken, rest, body.ended) == (content, behind, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"5\r\nhello0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5 5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello!\r\n0\r\n\r\n",
        b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"0\r\n" + b"X: a\r\n" * 3000,
        b"5" + b"0" * 300,
    ],
)
def test_chunks_that_could_be_read_in_two_ways_are_no_body(raw: bytes) -> None:
    """RFC 9112 §7.1, §11.2."""
    with pytest.raises(BrokenBody):
        Chunked().take(raw)


def test_trailers_are_read_over() -> None:
    """RFC 9112 §7.1.2: a recipient may drop them."""
    body = Chunked()

    assert body.take(b"2;ext=1\r\nab\r\n0\r\nX: y\r\n\r\nnext") == [b"ab"]
    assert (body.ended, body.rest) == (True, b"next")


def test_an_early_end_is_seen() -> None:
    """Only a body that ends with its connection may end so."""
    for body in (Sized(3), Chunked()):
        body.take(b"1\r\n" if isinstance(body, Chunked) else b"1")
        with pytest.raises(BrokenBody):
            body.close()
    until_close = Open()
    until_close.close()
    assert until_close.ended
