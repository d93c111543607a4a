"""One client's connection: its frames, and its end.

Every bound is met by ending a stream or the connection, with the code of RFC 9113 that says why; nothing
that a peer sends makes us keep more than a fixed amount for it:

- its requests: ``WINDOW_BYTES`` of DATA, given back as requests are complete;
- its calls: ``STREAMS_MAX`` at once, where a call that it cancelled counts until the work for it has ended,
  so that resets (CVE-2023-44487) buy nothing;
- its answers: they belong to open calls, and no more is read while ``UNSENT_BYTES_MAX`` wait to be sent;
- frames without a call: an ``Allowance``.
"""

import asyncio
from typing import cast

import structlog

from sadd.grpc.allowance import Allowance
from sadd.grpc.blocks import HEADER_LIST_BYTES_MAX, Blocks
from sadd.grpc.calls import STREAM_WINDOW_BYTES, STREAMS_MAX, WINDOW_BYTES, Calls
from sadd.grpc.frames import (
    ACK,
    DATA,
    ENABLE_PUSH,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_BYTES_MAX,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADER_TABLE_SIZE,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    INTERNAL_ERROR,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    NO_ERROR,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ACK,
    STREAM_ID_MAX,
    WINDOW_BYTES_MAX,
    WINDOW_FIRST_BYTES,
    WINDOW_UPDATE,
    Fault,
    goaway,
    ping,
    settings,
    settings_of,
    window_update,
    word_of,
)
from sadd.grpc.outflow import Outflow
from sadd.grpc.reader import FrameReader, NotHttp2
from sadd.grpc.stream import Stream
from sadd.grpc.switchboard import Switchboard

UNSENT_BYTES_MAX = 1_048_576

LINGER_SECONDS = 1.0
"""How long a connection that ends may take to send its last words."""

FAREWELL_SECONDS = 1.0
"""How long a client that was told to go may still begin calls, unless it has said before that it heard."""

RETIRES_AT_ID = STREAM_ID_MAX - 2**24
"""A client numbers its calls upwards for ever: before the numbers run out, it is told to connect anew."""

_FAREWELL = b"farewell"
_SETTINGS_PRICE = 20
"""In frames of the allowance: one SETTINGS can change every stream's window."""

_GREETING = settings(
    {
        HEADER_TABLE_SIZE: 0,
        MAX_CONCURRENT_STREAMS: STREAMS_MAX,
        INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES,
        MAX_HEADER_LIST_SIZE: HEADER_LIST_BYTES_MAX,
    }
) + window_update(0, WINDOW_BYTES - WINDOW_FIRST_BYTES)

_WORDS = b"This port speaks gRPC: HTTP/2 without TLS, by prior knowledge.\n"
_TO_OTHERS = (
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_WORDS), _WORDS)
)

_log = structlog.get_logger("sadd.grpc")


class Connection(asyncio.Protocol):
    """The protocol of one accepted connection of a ``Switchboard``."""

    def __init__(self, board: Switchboard, loop: asyncio.AbstractEventLoop) -> None:
        self._board = board
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._allowance = Allowance()
        self._blocks = Blocks(board.service)
        self._outflow = Outflow(loop, self._sent)
        self._calls = Calls(self._blocks, self._outflow, self._allowance, loop.time)
        self._reader = FrameReader(
            {
                DATA: self._calls.on_data,
                HEADERS: self._calls.on_headers,
                PRIORITY: self._on_priority,
                RST_STREAM: self._calls.on_rst_stream,
                SETTINGS: self._on_settings,
                PUSH_PROMISE: self._on_push_promise,
                PING: self._on_ping,
                GOAWAY: self._on_unknown,
                WINDOW_UPDATE: self._on_window_update,
            },
            self._on_unknown,
        )
        self._greeted = False
        self._begun = self._refused = 0  # as they were at the last sweep
        self._made_at = self._swept_at = self._quiet_since = loop.time()
        self._told_at: float | None = None  # to go
        self._paused_at: float | None = None
        self._closed_at: float | None = None

    @property
    def streams(self) -> int:
        return len(self._calls)

    # -- the transport ----------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=UNSENT_BYTES_MAX)
        self._outflow.attach(self._transport)
        name = self._transport.get_extra_info("peername")
        self._calls.peer = name[0] if isinstance(name, tuple) else ""
        self._board.opened += 1
        self._board.connections.add(self)
        if len(self._board.connections) > self._board.limits.connections_max:
            self._close("too_many_connections")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self._board.connections.discard(self)
        self._note_refused()
        self._calls.clear()
        self._outflow.detach()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        if self._closed_at is not None:
            return
        try:
            self._reader.feed(data)
            self._calls.give_back()
        except Fault as fault:
            self._fail(fault)
        except NotHttp2 as error:
            if error.begin[:1].isalpha():  # a person with a browser, perhaps
                self._outflow.put(_TO_OTHERS)
            self._close("not_http2")
        except Exception:
            _log.exception("a connection failed")
            self._fail(Fault(INTERNAL_ERROR, "failed"))
        self._outflow.flush()

    def pause_writing(self) -> None:
        self._paused_at = self._loop.time()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused_at = None
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # -- its end -----------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """Give up what is late: calls, a peer that does not begin, does not read, or says nothing."""
        limits = self._board.limits
        self._calls.sweep(now)
        self._allowance.refill(now - self._swept_at)
        self._swept_at = now
        self._note_refused()
        if self._closed_at is not None:
            if now - self._closed_at >= LINGER_SECONDS:
                self.abort()
        elif not self._greeted:
            if now - self._made_at >= limits.first_byte_timeout_seconds:
                self._close("slow_start")
        elif self._paused_at is not None and now - self._paused_at >= limits.idle_timeout_seconds:
            self._board.ended["stalled"] += 1
            self.abort()
        else:
            self._sweep_quiet(now, limits.idle_timeout_seconds)

    def _sweep_quiet(self, now: float, idle_timeout_seconds: float) -> None:
        if self._told_at is not None:
            if now - self._told_at >= FAREWELL_SECONDS:
                self._refuse_new()
            if not len(self._calls) and self._calls.refuse_after_id != STREAM_ID_MAX:
                self._close()
        elif self._calls.last_id >= RETIRES_AT_ID:
            self.drain(now)
        elif len(self._calls) or self._calls.begun != self._begun:
            self._begun = self._calls.begun
            self._quiet_since = now
        elif now - self._quiet_since >= idle_timeout_seconds:
            self.drain(now)

    def drain(self, now: float) -> None:
        """Say that this connection ends, so that nothing new is begun on it; close it once all is answered.

        RFC 9113 §6.8: first a GOAWAY that refuses nothing, since calls may be on their way; the one that
        names the last call follows when the PING behind it is answered, or after ``FAREWELL_SECONDS``.
        """
        if self._told_at is not None or self._closed_at is not None:
            return
        if not self._greeted:
            self._close()
            return
        self._told_at = now
        self._outflow.put(goaway(STREAM_ID_MAX, NO_ERROR) + ping(_FAREWELL))

    def _refuse_new(self) -> None:
        if self._calls.refuse_after_id == STREAM_ID_MAX:
            self._calls.refuse_after_id = self._calls.last_id
            self._outflow.put(goaway(self._calls.last_id, NO_ERROR))

    def _sent(self, stream: Stream) -> None:
        self._calls.sent(stream)

    def _fail(self, fault: Fault) -> None:
        if self._greeted:
            self._outflow.put(goaway(self._calls.last_id, fault.code, fault.word))
        self._close("flood" if fault.code == ENHANCE_YOUR_CALM else "protocol")

    def _close(self, reason: str | None = None) -> None:
        """Write what there is to say, and close; calls that wait for an answer get none."""
        if reason is not None:
            self._board.ended[reason] += 1
        self._closed_at = self._loop.time()
        self._outflow.flush()
        self._calls.clear()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _note_refused(self) -> None:
        self._board.refused_streams += self._calls.refused - self._refused
        self._refused = self._calls.refused

    # -- frames of the connection --------------------------------------------------

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id or len(payload) % 6 or (flags & ACK and payload):
            raise Fault(FRAME_SIZE_ERROR, "SETTINGS of a wrong length or stream")
        self._spend(_SETTINGS_PRICE)
        if flags & ACK:
            self._blocks.settled()
            return
        if not self._greeted:
            self._greeted = True
            self._outflow.put(_GREETING)
            if self._board.draining:
                self.drain(self._loop.time())
        told = settings_of(payload)
        for name, value in told:
            self._check_setting(name, value)
        # A window moves every stream, and a frame has room for 2,730 of them: only the last one counts.
        if (window := dict(told).get(INITIAL_WINDOW_SIZE)) is not None:
            self._calls.resize_windows(window)
        self._outflow.put(SETTINGS_ACK)

    def _check_setting(self, name: int, value: int) -> None:
        if name == INITIAL_WINDOW_SIZE:
            if value > WINDOW_BYTES_MAX:
                raise Fault(FLOW_CONTROL_ERROR, "a window larger than 2^31-1")
        elif (name == ENABLE_PUSH and value > 1) or (
            name == MAX_FRAME_SIZE and not FRAME_BYTES_MAX <= value < 2**24
        ):
            raise Fault(PROTOCOL_ERROR, "a setting out of its range")

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id or len(payload) != 8:
            raise Fault(FRAME_SIZE_ERROR, "PING of a wrong length or stream")
        self._spend(1)
        if not flags & ACK:
            self._outflow.put(ping(payload, ACK))
        elif payload == _FAREWELL and self._told_at is not None:
            self._refuse_new()

    def _on_window_update(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise Fault(FRAME_SIZE_ERROR, "WINDOW_UPDATE is not four bytes long")
        self._spend(1)
        added_bytes = word_of(payload)
        if stream_id:
            self._calls.on_window(stream_id, added_bytes)
        elif added_bytes:
            self._outflow.opened(added_bytes)
        else:
            raise Fault(PROTOCOL_ERROR, "a window opened by nothing")

    def _on_priority(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id or len(payload) != 5:
            raise Fault(FRAME_SIZE_ERROR, "PRIORITY of a wrong length or stream")
        self._spend(1)

    def _on_push_promise(self, _flags: int, _stream_id: int, _payload: bytes) -> None:
        raise Fault(PROTOCOL_ERROR, "a client cannot promise")

    def _on_unknown(self, _flags: int, _stream_id: int, _payload: bytes) -> None:
        """GOAWAY, which asks nothing of us, and what later standards add."""
        self._spend(1)

    def _spend(self, frames: int) -> None:
        self._allowance.spend(frames, self._calls.answers)
