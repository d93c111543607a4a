"""What leaves a connection: a tick's frames in one write, and DATA as far as the peer's windows reach."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from sadd.grpc.answers import answer, beginning, ending, prefixed
from sadd.grpc.frames import (
    DATA,
    FLOW_CONTROL_ERROR,
    FRAME_BYTES_MAX,
    WINDOW_BYTES_MAX,
    WINDOW_FIRST_BYTES,
    Fault,
    frame,
)
from sadd.grpc.stream import Stream


class Outflow:
    """Frames on their way out of one connection.

    An answer that the windows let through leaves whole. One that they do not is held on its stream and sent
    piece by piece as they open; it stays an open stream meanwhile, so their number bounds what is held.
    ``on_sent`` is told when a held answer has left.
    """

    __slots__ = (
        "_loop",
        "_on_sent",
        "_out",
        "_scheduled",
        "_transport",
        "_waiting",
        "stream_window",
        "window",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, on_sent: Callable[[Stream], None]) -> None:
        self._loop = loop
        self._on_sent = on_sent
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._scheduled = False
        self._waiting: OrderedDict[int, Stream] = (
            OrderedDict()
        )  # held by the connection's window, not by their own
        self.window = WINDOW_FIRST_BYTES
        """Bytes of DATA that the peer takes on the connection."""
        self.stream_window = WINDOW_FIRST_BYTES
        """The same for a stream that begins."""

    def attach(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def detach(self) -> None:
        """The connection is lost: what is to leave is dropped."""
        self._transport = None
        self._out.clear()
        self._waiting.clear()

    # -- frames ----------------------------------------------------------------

    def put(self, frames: bytes) -> None:
        """To leave with what else this tick brings."""
        self._out.append(frames)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what there is. The transport may be closing: then nobody reads it."""
        self._scheduled = False
        out, transport = self._out, self._transport
        if not out or transport is None:
            return
        if not transport.is_closing():
            transport.write(b"".join(out))
        out.clear()

    # -- answers ---------------------------------------------------------------

    def answer(self, stream: Stream, message: bytes) -> bool:
        """True: it is on its way. False: it is held, and ``on_sent`` will tell."""
        size = len(message) + 5
        if size <= self.window and size <= stream.window and size <= FRAME_BYTES_MAX:
            self.window -= size
            self.put(answer(stream.id, message))
            return True
        self.put(beginning(stream.id))
        stream.held = prefixed(message)
        return self._pour(stream)

    def drop(self, stream: Stream) -> None:
        """Its answer is not wanted any more."""
        stream.held = None
        self._waiting.pop(stream.id, None)

    def _pour(self, stream: Stream) -> bool:
        """Send what the windows let through; True: that was the rest."""
        held = stream.held or b""
        at, room = 0, min(self.window, stream.window)
        while at < len(held) and room > 0:
            piece = held[at : at + min(room, FRAME_BYTES_MAX)]
            self.put(frame(DATA, 0, stream.id, piece))
            at += len(piece)
            room -= len(piece)
        self.window -= at
        stream.window -= at
        if at == len(held):
            stream.held = None
            self.put(ending(stream.id))
            return True
        stream.held = held[at:]
        if stream.window > 0:
            self._waiting[stream.id] = stream
        return False

    # -- windows ---------------------------------------------------------------

    def opened(self, added_bytes: int) -> None:
        """The peer takes more on the connection. Raises Fault."""
        self.window += added_bytes
        if self.window > WINDOW_BYTES_MAX:
            raise Fault(FLOW_CONTROL_ERROR, "a window larger than 2^31-1")
        while self._waiting and self.window > 0:
            _, stream = self._waiting.popitem(last=False)
            if self._pour(stream):
                self._on_sent(stream)

    def stream_opened(self, stream: Stream, added_bytes: int) -> bool:
        """The peer takes more on a stream. False: more than there is a number for."""
        stream.window += added_bytes
        if stream.window > WINDOW_BYTES_MAX:
            return False
        if stream.held is not None and stream.window > 0 and self._pour(stream):
            self._waiting.pop(stream.id, None)
            self._on_sent(stream)
        return True
