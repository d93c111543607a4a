"""Frames of the stream processing protocol: what HAProxy writes is read, and nothing else does harm."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.gate import spop
from sadd.gate.spop import MalformedFrame
from tests.sadd.gate import haproxy

numbers = st.integers(0, 2**64 - 1)
values = st.none() | st.booleans() | numbers | st.text(max_size=300) | st.binary(max_size=300)


@pytest.mark.parametrize(
    ("number", "encoded"),
    [(0, "00"), (239, "ef"), (240, "f000"), (255, "ff00"), (256, "f001"), (2287, "ff7f"), (2288, "f08000")],
)
def test_numbers_at_the_edges(number: int, encoded: str) -> None:
    """The examples of section 3.1 of HAProxy's own document."""
    assert spop.varint(number).hex() == encoded


@given(st.dictionaries(st.text(max_size=20), values, max_size=6), numbers, numbers)
def test_what_is_written_is_read(told: dict[str, spop.Value], stream: int, frame: int) -> None:
    """Any pairs, any numbers of stream and frame."""
    written = haproxy.framed(spop.HELLO, haproxy.pairs(told), stream, frame)
    read = spop.parsed(written[4:])
    assert (read.kind, read.stream, read.frame) == (spop.HELLO, stream, frame)
    assert spop.pairs(read.payload) == told


def test_addresses() -> None:
    """src is an IPv4 or IPv6 value, which is text to us."""
    four = haproxy.text("ip") + b"\x06" + bytes((203, 0, 113, 7))
    six = haproxy.text("ip") + b"\x07" + bytes.fromhex("20010db8000100020003000400050006")
    assert spop.pairs(four) == {"ip": "203.0.113.7"}
    assert spop.pairs(six) == {"ip": "2001:db8:1:2:3:4:5:6"}


@given(st.binary(max_size=80))
def test_any_bytes(body: bytes) -> None:
    """What is no frame is called so, whatever it is."""
    with contextlib.suppress(MalformedFrame):
        list(spop.messages(spop.parsed(body).payload))
    with contextlib.suppress(MalformedFrame):
        spop.pairs(body)


@given(st.data())
def test_a_frame_that_is_cut_off(data: st.DataObject) -> None:
    """No part of a NOTIFY is taken for a whole one with fewer arguments."""
    whole = spop.parsed(haproxy.notify(7, service="moehe-results", ip="203.0.113.7", cookie=None)[4:]).payload
    part = whole[: data.draw(st.integers(1, len(whole) - 1))]
    with pytest.raises(MalformedFrame):
        list(spop.messages(part))


def test_fragments_are_refused() -> None:
    """We do not announce them, so there are none."""
    with pytest.raises(MalformedFrame, match="fragmented"):
        spop.parsed(bytes((spop.NOTIFY, 0, 0, 0, 0, 0, 0)))


@given(st.dictionaries(st.sampled_from(["status", "ratelimit", "x"]), numbers | st.text(max_size=300)))
def test_variables(told: dict[str, str | int]) -> None:
    """An ACK sets each variable of the transaction."""
    frame = spop.parsed(spop.ack(7, 9, told)[4:])
    assert (frame.kind, frame.stream, frame.frame) == (spop.ACK, 7, 9)
    assert haproxy.variables(frame.payload) == told
