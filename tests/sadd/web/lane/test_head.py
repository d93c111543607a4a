"""Heads that the lane reads, against aiohttp's own parser."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sadd.web.lane.head import END, Head, read_head, take_marks
from tests.fuzz.lane import disagreement, seeds
from tests.sadd.web.lane.scene import post

FIELDS_MAX = 64


def read(raw: bytes) -> Head | None:
    return read_head(raw[: raw.index(END) + len(END)], FIELDS_MAX)


def test_a_plain_head_is_read() -> None:
    """The request line, the length of the body, the key."""
    head = read(post())
    assert head is not None
    assert (head.line, head.length, head.usual, head.json) == (b"POST /v1/limits/check", 53, True, True)
    assert head.authorization == "Bearer sadd_moehe_secret"
    assert list(head.fields) == [b"host", b"authorization", b"content-type", b"content-length"]


@pytest.mark.parametrize(
    "field", [b"Expect: 100-continue", b"Content-Encoding: gzip", b"Connection: close", b"If-Match: *"]
)
def test_an_unusual_head_is_not_for_the_lane_to_answer(field: bytes) -> None:
    """But its end is known."""
    head = read(post(field))
    assert head is not None
    assert not head.usual


@pytest.mark.parametrize(
    "field",
    [
        b"Transfer-Encoding: chunked",
        b"Upgrade: h2c",
        b"Host: y",
        b"X-Folded: a\r\n b",
        b"X-Bare: a\nb",
        b"X-Spaced : a",
        b"X-Nul: \x00",
        b"X-End: a ",
        b"X-Tab: a\tb",
    ],
)
def test_where_an_odd_head_ends_is_not_for_the_lane_to_say(field: bytes) -> None:
    """None: aiohttp gets the connection."""
    assert read(post(field)) is None


def test_marks_are_taken_out() -> None:
    """What is left of heads that differ in id, trace and session only is the same."""
    one = take_marks(post(b"X-Request-Id: a", b"traceparent: 00-1-2-01", b"Sadd-Session: s"))
    two = take_marks(post(b"TraceParent: t", b"sadd-session: q", b"x-request-id: b"))
    assert one.rest == two.rest == post()
    assert (one.session, two.session) == ("s", "q")
    assert (one.request_id, one.traceparent, two.request_id) == ("a", "00-1-2-01", "b")


@pytest.mark.parametrize("name", [b"X-Request-Id: ", b"Sadd-Session: "])
@pytest.mark.parametrize("value", [b"", b"a b", b"a\xff", b" a", b"a\r\n b"])
def test_a_mark_with_something_odd_stays(name: bytes, value: bytes) -> None:
    """And keeps its head from being answered by the lane."""
    raw = post(name + value)
    head = read_head(take_marks(raw[: raw.index(END) + 4]).rest, FIELDS_MAX)
    assert head is None or not head.usual


def test_two_sessions_are_none_of_the_lanes() -> None:
    """Nobody can say which was meant."""
    raw = post(b"Sadd-Session: a", b"sadd-session: b")
    head = read_head(take_marks(raw[: raw.index(END) + 4]).rest, FIELDS_MAX)
    assert head is not None
    assert not head.usual


async def test_the_stored_corpus_is_read_as_aiohttp_reads_it() -> None:
    """Wherever the lane says where a request ends, aiohttp says the same: seeds and finds of the fuzzer."""
    corpus = seeds()
    assert len(corpus) > 150
    assert {data: found for data in corpus if (found := disagreement(data))} == {}


NAMES = st.sampled_from([b"Content-Length", b"Transfer-Encoding", b"Connection", b"Host", b"X-A", b"Expect"])
VALUES = st.sampled_from([b"0", b"3", b"5", b"chunked", b"close", b"x", b"", b" 3", b"3 ", b"3\r\n 4"])
SEPARATORS = st.sampled_from([b": ", b":", b" : ", b":\t", b"\r\n: "])
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n"])


@given(st.lists(st.tuples(NAMES, SEPARATORS, VALUES, ENDS), max_size=5), st.binary(max_size=8))
@settings(max_examples=200)
def test_any_head_is_read_as_aiohttp_reads_it(
    fields: Sequence[tuple[bytes, bytes, bytes, bytes]], body: bytes
) -> None:
    """Fields that decide the end of a request, spelled in good and bad ways."""
    lines = b"".join(b"".join(field) for field in fields)
    raw = b"POST /v1/limits/check HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n" + body
    asyncio.run(_agree(raw))


async def _agree(raw: bytes) -> None:
    assert disagreement(raw) is None
