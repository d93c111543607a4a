"""One client's connection: cut into requests, which are answered in order, one at a time.

A request that the shield can answer at once never becomes a task. While a request is being answered what
comes behind it is held, up to a bound, and then not read. A client that goes ends what was done for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol, cast

import structlog

from sadd.settings import Server
from sadd.shield.call import CONTINUE, Call
from sadd.shield.flow import Flow, Stalled
from sadd.shield.framing import Body, BrokenBody, Chunked, Open, Sized
from sadd.shield.head import END, Head, Unreadable, read_head
from sadd.shield.line import Gone
from sadd.web.problem import Problem, head_too_large, malformed_http, request_timeout

HELD_BYTES_MAX = 65_536
"""Of requests behind the one that is being answered."""
WRITE_BYTES_MAX = 262_144
"""Of an answer, before who sends it waits: a small page leaves its origin, however slow its reader."""
GONE_SECONDS = 0.5
"""For the answer to a client that has closed its side, and so has most likely gone."""
LINGER_SECONDS = 1.0
"""How long the rest of a refused body is read and dropped, so that its sender gets to see the refusal."""
CONNECTIONS_MAX = 20_000

CUT_OFF = (ConnectionError, BrokenBody, Stalled, Gone)
"""An origin that ended in the middle of its answer, or a client in the middle of taking it."""

_log = structlog.get_logger("sadd.shield")


class Serving(Protocol):
    """The shield, as a connection sees it."""

    def at_once(self, raw: bytes, *, trusted: bool) -> bytes | None:
        """The whole answer to a request that is these bytes and was seen before, if it is at hand.

        ``trusted``: the peer is a proxy of ours, whose word on the visitor counts.
        """

    def at_hand(self, raw: bytes, head: Head, *, trusted: bool) -> bytes | None:
        """The same for one that was not seen before."""

    def trusts(self, peer: str) -> bool: ...

    async def serve(self, call: Call) -> None:
        """Answer. Whatever it raises ends the connection."""

    def refusal(self, problem: Problem, head: Head | None) -> bytes:
        """A whole answer after which the connection ends."""


@dataclass(frozen=True, slots=True)
class FrontStats:
    open: int
    opened: int
    refused: dict[str, int]
    clients_gone: int
    """Before their answer was whole."""


class Fronts:
    """The connections of one listener."""

    def __init__(self, serving: Serving, limits: Server) -> None:
        self.serving = serving
        self.limits = limits
        self.open: set[Front] = set()
        self.opened = 0
        self.malformed = 0
        self.slow_heads = 0
        self.clients_gone = 0
        self.draining = False

    def __call__(self) -> asyncio.Protocol:
        return Front(self)

    def end_idle(self) -> None:
        """Close those that wait for a request."""
        for front in list(self.open):
            front.end_if_idle()

    @property
    def busy(self) -> int:
        """Requests that are being answered."""
        return sum(front.is_busy for front in self.open)

    def stats(self) -> FrontStats:
        refused = {"malformed": self.malformed, "slow_head": self.slow_heads}
        return FrontStats(len(self.open), self.opened, refused, self.clients_gone)


class Front(asyncio.Protocol):
    """Receives, cuts, has answered."""

    def __init__(self, fronts: Fronts) -> None:
        self.peer = ""
        self._fronts = fronts
        self._at_once = fronts.serving.at_once
        self._trusted = False
        self._serve: Callable[[Call], Awaitable[None]] = fronts.serving.serve
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._call: Call | None = None
        self._task: asyncio.Task[None] | None = None
        self._body: Body | None = None
        self._asked_for_body = False
        self._lingers = False
        self._said_all = False
        self._used_at = perf_counter()
        self._served = False
        self._timer: asyncio.TimerHandle | None = None
        self._writable: asyncio.Future[None] | None = None

    # The loop's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        if len(self._fronts.open) >= CONNECTIONS_MAX:
            self._transport.abort()
            return
        self._fronts.open.add(self)
        self._fronts.opened += 1
        name = transport.get_extra_info("peername")
        self.peer = str(name[0]) if isinstance(name, tuple) else ""
        self._trusted = self._fronts.serving.trusts(self.peer)
        self._transport.set_write_buffer_limits(high=WRITE_BYTES_MAX)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._fronts.limits.first_byte_timeout_seconds, self._look_at_the_clock)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self._fronts.open.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._buffer = b""
        self.resume_writing()
        if self._task is not None:
            self._fronts.clients_gone += 1
            self._task.cancel()

    def eof_received(self) -> bool:
        """The client has gone, or has only said all: whether it still listens is known by writing to it.

        So it has a moment for its answer, and then its origin is free for others.
        """
        if self._call is None:
            return False
        self._said_all = True
        if self._body is not None and not self._body.ended and self._call.body is not None:
            try:
                self._body.close()
                self._call.body.end()
            except BrokenBody as broken:
                self._call.body.fail(broken)
        asyncio.get_running_loop().call_later(GONE_SECONDS, self._give_up)
        return True

    def _give_up(self) -> None:
        if self._call is not None:
            self.abort()

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None
        if self._call is None:
            self._resume()
            self._next()

    def data_received(self, data: bytes) -> None:
        is_free = self._call is None and not self._buffer and not self._lingers and self._writable is None
        if is_free and not self._fronts.draining:
            answer = self._at_once(data, trusted=self._trusted)
            if answer is not None:
                self._say(answer)
                return
        self._receive(data)

    def _say(self, answer: bytes) -> None:
        self._served = True
        self._used_at = perf_counter()
        self.write(answer)

    # Requests.

    def _receive(self, data: bytes) -> None:
        if self._lingers:
            return
        if self._call is not None and self._body is not None and not self._body.ended:
            data = self._feed(self._body, data)
            if not data:
                return
        self._buffer += data
        self._next()
        if len(self._buffer) > HELD_BYTES_MAX:
            self._pause()

    def _next(self) -> None:
        """Begin the next request, and answer those that can be answered at once."""
        while self._buffer and self._call is None and self._writable is None and not self._lingers:
            if self._transport is None or not self._take_one():
                return

    def _take_one(self) -> bool:
        """False: its head is not all there."""
        if self._buffer.startswith(b"\r\n") and not self._served:
            self._buffer = self._buffer[2:]  # RFC 9112 §2.2: at least one, before the first
        end = self._buffer.find(END)
        limit = self._fronts.limits.max_header_bytes
        if end > limit or (end < 0 and len(self._buffer) > limit):
            self._refuse(head_too_large(limit))
        elif end >= 0:
            end += len(END)
            raw, self._buffer = self._buffer[:end], self._buffer[end:]
            self._begin(raw)
        elif self._buffer.count(b"\n") != self._buffer.count(b"\r\n"):
            # It would keep us waiting for an end that never comes.
            self._fronts.malformed += 1
            self._refuse(malformed_http())
        return end >= 0

    def _begin(self, raw: bytes) -> None:
        try:
            head = read_head(raw)
        except Unreadable as refused:
            self._fronts.malformed += 1
            self._refuse(refused.problem)
            return
        if not head.has_body and head.keeps_open and not self._fronts.draining:
            answer = self._fronts.serving.at_hand(raw, head, trusted=self._trusted)
            if answer is not None:
                self._say(answer)
                return
        self._served = True
        self._body = None
        self._asked_for_body = not head.expects
        call = self._call = Call(self, head, None)
        if head.has_body or head.upgrades:
            call.body = Flow(self._pause, self._resume)
            self._body = Open() if head.upgrades else Chunked() if head.length is None else Sized(head.length)
            rest, self._buffer = self._buffer, b""
            self._buffer = self._feed(self._body, rest)
        if self._call is None:  # its body was malformed
            return
        call.closes = call.closes or self._fronts.draining or head.upgrades
        self._task = asyncio.get_running_loop().create_task(self._answer(call))

    def _feed(self, body: Body, data: bytes) -> bytes:
        """Give the body what is its; returns what is behind it."""
        flow = self._call.body if self._call is not None else None
        assert flow is not None
        try:
            for piece in body.take(data):
                flow.put(piece)
        except BrokenBody as broken:
            self._fronts.malformed += 1
            flow.fail(broken)
            if self._call is not None:
                self._call.closes = True
            return b""
        if body.ended:
            flow.end()
            return body.rest
        return b""

    async def _answer(self, call: Call) -> None:
        try:
            await self._serve(call)
        except asyncio.CancelledError:
            self.abort()
            raise
        except CUT_OFF as error:  # half an answer ends with its connection; it is nobody's fault of ours
            _log.info("an answer was cut off", reason=type(error).__name__)
            self.abort()
        except Exception as error:
            _log.exception("a request could not be served", failure=type(error).__name__)
            self.abort()
        finally:
            self._task = None
            self._over(call)

    def _over(self, call: Call) -> None:
        self._call = None
        self._used_at = perf_counter()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if not call.ended:
            transport.abort()  # half an answer must not look like a whole one
        elif call.closes or (self._body is not None and not self._body.ended):
            self._end()
        else:
            self._resume()
            self._next()
            if self._said_all and self._call is None:
                transport.close()

    # What a call asks of its connection.

    def write(self, data: bytes) -> None:
        if self._transport is None:
            raise ConnectionResetError("the client has gone")
        self._transport.write(data)

    async def drain(self) -> None:
        if self._writable is not None:
            await self._writable

    def want_body(self) -> None:
        if not self._asked_for_body:
            self._asked_for_body = True
            self.write(CONTINUE)

    # Ending.

    @property
    def is_busy(self) -> bool:
        return self._call is not None

    def end_if_idle(self) -> None:
        if self._call is None and self._transport is not None:
            self._transport.close()

    def _refuse(self, problem: Problem) -> None:
        self.write(self._fronts.serving.refusal(problem, None))
        self._end()

    def _end(self) -> None:
        """Close, after a while in which what still comes is dropped."""
        transport = self._transport
        if transport is None:
            return
        self._lingers, self._buffer = True, b""
        if self._body is not None and not self._body.ended:
            self._resume()
            asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.close)
        else:
            transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _look_at_the_clock(self) -> None:
        """A first head that is late is told so; an idle connection is closed without a word."""
        limits = self._fronts.limits
        transport = self._transport
        if transport is None:
            return
        idle_seconds = perf_counter() - self._used_at
        bound = limits.idle_timeout_seconds if self._served else limits.first_byte_timeout_seconds
        if self._call is not None or idle_seconds < bound:
            left = bound if self._call is not None else bound - idle_seconds
            self._timer = asyncio.get_running_loop().call_later(max(left, 0.1), self._look_at_the_clock)
        elif self._served and not self._buffer:
            transport.close()
        else:
            self._fronts.slow_heads += 1
            self._refuse(request_timeout())
