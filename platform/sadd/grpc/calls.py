"""The calls of one connection: begun by a header block, complete with their message, answered or given up."""

from collections.abc import Callable

import structlog

from sadd.grpc.allowance import Allowance
from sadd.grpc.answers import PREFIX_BYTES, http_refusal, refusal
from sadd.grpc.blocks import CALL_SECONDS_MAX, Blocks
from sadd.grpc.frames import (
    CANCEL,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    NO_ERROR,
    PADDED,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_ID_MAX,
    Fault,
    rst_stream,
    unpadded,
    window_update,
)
from sadd.grpc.outflow import Outflow
from sadd.grpc.status import CANCELLED, OK, Code, Result, Status
from sadd.grpc.stream import Stream

MESSAGE_BYTES_MAX = 1_048_576

WINDOW_BYTES = 4 * 1_048_576
"""What incomplete requests of one connection may hold together."""

STREAM_WINDOW_BYTES = 2 * 1_048_576
"""More than a message, since padding counts too: a stream never waits for us."""

STREAMS_MAX = 1000
"""Calls of one connection at a time, those that were cancelled included until their work has ended."""

_TOO_LARGE = Status(Code.RESOURCE_EXHAUSTED, f"a message larger than {MESSAGE_BYTES_MAX} bytes")
_COMPRESSED = Status(Code.UNIMPLEMENTED, "compressed messages are not taken")
_NOT_ONE_MESSAGE = Status(Code.INTERNAL, "not exactly one message")
_LATE = Status(Code.DEADLINE_EXCEEDED, "no answer in time")
_FAILED = Status(Code.INTERNAL, "the method failed")

_log = structlog.get_logger("sadd.grpc")


class Calls:
    """``on_…`` take frames, and raise Fault when they break the protocol or a bound."""

    __slots__ = (
        "_abandoned",
        "_allowance",
        "_blocks",
        "_clock",
        "_consumed",
        "_outflow",
        "_streams",
        "_window",
        "answers",
        "begun",
        "last_id",
        "peer",
        "refuse_after_id",
        "refused",
    )

    def __init__(
        self, blocks: Blocks, outflow: Outflow, allowance: Allowance, clock: Callable[[], float]
    ) -> None:
        self._blocks = blocks
        self._outflow = outflow
        self._allowance = allowance
        self._clock = clock
        self._streams: dict[int, Stream] = {}
        self._abandoned: dict[int, Stream] = {}  # cancelled or late, and still at work
        self._window = WINDOW_BYTES
        self._consumed = 0
        self.peer = ""
        """The client's address, without the port."""
        self.begun = 0
        self.answers = 0
        self.refused = 0
        """Streams that were not begun, since there were too many or the connection is ending."""
        self.last_id = 0
        self.refuse_after_id = STREAM_ID_MAX

    def __len__(self) -> int:
        """Calls that the client waits for."""
        return len(self._streams)

    # -- requests ----------------------------------------------------------------

    def on_headers(self, flags: int, stream_id: int, block: bytes) -> None:
        head = self._blocks.head(block)
        if not stream_id & 1:
            raise Fault(PROTOCOL_ERROR, "a stream of an even number")
        if stream_id <= self.last_id:
            self._trailers(flags, stream_id)
            return
        self.last_id = stream_id
        if stream_id > self.refuse_after_id or len(self._streams) + len(self._abandoned) >= STREAMS_MAX:
            self.refused += 1
            self._allowance.spend(1, self.answers)
            self._outflow.put(rst_stream(stream_id, REFUSED_STREAM))
            return
        self.begun += 1
        self._streams[stream_id] = stream = Stream(
            self, stream_id, head, self._clock(), self._outflow.stream_window
        )
        if flags & END_STREAM:
            stream.complete = True
        if head.refused is not None:
            self._refuse(stream, head.refused)
        elif stream.complete:
            self._refuse(stream, _NOT_ONE_MESSAGE)

    def _trailers(self, flags: int, stream_id: int) -> None:
        """A header block after the first of its stream: the request may end with one."""
        self._allowance.spend(1, self.answers)
        stream = self._streams.get(stream_id)
        if stream is None or stream.complete:
            return
        if not flags & END_STREAM:
            self.reset(stream, PROTOCOL_ERROR)
            return
        self._complete(stream, stream.body)

    def on_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        size = len(payload)
        self._window -= size
        if self._window < 0:
            raise Fault(FLOW_CONTROL_ERROR, "more data than the window")
        stream = self._streams.get(stream_id)
        if stream is None or stream.complete:
            self._late_data(stream_id, size)
            return
        if flags == END_STREAM and not stream.taken:  # a whole request in one frame, as nearly all are
            self._consumed += size
            self._whole(stream, payload)
            return
        stream.taken += size
        if flags & PADDED:
            payload = unpadded(PADDED, payload)
        body: bytes | bytearray = payload
        if stream.body:
            stream.body += payload
            body = stream.body
        if flags & END_STREAM:
            self._complete(stream, body)
        else:
            self._keep(stream, body)

    def _late_data(self, stream_id: int, size: int) -> None:
        """For a stream that is over on our side: the client may not know yet."""
        if stream_id > self.last_id or not stream_id & 1:
            raise Fault(PROTOCOL_ERROR, "data of a stream that was not begun")
        self._consumed += size
        self._allowance.spend(1, self.answers)

    def _keep(self, stream: Stream, body: bytes | bytearray) -> None:
        self._allowance.spend(1, self.answers)
        if len(body) >= PREFIX_BYTES and int.from_bytes(body[1:PREFIX_BYTES], "big") > MESSAGE_BYTES_MAX:
            self._refuse(stream, _TOO_LARGE)
        elif len(body) > MESSAGE_BYTES_MAX + PREFIX_BYTES:
            self._refuse(stream, _NOT_ONE_MESSAGE)
        elif not stream.body:
            stream.body = bytearray(body)

    def _complete(self, stream: Stream, body: bytes | bytearray) -> None:
        stream.body = b""
        self._release(stream)
        self._whole(stream, bytes(body))

    def _whole(self, stream: Stream, body: bytes) -> None:
        """All of the request is there."""
        stream.complete = True
        size = len(body) - PREFIX_BYTES
        if size < 0 or int.from_bytes(body[1:PREFIX_BYTES], "big") != size:
            self._refuse(stream, _NOT_ONE_MESSAGE)
        elif size > MESSAGE_BYTES_MAX:
            self._refuse(stream, _TOO_LARGE)
        elif body[0]:
            self._refuse(stream, _COMPRESSED)
        else:
            self._work(stream, body[PREFIX_BYTES:])

    def _work(self, stream: Stream, message: bytes) -> None:
        unary = stream.method.unary
        assert unary is not None, "a call of an unknown method was refused"
        stream.working = True
        try:
            unary(message, self.peer, stream.done)
        except Exception:
            if not stream.method.ended[Code.INTERNAL]:  # once: a client can repeat it at any rate
                _log.exception("a method failed", method=stream.method.name)
            stream.done(_FAILED)

    def _release(self, stream: Stream) -> None:
        self._consumed += stream.taken
        stream.taken = 0

    def give_back(self) -> None:
        """Open the connection's window again, by a quarter at least."""
        if self._consumed >= WINDOW_BYTES // 4:
            self._outflow.put(window_update(0, self._consumed))
            self._window += self._consumed
            self._consumed = 0

    # -- answers -----------------------------------------------------------------

    def answered(self, stream: Stream, result: Result) -> None:
        """A method's answer; of a call that was given up it is dropped."""
        if self._streams.get(stream.id) is not stream:
            self._abandoned.pop(stream.id, None)
        elif isinstance(result, bytes):
            self.answers += 1
            stream.method.ended[OK] += 1
            if self._outflow.answer(stream, result):
                del self._streams[stream.id]
        else:
            self._refuse(stream, result)

    def sent(self, stream: Stream) -> None:
        """The rest of an answer that was held has left."""
        self._streams.pop(stream.id, None)

    def _refuse(self, stream: Stream, refused: Status | int) -> None:
        """Answer with a status alone; the rest of the request is not wanted."""
        self.answers += 1
        if isinstance(refused, int):
            stream.method.ended[Code.UNKNOWN] += 1
            self._outflow.put(http_refusal(stream.id, refused))
        else:
            stream.method.ended[refused.code] += 1
            self._outflow.put(refusal(stream.id, refused))
        if not stream.complete:
            self._outflow.put(rst_stream(stream.id, NO_ERROR))
        self._forget(stream)

    # -- calls given up ----------------------------------------------------------

    def on_rst_stream(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise Fault(FRAME_SIZE_ERROR, "RST_STREAM is not four bytes long")
        if stream_id > self.last_id or not stream_id & 1:
            raise Fault(PROTOCOL_ERROR, "a reset of a stream that was not begun")
        self._allowance.spend(1, self.answers)
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._give_up(stream)

    def reset(self, stream: Stream, code: int) -> None:
        """End one call by our own reset."""
        self._outflow.put(rst_stream(stream.id, code))
        self._give_up(stream)

    def _give_up(self, stream: Stream) -> None:
        if stream.held is None:
            stream.method.ended[CANCELLED] += 1
        self._outflow.drop(stream)
        self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        self._release(stream)
        stream.body = b""
        del self._streams[stream.id]
        if stream.at_work:
            self._abandoned[stream.id] = stream

    def sweep(self, now: float) -> None:
        """Give up the calls whose time is over."""
        for stream in [stream for stream in self._streams.values() if stream.ends_at <= now]:
            if stream.held is None:
                self._refuse(stream, _LATE)
            else:
                self.reset(stream, CANCEL)
        lost = [each for each in self._abandoned.values() if each.ends_at + CALL_SECONDS_MAX <= now]
        for stream in lost:  # its method has forgotten it
            del self._abandoned[stream.id]

    def clear(self) -> None:
        """The connection is lost, and with it whoever waited."""
        for stream in self._streams.values():
            if stream.held is None:
                stream.method.ended[CANCELLED] += 1
        self._streams.clear()
        self._abandoned.clear()

    # -- the peer's windows --------------------------------------------------------

    def on_window(self, stream_id: int, added_bytes: int) -> None:
        """WINDOW_UPDATE of a stream."""
        stream = self._streams.get(stream_id)
        if stream is None:
            if stream_id > self.last_id or not stream_id & 1:
                raise Fault(PROTOCOL_ERROR, "a window of a stream that was not begun")
        elif added_bytes == 0:
            self.reset(stream, PROTOCOL_ERROR)
        elif not self._outflow.stream_opened(stream, added_bytes):
            self.reset(stream, FLOW_CONTROL_ERROR)

    def resize_windows(self, window: int) -> None:
        """A new first window of every stream: those that are open move by the difference."""
        added_bytes = window - self._outflow.stream_window
        self._outflow.stream_window = window
        for stream in list(self._streams.values()):
            if not self._outflow.stream_opened(stream, added_bytes):
                raise Fault(FLOW_CONTROL_ERROR, "a window larger than 2^31-1")
