"""A file that is no draw is said to be none, in one line, whatever is in it."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueing.draw.document import Draw, NotADraw, Proof, Published, encode, read, write_lines
from tests.queueing.draw.chain import drawn, entries_of, proof_of

WHOLE = drawn(entries_of(5))
DOCUMENT = encode(WHOLE.draw)
LINES = write_lines(WHOLE.entries)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"{}",
        b"[1, 2]",
        b'{"draw":' + b"[" * 60_000,
        b"\xff\xfe",
        DOCUMENT.replace(b"sadd draw 1", b"sadd draw 9"),
        encode(proof_of(WHOLE, 2)).replace(b"sadd draw 1", b"sadd draw 9"),
        DOCUMENT + b"\n" + LINES[:-1],
        DOCUMENT + b"\n" + LINES[1:],
        DOCUMENT + b"\n" + LINES.replace(b"a", b"g"),
        DOCUMENT + b"\n" + LINES.replace(b"a", b" "),
        DOCUMENT + b"\n\n" + LINES,
        b"x" * 70_000,
    ],
)
def test_what_is_no_draw_is_refused(raw: bytes) -> None:
    """What is no draw is refused."""
    with pytest.raises(NotADraw):
        read(raw)


@given(st.binary(max_size=300))
def test_no_bytes_make_anything_else_than_a_draw_or_a_refusal(raw: bytes) -> None:
    """No bytes make anything else than a draw or a refusal."""
    for text in (raw, DOCUMENT + raw, DOCUMENT + b"\n" + raw):
        with suppress(NotADraw):
            assert isinstance(read(text), Draw | Proof | Published)


def test_a_document_may_be_laid_out_in_lines() -> None:
    """A document may be laid out in lines."""
    laid_out = json.dumps(json.loads(encode(proof_of(WHOLE, 2))), indent=2)

    assert read(laid_out.encode()) == proof_of(WHOLE, 2)
    assert read(json.dumps(json.loads(DOCUMENT), indent=2).encode()) == WHOLE.draw
