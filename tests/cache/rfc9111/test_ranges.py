"""RFC 9110, section 14: parts of a whole answer, one or several."""

from email import message_from_bytes
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.rfc9111.ranges import RANGES_MAX, Span, content_range, multipart, spans

TABLE = [
    ("14.1.2 from the start", "bytes=0-4", ((0, 5),)),
    ("14.1.2 in the middle", "bytes=2-2", ((2, 3),)),
    ("14.1.2 open", "bytes=7-", ((7, 10),)),
    ("14.1.2 beyond the end", "bytes=7-99", ((7, 10),)),
    ("14.1.2 the last", "bytes=-3", ((7, 10),)),
    ("14.1.2 more than all of it", "bytes=-99", ((0, 10),)),
    ("14.1 the unit in any case", "Bytes=0-0", ((0, 1),)),
    ("14.2 several, as asked", "bytes=8-9, 0-1", ((8, 10), (0, 2))),
    ("14.2 what is not there is left out", "bytes=0-1, 50-60", ((0, 2),)),
    ("14.2 what overlaps is one", "bytes=0-4,2-6,9-9", ((0, 7), (9, 10))),
    ("14.2 the same many times", "bytes=" + ",".join(["0-"] * RANGES_MAX), ((0, 10),)),
    ("14.1.2 none of it there", "bytes=10-", ()),
    ("14.1.2 the last none", "bytes=-0", ()),
    ("14.2 another unit", "seats=0-1", None),
    ("14.2 no unit", "0-1", None),
    ("14.1.2 backward", "bytes=4-2", None),
    ("14.1.2 one backward of two", "bytes=0-1,4-2", None),
    ("14.1.2 empty", "bytes=", None),
    ("14.1.2 a dash", "bytes=-", None),
    ("14.1.2 no number", "bytes=a-b", None),
    ("14.1.2 a space within", "bytes=1 - 2", None),
    ("14.2 too many", "bytes=" + ",".join(f"{n}-{n}" for n in range(RANGES_MAX + 1)), None),
    ("14.1.2 more digits than any length", "bytes=0-" + "9" * 40, None),
]


@pytest.mark.parametrize(("text", "found"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE])
def test_9110_section_14_spans_of_ten_bytes(text: str, found: tuple[Span, ...] | None) -> None:
    """Spans of ten bytes; nothing of it there is another thing than nothing understood."""
    assert spans(text.encode(), 10) == found


def test_9110_section_14_nothing_of_nothing() -> None:
    """Of an empty body no part is there."""
    assert spans(b"bytes=0-", 0) == spans(b"bytes=-5", 0) == ()


def test_9110_section_14_4_content_range() -> None:
    """It names the first and the last byte, and how many there are."""
    assert content_range((2, 5), 10) == b"bytes 2-4/10"


@given(
    st.binary(min_size=1, max_size=300),
    st.lists(st.tuples(st.integers(0, 320), st.integers(0, 320)), min_size=1, max_size=RANGES_MAX),
)
def test_9110_section_14_2_parts_never_cost_more_than_the_whole(
    body: bytes, asked: list[tuple[int, int]]
) -> None:
    """However ranges overlap, no byte is sent twice, and each that was asked for is sent."""
    pairs = [(min(pair), max(pair)) for pair in asked]
    found = spans(b"bytes=" + b",".join(b"%d-%d" % pair for pair in pairs), len(body))
    assert found is not None
    sent = [at for begin, end in found for at in range(begin, end)]
    assert len(sent) == len(set(sent))
    assert set(sent) == {at for begin, last in pairs for at in range(begin, last + 1) if at < len(body)}


def test_9110_section_14_6_multipart() -> None:
    """A reader of MIME finds each part with its range and type."""
    body = bytes(range(48, 58))
    content_type, text = multipart(((8, 10), (0, 2)), body, b"text/plain")
    found = message_from_bytes(b"Content-Type: %b\r\n\r\n%b" % (content_type, text), policy=HTTP)
    parts = [
        (p["content-range"], p.get_content_type(), p.get_payload(decode=True)) for p in found.iter_parts()
    ]
    assert parts == [("bytes 8-9/10", "text/plain", b"89"), ("bytes 0-1/10", "text/plain", b"01")]


def test_9110_section_14_6_a_body_cannot_hold_its_boundary() -> None:
    """Who writes a body cannot end a part within it: the boundary is made of the body."""
    body = b"x" * 20
    content_type, _ = multipart(((0, 2), (5, 7)), body, None)
    forged = body + b"\r\n--" + content_type.partition(b"boundary=")[2]
    assert multipart(((0, 2), (5, 7)), forged, None)[0] != content_type
