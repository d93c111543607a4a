"""One connection: aiohttp's protocol with the limits that it lacks.

aiohttp bounds a header line and an idle connection. Here are added: a deadline for the first header
block, a bound for the whole block, and answers to what is not HTTP that are problems like all
others. A later header block has the idle time-out as its deadline.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import structlog
from aiohttp import hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from sadd.settings import Server
from sadd.web.answer import problem_answer, stamp
from sadd.web.problem import Problem, head_too_large, internal_error, malformed_http, request_timeout

HEADERS_MAX = 64
"""Header fields of one request."""

LINGER_SECONDS = 1.0
"""How long the rest of a refused body is read and dropped, so that its sender gets to see the refusal."""

_POLL_SECONDS = 0.01

_parse = web.RequestHandler.data_received  # found once: this is on the path of every request

_log = structlog.get_logger("sadd.web")


@dataclass(slots=True)
class ConnectionCounters:
    """What happened to connections, for the metrics."""

    opened: int = 0
    slow_heads: int = 0
    large_heads: int = 0
    malformed: int = 0
    lent: int = 0
    handed_over: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionStats:
    open: int
    opened: int
    refused: dict[str, int]
    lent: int
    """Requests that came to the fast lane and were answered by aiohttp."""
    handed_over: int
    """Connections that the fast lane left to aiohttp for good."""


class Front(Protocol):
    """What stands before aiohttp on a connection: the fast lane."""

    @property
    def is_new(self) -> bool: ...

    def retire(self) -> bool:
        """End after the calls under way. False: there are none."""

    def close(self) -> None: ...

    def abort(self) -> None: ...


class Connections(web.Server):
    """Makes and knows the connections of one listener. Built from the server that aiohttp made.

    With a ``front`` that takes each connection first, aiohttp's own is made behind it when it is needed.
    """

    def __init__(
        self,
        stock: web.Server,
        limits: Server,
        front: "Callable[[Connections], asyncio.Protocol] | None" = None,
    ) -> None:
        super().__init__(
            stock.request_handler,
            request_factory=stock.request_factory,
            access_log=None,
            keepalive_timeout=limits.idle_timeout_seconds,
            max_line_size=limits.max_header_bytes,
            max_field_size=limits.max_header_bytes,
            max_headers=HEADERS_MAX,
            # A compressed body would be inflated past its bound, and nobody asked for one.
            auto_decompress=False,
            lingering_time=LINGER_SECONDS,
        )
        self.limits = limits
        self.counters = ConnectionCounters()
        self.ended = False
        """Once true, a connection that the loop had still to make is closed at birth."""
        self._front = front
        self._alone: set[Front] = set()  # with no connection of aiohttp behind them

    def __call__(self) -> asyncio.Protocol:  # type: ignore[override]  # the loop asks for no more
        return self.behind(None) if self._front is None else self._front(self)

    def behind(self, front: Front | None) -> "Connection":
        """aiohttp's connection, for a front or alone."""
        if front is not None:
            self._alone.discard(front)
        return Connection(self, front, loop=self._loop, **self._kwargs)

    def welcome(self, front: Front) -> bool:
        """Count a connection that a front has. False: it is to be closed."""
        if not self.ended:
            self.counters.opened += 1
            self._alone.add(front)
        return not self.ended

    def part_with(self, front: Front) -> None:
        self._alone.discard(front)

    @property
    def newcomers(self) -> int:
        """Connections that have not sent a request yet."""
        made = sum(connection.is_new for connection in self._made())
        return made + sum(front.is_new for front in self._alone)

    def close_used(self) -> None:
        """Close the kept-alive connections: the idle ones now, others after their answer."""
        for connection in self._made():
            if not connection.is_new:
                connection.close()
        self._close_alone([front for front in self._alone if not front.is_new])

    def pre_shutdown(self) -> None:
        super().pre_shutdown()
        self._close_alone(list(self._alone))

    async def shutdown(self, timeout: float | None = None) -> None:
        await super().shutdown(timeout)
        for front in list(self._alone):
            front.close()
        # Until what was written has left, or the caller's patience ends.
        while self._alone:  # noqa: ASYNC110  # an event would have to be set at each connection's end
            await asyncio.sleep(_POLL_SECONDS)

    def cut_off(self) -> None:
        """End every connection now, whatever is still to be written."""
        for connection in list(self.connections):
            connection.force_close()
        for front in list(self._alone):
            front.abort()

    def _close_alone(self, fronts: "list[Front]") -> None:
        for front in fronts:
            if not front.retire():
                front.close()

    def _made(self) -> list["Connection"]:
        return [connection for connection in self.connections if isinstance(connection, Connection)]

    def stats(self) -> ConnectionStats:
        counters = self.counters
        refused = {
            "slow_head": counters.slow_heads,
            "large_head": counters.large_heads,
            "malformed": counters.malformed,
        }
        return ConnectionStats(
            open=len(self._connections) + len(self._alone),
            opened=counters.opened,
            refused=refused,
            lent=counters.lent,
            handed_over=counters.handed_over,
        )


class Connection(web.RequestHandler):
    """One client's connection.

    It knows a few private fields of aiohttp's handler (``_request_count``, ``_waiter``, ``_messages``,
    ``_buffer_paused``, ``_upgraded``, ``_close``, ``_force_close``, ``_next_keepalive_close_time``);
    test_connection.py fails when a release of aiohttp moves one.
    """

    __slots__ = ("_carried_bytes", "_head_bytes", "_head_timer", "_served_before", "_server", "front")

    def __init__(
        self, server: Connections, front: Front | None, *, loop: asyncio.AbstractEventLoop, **options: Any
    ) -> None:
        super().__init__(server, loop=loop, **options)
        self._server = server
        self.front = front
        """Who has the connection while this one is lent requests of it."""
        self._served_before = False
        self._head_bytes = 0
        self._carried_bytes = 0  # of the head to come, that came with the one before: so many at most
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._server.ended:
            self.force_close()
            return
        self._server.counters.opened += 1
        deadline = self._server.limits.first_byte_timeout_seconds
        self._head_timer = self._loop.call_later(deadline, self.head_is_late)

    def adopt(self, transport: asyncio.Transport, head_until: float | None) -> None:
        """Begin on a connection that a front has accepted, counted and perhaps used.

        ``head_until`` is the loop's time until which its first head must be there, None if one was.
        """
        super().connection_made(transport)
        self._served_before = head_until is None
        if self._server.ended:
            self.force_close()
        elif head_until is not None:
            self._head_timer = self._loop.call_at(head_until, self.head_is_late)

    def touch(self) -> None:
        """The front has used the connection: it is not idle yet."""
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout

    @property
    def is_idle(self) -> bool:
        """Every request is answered, and the loop waits for the next one."""
        waiter = self._waiter
        return (
            waiter is not None
            and not waiter.done()
            and not self._messages
            and not self._buffer_paused
            and not self._close
        )

    def close(self) -> None:
        """End after the request under way, or now. aiohttp leaves an idle one open, and deaf."""
        if self.front is not None and self.front.retire():
            return
        if self.is_idle:
            self.force_close()
        else:
            super().close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)

    async def start(self) -> None:
        """Serve. A refusal may take away the message for which the server's loop was woken just before."""
        try:
            await super().start()
        except IndexError:
            if not self._force_close:
                raise

    @property
    def is_new(self) -> bool:
        return self._request_count == 0 and not self._served_before

    def data_received(self, data: bytes) -> None:
        before = self._request_count
        # Before the first request, ``start`` may not have come round to waiting for one yet; once a head
        # is complete, it may not have come round to taking it, and what comes then is its body.
        idle = before == 0 or (self._waiter is not None and not self._messages)
        _parse(self, data)
        if self._request_count != before:
            if self._head_timer is not None:
                self._stop_head_timer()
            # A head can only be too large if the chunks are in which it came.
            came = self._carried_bytes + self._head_bytes + len(data)
            too_large = came > self.max_field_size and self._has_large_head()
            self._head_bytes = 0
            # While the queue is full the parser keeps the rest, nobody knows of what length.
            self._carried_bytes = self.max_field_size + 1 if self._buffer_paused else len(data)
            if self._upgraded and self._wants_tunnel():
                self._server.counters.malformed += 1
                self._refuse(malformed_http(), answered=idle)
                return
        elif idle:  # so this is a part of a head, not of a body
            self._head_bytes += len(data)
            too_large = self._head_bytes > self.max_field_size
        else:
            return
        if too_large:
            self._server.counters.large_heads += 1
            self._refuse(head_too_large(self.max_field_size), answered=idle)

    def _has_large_head(self) -> bool:
        return any(
            _head_bytes(message) > self.max_field_size
            for message, _ in self._messages
            if isinstance(message, RawRequestMessage)
        )

    def _wants_tunnel(self) -> bool:
        """CONNECT names no path, so that the router would answer it in aiohttp's own words."""
        return any(
            isinstance(message, RawRequestMessage) and message.method == hdrs.METH_CONNECT
            for message, _ in self._messages
        )

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def head_is_late(self) -> None:
        self._stop_head_timer()
        if self.is_new:
            self._server.counters.slow_heads += 1
            self._refuse(request_timeout())

    def _refuse(self, problem: Problem, *, answered: bool = True) -> None:
        """Answer without a request, and close. Nothing that was received is served any more.

        ``answered`` is false while another request is being answered: this must not look like that.
        """
        self._messages.clear()
        if answered and self.transport is not None:
            self.transport.write(_plain(problem))
        self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,  # noqa: ARG002  # aiohttp's signature
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """The answer to what the parser refused, or to an error outside every endpoint."""
        problem = self._problem_of(exc)
        request_id = uuid.uuid4().hex
        if problem.status >= 500:
            _log.error("request failed outside its endpoint", request_id=request_id, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun, another one cannot be sent")
        answer = problem_answer(problem, request_id)
        stamp(answer.headers, request_id)
        answer.force_close()
        return answer

    def _problem_of(self, error: BaseException | None) -> Problem:
        if not isinstance(error, HttpProcessingError):
            return internal_error()
        if isinstance(error, LineTooLong):
            self._server.counters.large_heads += 1
            return head_too_large(self._server.limits.max_header_bytes)
        self._server.counters.malformed += 1
        return malformed_http()


def _head_bytes(message: RawRequestMessage) -> int:
    fields = sum(len(name) + len(value) + len(": \r\n") for name, value in message.raw_headers)
    return fields + len(message.path)


def _plain(problem: Problem) -> bytes:
    """A whole HTTP answer as bytes, for a connection that has no request to answer."""
    answer = problem_answer(problem, request_id := uuid.uuid4().hex)
    stamp(answer.headers, request_id)
    body = answer.body
    assert isinstance(body, bytes)
    answer.headers[hdrs.CONTENT_LENGTH] = str(len(body))
    answer.headers[hdrs.CONNECTION] = "close"
    lines = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
