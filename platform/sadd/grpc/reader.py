"""Bytes to frames: the preface, then one frame after another, however the bytes are cut."""

from collections.abc import Callable, Mapping
from struct import Struct

from sadd.grpc.frames import (
    CONTINUATION,
    END_HEADERS,
    ENHANCE_YOUR_CALM,
    FRAME_BYTES_MAX,
    FRAME_SIZE_ERROR,
    HEAD_BYTES,
    HEADERS,
    PADDED,
    PREFACE,
    PRIORITISED,
    PROTOCOL_ERROR,
    SETTINGS,
    Fault,
    unpadded,
)

OnFrame = Callable[[int, int, bytes], None]
"""Takes flags, stream and payload. Raises Fault."""

HEADER_BLOCK_BYTES_MAX = 16_384
"""Of one header block, all its frames together."""

CONTINUATIONS_MAX = 16
"""Frames that may continue one header block (CVE-2024-27316: they may be empty)."""

_KINDS = 256
_head = Struct(">HBBBI").unpack_from


class NotHttp2(Exception):
    """The first bytes are not HTTP/2's; ``begin`` is what came."""

    def __init__(self, begin: bytes) -> None:
        super().__init__("not HTTP/2")
        self.begin = begin


class FrameReader:
    """Hands each whole frame to the handler of its kind, and a header block once all of it is there.

    It keeps at most one unfinished frame and one unfinished block, 16 KiB each.
    """

    __slots__ = (
        "_block",
        "_continuations",
        "_flags",
        "_handlers",
        "_interleaved",
        "_on_headers",
        "_rest",
        "_stream_id",
        "_usual",
        "begun",
    )

    def __init__(self, handlers: Mapping[int, OnFrame], on_unknown: OnFrame) -> None:
        """``handlers`` is by kind; CONTINUATION is not among them, and HEADERS gets whole blocks."""
        self._on_headers = handlers[HEADERS]
        own = {**handlers, HEADERS: self._headers, CONTINUATION: self._unexpected}
        self._usual = tuple(own.get(kind, on_unknown) for kind in range(_KINDS))
        self._interleaved = tuple(
            self._continued if kind == CONTINUATION else self._unexpected for kind in range(_KINDS)
        )
        self._handlers = self._usual
        self._rest = b""
        self._block = b""
        self._flags = self._stream_id = self._continuations = 0
        self.begun = False
        """True once the preface and the kind of the first frame have been seen."""

    def feed(self, data: bytes) -> None:
        """Raises Fault, NotHttp2, and what a handler raises."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at = 0 if self.begun else self._begin(data)
        if self.begun:
            at = self._frames(data, at)
        if at < len(data):
            self._rest = data[at:]

    def _begin(self, data: bytes) -> int:
        if not data.startswith(PREFACE[: len(data)]):
            raise NotHttp2(data)
        if len(data) < len(PREFACE) + 4:
            return 0
        if data[len(PREFACE) + 3] != SETTINGS:
            raise Fault(PROTOCOL_ERROR, "the first frame is not SETTINGS")
        self.begun = True
        return len(PREFACE)

    def _frames(self, data: bytes, at: int) -> int:
        """Handle all whole frames from ``at`` on; returns where the unfinished one begins."""
        end = len(data)
        while end - at >= HEAD_BYTES:
            high, low, kind, flags, stream_id = _head(data, at)
            size = high << 8 | low
            if size > FRAME_BYTES_MAX:
                raise Fault(FRAME_SIZE_ERROR, "a frame larger than 16384 bytes")
            begin = at + HEAD_BYTES
            if begin + size > end:
                break
            at = begin + size
            self._handlers[kind](flags, stream_id & 0x7FFF_FFFF, data[begin:at])
        return at

    # -- header blocks -----------------------------------------------------------

    def _headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if flags & (PADDED | PRIORITISED):
            payload = unpadded(flags, payload)
        if flags & END_HEADERS:
            self._on_headers(flags, stream_id, payload)
            return
        self._block, self._flags, self._stream_id, self._continuations = payload, flags, stream_id, 0
        self._handlers = self._interleaved

    def _continued(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id != self._stream_id:
            raise Fault(PROTOCOL_ERROR, "CONTINUATION of another stream")
        self._continuations += 1
        self._block += payload
        if self._continuations > CONTINUATIONS_MAX or len(self._block) > HEADER_BLOCK_BYTES_MAX:
            raise Fault(ENHANCE_YOUR_CALM, "a header block without an end")
        if flags & END_HEADERS:
            block, self._block = self._block, b""
            self._handlers = self._usual
            self._on_headers(self._flags, stream_id, block)

    def _unexpected(self, _flags: int, _stream_id: int, _payload: bytes) -> None:
        raise Fault(PROTOCOL_ERROR, "CONTINUATION out of its place, or another frame in its place")
