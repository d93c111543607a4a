"""The pump's connections, fed by hand."""

import asyncio
from typing import cast

import hpack
import pytest

from benchmarks.drivers.header_block import grpc_block
from benchmarks.drivers.lines import GrpcLine, HttpLine, Line

Answers = list[tuple[float, bool]]


class Wire:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        pass


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def answer(stream: int, status: str, message: bytes) -> bytes:
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    data = b"\0" + len(message).to_bytes(4, "big") + message
    return (
        frame(1, 4, stream, encoder.encode([(":status", "200")]))
        + frame(0, 0, stream, data)
        + frame(1, 5, stream, encoder.encode([("grpc-status", status)]))
    )


def grpc_line(good: bytes = b"") -> tuple[GrpcLine, Wire, Answers]:
    seen: Answers = []

    def answered(_: Line, answers: Answers) -> None:
        seen.extend(answers)

    line, wire = GrpcLine(answered, "/a.B/C", good, 4), Wire()
    line.connection_made(cast("asyncio.BaseTransport", wire))
    return line, wire, seen


def test_a_header_block_is_plain_to_any_decoder() -> None:
    """Literals only: it means the same as the first call's and as the thousandth's."""
    decoder = hpack.Decoder()
    headers = decoder.decode(grpc_block("/a.B/C", "host"), raw=True)
    assert not decoder.header_table.dynamic_entries
    assert [(name, value) for name, value in headers] == [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/a.B/C"),
        (b":authority", b"host"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    ]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_answers_may_come_in_any_pieces(size: int) -> None:
    """A good one, one with a status, and one whose message is not the one wanted."""
    line, wire, seen = grpc_line(good=b"\x08\x01")
    line.send([b"\0\0\0\0\0"] * 3, [1.0, 2.0, 3.0])
    assert line.room == 1
    assert wire.written.count(b"/a.B/C") == 3
    said = (
        frame(4, 0, 0, b"") + answer(1, "0", b"\x08\x01") + answer(3, "14", b"") + answer(5, "0", b"\x08\x02")
    )
    for at in range(0, len(said), size):
        line.data_received(said[at : at + size])
    assert seen == [(1.0, True), (2.0, False), (3.0, False)]
    assert line.room == 4


def test_the_table_is_given_up_once_after_the_peers_settings() -> None:
    """Without that a server that allows no table may not trust a block's bytes, and decodes each one."""
    line, wire, _ = grpc_line()
    line.data_received(frame(4, 0, 0, b"\0\1\0\0\0\0"))
    line.send([b"\0\0\0\0\0"] * 2, [1.0, 2.0])
    first = wire.written.index(b"\x20" + grpc_block("/a.B/C", "127.0.0.1"))
    assert wire.written.count(grpc_block("/a.B/C", "127.0.0.1")) == 2
    assert wire.written.count(b"\x20" + grpc_block("/a.B/C", "127.0.0.1")) == 1
    assert first < wire.written.rindex(grpc_block("/a.B/C", "127.0.0.1"))


def test_calls_that_a_closed_connection_took_along_have_failed() -> None:
    """They are counted, and the line has no room any more."""
    line, _, seen = grpc_line()
    line.send([b"\0\0\0\0\0"], [1.0])
    line.connection_lost(None)
    assert (seen, line.room) == ([(1.0, False)], 0)


def test_an_http_answer_ends_with_its_body() -> None:
    """Head and body in three pieces are one answer; 503 is a failure."""
    seen: Answers = []

    def answered(_: Line, answers: Answers) -> None:
        seen.extend(answers)

    line, wire = HttpLine(answered), Wire()
    line.connection_made(cast("asyncio.BaseTransport", wire))
    line.send([b"GET"], [1.0])
    for part in (b"HTTP/1.1 200 OK\r\nContent-", b"Length: 2\r\n\r\no", b"k"):
        assert seen == []
        line.data_received(part)
    line.send([b"GET"], [2.0])
    line.data_received(b"HTTP/1.1 503 Away\r\ncontent-length: 0\r\n\r\n")
    assert seen == [(1.0, True), (2.0, False)]
