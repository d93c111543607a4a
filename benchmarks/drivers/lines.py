"""Connections of the pump. Each has room for some calls at once and says when answers came."""

import asyncio
import struct
from collections.abc import Callable
from typing import Protocol, cast

from benchmarks.drivers.header_block import grpc_block, grpc_status

HEADERS, DATA, RST, SETTINGS, PING, GOAWAY = 1, 0, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW_MAX = 2**31 - 1
TABLE_SIZE, WINDOW_SIZE = 1, 4  # of SETTINGS
MEMO_MAX = 64
NO_TABLE = b"\x20"  # HPACK: from here on a dynamic table of size 0 (RFC 7541, 4.2 and 6.3)

Answered = Callable[["Line", list[tuple[float, bool]]], None]
"""A line and, for each answer that came in one go, when its call was due and whether it was good."""


class Line(Protocol):
    """One connection. ``room`` is how many calls it can take now; ``free`` is the pump's own mark."""

    room: int
    free: bool

    def send(self, texts: list[bytes], meant: list[float]) -> None:
        """In one write. No more than ``room``."""


class HttpLine(asyncio.Protocol):
    """HTTP/1.1, one request at a time. Answers have a Content-Length."""

    def __init__(self, answered: Answered) -> None:
        self.room, self.free = 0, False
        self._answered = answered
        self._meant = 0.0
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is no subclass of it
        self.room = 1

    def send(self, texts: list[bytes], meant: list[float]) -> None:
        self.room = 0
        self._meant = meant[0]
        self._transport.write(texts[0])

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        end = data.find(b"\r\n\r\n")
        if end < 0 or len(data) - end - 4 < _content_length(data[:end]):
            self._rest = data
            return
        self._rest = b""
        self.room = 1
        self._answered(self, [(self._meant, data[9:10] == b"2")])

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        if self.room == 0:
            self._answered(self, [(self._meant, False)])
        self.room = 0


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    end = lowered.find(b"\r\n", at + 2)
    return int(lowered[at + 17 : end if end > 0 else None])


class GrpcLine(asyncio.Protocol):
    """Unary calls over HTTP/2 with knowledge: literals out, and no dynamic table for what comes in.

    The peer's windows are not watched: ``streams`` calls of some 60 bytes are far from the 65,535 that it
    must take, and it opens its window again long before that.
    """

    def __init__(self, answered: Answered, path: str, good: bytes, streams: int) -> None:
        self.room, self.free = 0, False
        self._answered = answered
        self._good, self._good_end = good, 14 + len(good)
        self._streams = streams
        self._block = grpc_block(path, "127.0.0.1")
        self._shrunk = b""
        """Goes before one block after the peer's settings: before that it may not trust a block's bytes."""
        self._next = 1
        self._meant: dict[int, float] = {}
        self._rest = b""
        self._statuses: dict[bytes, int] = {}
        self._bad: set[int] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is no subclass of it
        settings = struct.pack(">HIHI", TABLE_SIZE, 0, WINDOW_SIZE, WINDOW_MAX)
        opened = struct.pack(">I", WINDOW_MAX - 65_535)
        self._transport.write(PREFACE + _frame(SETTINGS, 0, 0, settings) + _frame(8, 0, 0, opened))
        self.room = self._streams

    def send(self, texts: list[bytes], meant: list[float]) -> None:
        """Texts are gRPC messages with their five bytes of length."""
        parts: list[bytes] = []
        block, stream = self._shrunk + self._block, self._next
        head = _head(block)
        for text, at in zip(texts, meant, strict=True):
            number = stream.to_bytes(4, "big")
            size = len(text)
            parts += (head, number, block, size.to_bytes(3, "big"), b"\x00\x01", number, text)
            self._meant[stream] = at
            stream += 2
            if self._shrunk:
                self._shrunk, block = b"", self._block
                head = _head(block)
        self._next = stream
        self.room -= len(texts)
        self._transport.write(b"".join(parts))

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        answers: list[tuple[float, bool]] = []
        while end - at >= 9:
            stop = at + 9 + (data[at] << 16 | data[at + 1] << 8 | data[at + 2])
            if stop > end:
                break
            kind, flags = data[at + 3], data[at + 4]
            if kind == HEADERS and flags & END_STREAM:
                stream = int.from_bytes(data[at + 5 : at + 9], "big")
                answers.append((self._meant.pop(stream), self._is_good(data[at + 9 : stop], stream)))
            elif kind == DATA:
                if data[at + 14 : at + self._good_end] != self._good:
                    self._bad.add(int.from_bytes(data[at + 5 : at + 9], "big"))
            elif kind > HEADERS:
                answers += self._other(kind, flags, data[at + 5 : stop])
            at = stop
        self._rest = data[at:]
        if answers:
            self.room += len(answers)
            self._answered(self, answers)

    def _is_good(self, block: bytes, stream: int) -> bool:
        status = self._statuses.get(block)
        if status is None:
            status = grpc_status(block)
            if len(self._statuses) < MEMO_MAX:
                self._statuses[block] = status
        if stream in self._bad:
            self._bad.discard(stream)
            return False
        return status == 0

    def _other(self, kind: int, flags: int, rest: bytes) -> list[tuple[float, bool]]:
        """Frames that are not an answer, from the stream's number on."""
        if kind == RST:
            meant = self._meant.pop(int.from_bytes(rest[:4], "big"), None)
            return [] if meant is None else [(meant, False)]
        if kind in (SETTINGS, PING) and not flags & ACK:
            self._transport.write(_frame(kind, ACK, 0, rest[4:] if kind == PING else b""))
            if kind == SETTINGS:
                self._shrunk = NO_TABLE
        if kind == GOAWAY:
            self._transport.close()
        return []

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        lost = [(meant, False) for meant in self._meant.values()]
        self._meant.clear()
        if lost:
            self._answered(self, lost)
        self.room = 0


def _head(block: bytes) -> bytes:
    """Length, type and flags of a HEADERS frame."""
    return len(block).to_bytes(3, "big") + bytes((HEADERS, END_HEADERS))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
