"""One client's connection on the fast lane: received, cut into requests, asked, answered in order.

What it does with each request is drawn in the package's ``__init__``. No task, no future and no timer is made
for a request that came whole.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import cast

from sadd.settings import Server
from sadd.web.connection import HEADERS_MAX, Connection, Connections
from sadd.web.lane.call import LaneCall, taken_off
from sadd.web.lane.head import END
from sadd.web.lane.held import Held
from sadd.web.lane.table import Known, LaneTable
from sadd.web.lane.wording import Dates
from sadd.web.problem import forbidden, unauthenticated
from sadd.web.route import Site

PIPELINE_MAX = 32
"""Calls of one connection at once; as many as aiohttp queues. More wait unread."""


def front(site: Site, limits: Server) -> Callable[[Connections], asyncio.Protocol] | None:
    """What makes the lane of each connection; None if it is off, or nothing is there that it could answer."""
    table = LaneTable(site.lane, site.keys, head_bytes_max=limits.max_header_bytes, fields_max=HEADERS_MAX)
    dates = Dates()
    if not limits.fast_lane or not table:
        return None
    return lambda connections: Lane(connections, site, table, dates)


class Lane(asyncio.Protocol):
    """Receives, cuts, asks and answers. Made by ``Lanes`` for each connection."""

    def __init__(self, connections: Connections, site: Site, table: LaneTable, dates: Dates) -> None:
        self.site = site
        self.dates = dates
        self._connections = connections
        self._table = table
        self._remembered = table.remembered
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._inner: Connection | None = None
        self._peer = ""
        self._calls: deque[LaneCall] = deque()
        self._held = Held(self._loop, self._lose_patience)
        self._owed = 0  # bytes of a lent request that are still to come
        self._served = False
        self._likely = 0  # bytes of the last head: the next is mostly the same, and its end not looked for
        self._is_free = True  # nothing is held, owed or lent: requests and answers need no more thought
        self._ends = False  # after the calls under way
        self._flushes = False
        self._taking = False
        self._writable = True
        self._is_reading = True
        self._timer: asyncio.TimerHandle | None = None
        self._opened_at = 0.0  # by the loop's clock
        self._used_at = perf_counter()  # by the calls' clock

    # The transport's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._transport = transport
        if not self._connections.welcome(self):
            transport.close()
            return
        self._opened_at = self._loop.time()
        deadline = self._connections.limits.first_byte_timeout_seconds
        self._timer = self._loop.call_later(deadline, self._look_at_the_clock)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._stop_timers()
        self._connections.part_with(self)
        if self._inner is not None:
            self._inner.connection_lost(exc)
        # Calls under way end as they come: each counts itself, and finds that nobody is there.

    def pause_writing(self) -> None:
        self._writable = self._is_free = False
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._writable = True
        if self._inner is not None:
            self._inner.resume_writing()
        self._go_on()

    def eof_received(self) -> None:
        """The client has said all: as with aiohttp, the connection ends."""

    def data_received(self, data: bytes) -> None:
        end = self._likely
        known = self._remembered(data[:end])
        if known is None:
            end = self._likely = data.find(END) + len(END)
            known = self._remembered(data[:end])
        if (
            known is not None
            and self._is_free
            and known.size == len(data)
            and len(self._calls) < PIPELINE_MAX
        ):
            self._ask(known, data[end:])  # nearly always: one whole request, whose head was seen before
        else:
            self._receive(data)

    def _receive(self, data: bytes) -> None:
        if self._owed:
            data = self._pay(data)
        if not self._held:
            self._take(data)
        elif self._held.add(data):
            self._go_on()
        busy = self._held or self._owed or self._inner is not None or self._ends
        self._is_free = self._writable and not busy

    # Taking requests.

    def _go_on(self) -> None:
        if self._held and not self._taking:
            self._take(self._held.take())

    def _take(self, data: bytes) -> None:
        """Take requests off the beginning of ``data``, as many as may be now; hold the rest."""
        self._taking = True
        at = 0
        while at < len(data) and self._writable and not self._ends and not self._is_closing():
            before = at
            at = self._take_one(data, at)
            if at == before:
                break
        self._taking = False
        if at < len(data) or self._held.waits or not self._is_reading:
            self._hold(data[at:], moved=at > 0)

    def _take_one(self, data: bytes, at: int) -> int:
        """Where the next request begins; ``at`` itself if this one cannot be taken yet."""
        end = data.find(END, at)
        if end < 0:
            return self._await_head(data, at)
        end += len(END)
        raw = data[at:end]
        known = self._remembered(raw) or self._table.read(raw)
        if known is None:
            return self._hand_over(data, at)
        stop = at + known.size
        is_foreign = known.route is None or (bool(known.news) and self._table.is_strange(known.head))
        if is_foreign or (self._inner is not None and not self._inner.is_idle):
            return self._lend(data, at, stop)
        if stop > len(data):
            self._held.missing = stop - len(data)
            return at
        if len(self._calls) >= PIPELINE_MAX:
            return at
        call = self._ask(known, data[end:stop])
        if known.news:
            if call.caller is not None:
                self._table.remember(known)
            elif known.head.authorization is None and call.route.scope is None:
                self._table.remember(known, is_public=True)
        return stop

    def _await_head(self, data: bytes, at: int) -> int:
        if len(data) - at > self._connections.limits.max_header_bytes or not self._held.await_head():
            return self._hand_over(data, at)
        return at

    def _ask(self, known: Known, body: bytes) -> LaneCall:
        route = known.route
        assert route is not None, "no call is made for an endpoint that is none of the lane's"
        call = LaneCall(self, route, known, perf_counter())
        self._calls.append(call)
        self._served = True
        route.counters.in_flight += 1
        try:
            scope = route.scope
            if scope is None:
                call.caller = route.route.authorised(known.head.authorization)
            else:
                caller = call.caller = route.authenticate(known.head.authorization)
                if caller is None or scope not in caller.scopes:
                    raise unauthenticated() if caller is None else forbidden(scope)
            if body:
                call.body = route.decode(body)
            route.ask(call, call.done)
        except Exception as error:
            call.fail(error)
        return call

    # Lending to aiohttp.

    def _lend(self, data: bytes, at: int, stop: int) -> int:
        """Let aiohttp answer the request that is ``data[at:stop]``, also if its end is still to come."""
        if self._calls:
            return at
        self._served = True
        self._connections.counters.lent += 1
        self._owed = max(0, stop - len(data))
        self._behind().data_received(data[at:stop])
        return min(stop, len(data))

    def _pay(self, data: bytes) -> bytes:
        """The rest of a lent request; returns what comes after it."""
        part = data[: self._owed]
        self._owed -= len(part)
        self._behind().data_received(part)
        return data[len(part) :]

    def _hand_over(self, data: bytes, at: int) -> int:
        """The connection is aiohttp's from here on."""
        if self._calls:
            return at
        inner = self._behind()
        assert self._transport is not None
        self._connections.counters.handed_over += 1
        self._stop_timers()
        self._resume_reading()
        self._transport.set_protocol(inner)
        inner.front = None
        inner.data_received(data[at:])
        self._transport = None
        return len(data)

    def _behind(self) -> Connection:
        """aiohttp's connection behind this one, made when it is first needed."""
        if self._inner is None:
            assert self._transport is not None
            self._inner = self._connections.behind(self)
            late_in = self._opened_at + self._connections.limits.first_byte_timeout_seconds
            self._inner.adopt(self._transport, None if self._served else late_in)
        return self._inner

    # Answering.

    def answered(self, now: float) -> None:
        """Send the answers whose turn it is. Nobody may be there any more: then they are dropped."""
        transport, calls = self._transport, self._calls
        if transport is None or transport.is_closing():
            calls.clear()
        elif len(calls) == 1:
            transport.write(calls.popleft().answer)
            self._used_at = now
            if not self._is_free:
                self._after_answers(transport)
        elif not self._flushes and calls[0].answer:
            # Others of this connection are likely in the same batch: one write for all of them.
            self._flushes = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushes = False
        transport, calls = self._transport, self._calls
        if transport is None or transport.is_closing() or not calls or not calls[0].answer:
            return
        # After an answer that says so, the connection ends.
        transport.write(calls.popleft().answer if self._ends else taken_off(calls))
        self._used_at = perf_counter()
        if self._ends or not calls:
            self._after_answers(transport)

    def _after_answers(self, transport: asyncio.Transport) -> None:
        if self._ends:
            self._calls.clear()
            transport.close()
            return
        if self._inner is not None:
            self._inner.touch()
        self._go_on()

    # What is held, and until when.

    def _hold(self, rest: bytes, *, moved: bool) -> None:
        """Keep what cannot be taken yet. Read on only for the rest of a request."""
        if self._is_closing():
            return
        self._held.keep(rest, moved=moved)
        if rest and not self._held.missing:
            self._pause_reading()
        else:
            self._resume_reading()

    def _lose_patience(self) -> None:
        """The rest is aiohttp's to wait for."""
        if self._calls or not self._writable:
            self._held.wait()
            return
        data = self._held.take()
        end = data.find(END) + len(END)
        known = self._table.read(data[:end]) if end >= len(END) else None
        if known is None:
            self._hand_over(data, 0)
        else:
            self._lend(data, 0, known.size)

    def _pause_reading(self) -> None:
        if self._is_reading and self._transport is not None:
            self._is_reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._is_reading and self._transport is not None:
            self._is_reading = True
            self._transport.resume_reading()

    @property
    def peer(self) -> str:
        """The address at the other end; empty if that went before anybody looked."""
        if not self._peer and self._transport is not None:
            name = self._transport.get_extra_info("peername")
            self._peer = str(name[0]) if isinstance(name, tuple | list) else str(name or "")
        return self._peer

    # Ending.

    @property
    def is_new(self) -> bool:
        """No request has come yet."""
        return not self._served

    def retire(self) -> bool:
        """End after the calls under way. False: there are none, aiohttp or nobody has the connection."""
        if self._calls:
            self.end()
        return self._ends

    def end(self) -> None:
        """Close after the calls under way; no more are made."""
        self._ends, self._is_free = True, False

    def close(self) -> None:
        """End once what was written has left."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End now."""
        if self._transport is not None:
            self._transport.abort()

    def _is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _look_at_the_clock(self) -> None:
        """No head in time is aiohttp's to answer; an idle connection is closed without a word."""
        self._timer = None
        if self._is_closing() or self._inner is not None:
            return  # aiohttp's connection has its own clock, which ``touch`` sets
        if not self._served:
            inner = self._behind()
            self._hand_over(self._held.take(), 0)
            inner.head_is_late()
            return
        idle_seconds = self._connections.limits.idle_timeout_seconds
        left = self._used_at + idle_seconds - perf_counter()
        if self._calls or left > 0:
            self._timer = self._loop.call_later(max(left, 0.1), self._look_at_the_clock)
        else:
            assert self._transport is not None
            self._transport.close()

    def _stop_timers(self) -> None:
        self._held.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
