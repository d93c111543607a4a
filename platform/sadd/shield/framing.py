"""Where a body ends: by its length, by its last chunk, or with its connection (RFC 9112 §6.3, §7.1)."""

import re
from typing import Protocol

CHUNK_LINE_BYTES_MAX = 256
TRAILER_BYTES_MAX = 8_192
CHUNK_DIGITS_MAX = 12

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})(?:[ \t]*;[\t\x20-\x7e]*)?")
LAST_CHUNK = b"0\r\n\r\n"


class BrokenBody(Exception):
    """The body is not what its head promised."""


class Body(Protocol):
    """Takes what is received and gives the pieces of the body."""

    ended: bool
    rest: bytes
    """What came after the end."""

    def take(self, data: bytes) -> list[bytes]:
        """The body's bytes among these. Raises BrokenBody."""

    def close(self) -> None:
        """Nothing more comes. Raises BrokenBody if the end had not come."""


class Sized:
    """So many bytes."""

    __slots__ = ("_left", "ended", "rest")

    def __init__(self, length: int) -> None:
        self._left = length
        self.ended = length == 0
        self.rest = b""

    def take(self, data: bytes) -> list[bytes]:
        left = self._left
        if len(data) <= left:
            self._left = left - len(data)
            self.ended = self._left == 0
            return [data] if data else []
        self._left, self.ended, self.rest = 0, True, data[left:]
        return [data[:left]] if left else []

    def close(self) -> None:
        if not self.ended:
            raise BrokenBody(f"{self._left} bytes are missing")


class Open:
    """All that comes until the connection ends."""

    __slots__ = ("ended", "rest")

    def __init__(self) -> None:
        self.ended = False
        self.rest = b""

    def take(self, data: bytes) -> list[bytes]:
        return [data] if data else []

    def close(self) -> None:
        self.ended = True


class Chunked:
    """Chunks, each with its size. Extensions and trailers are read over and dropped."""

    __slots__ = ("_buffer", "_left", "_state", "_trailer_bytes", "ended", "rest")

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0
        self._state = "size"
        self._trailer_bytes = 0
        self.ended = False
        self.rest = b""

    def take(self, data: bytes) -> list[bytes]:
        pieces: list[bytes] = []
        data = self._buffer + data if self._buffer else data
        at = 0
        while at < len(data) and not self.ended:
            if self._state == "data":
                piece = data[at : at + self._left]
                at += len(piece)
                self._left -= len(piece)
                pieces.append(piece)
                if self._left == 0:
                    self._state = "end"
                continue
            line_end = data.find(b"\n", at)
            if line_end < 0:
                break
            self._take_line(data[at : line_end + 1])
            at = line_end + 1
        self._buffer = b"" if self.ended else data[at:]
        if len(self._buffer) > CHUNK_LINE_BYTES_MAX + self._trailers_left():
            raise BrokenBody("a line of the chunks is too long")
        if self.ended:
            self.rest = data[at:]
        return pieces

    def close(self) -> None:
        if not self.ended:
            raise BrokenBody("the last chunk is missing")

    def _trailers_left(self) -> int:
        return TRAILER_BYTES_MAX if self._state == "trailers" else 0

    def _take_line(self, line: bytes) -> None:
        text = line[:-2]
        if not line.endswith(b"\r\n") or b"\r" in text:
            raise BrokenBody("a line of the chunks does not end with CR and LF")
        if self._state == "end":
            if text:
                raise BrokenBody("a chunk is longer than its size")
            self._state = "size"
        elif self._state == "size":
            size = _SIZE.fullmatch(text) if len(text) <= CHUNK_LINE_BYTES_MAX else None
            if size is None:
                raise BrokenBody("no size of a chunk")
            self._left = int(size[1], 16)
            self._state = "data" if self._left else "trailers"
        else:
            self._trailer_bytes += len(line)
            if self._trailer_bytes > TRAILER_BYTES_MAX:
                raise BrokenBody("too many trailers")
            self.ended = not text


def chunk(piece: bytes) -> bytes:
    """One chunk of a body that is sent on."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)
