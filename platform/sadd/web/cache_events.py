"""What ends in a namespace, as Server-Sent Events: by it a client may keep entries in its own memory.

Its memory may answer only while it is proven that nothing ended unheard::

    hello  {"now_ms": ...}                 this worker's clock, read after the request had come
    alive  {"proven_ms": ...}              the same clock: what ended before that was told before this line
    bump   {"kind", "name"}                a key, a tag, or the namespace: forget what carries it
    gap    {}                              something may have been missed: forget all

The client sent its request at ``c0`` by its own clock, before ``now_ms`` was read. So whatever it was told is
complete up to ``proven_ms - now_ms + c0`` of its own time: no clocks need agree, and what is late on the way
counts as old.
"""

import asyncio
import contextlib
import math
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

from aiohttp import web

from sadd.caching.hub import Event, Hub
from sadd.caching.spaces import Spaces
from sadd.web.answer import encode_json
from sadd.web.cache_answers import TAG, refusing
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem
from sadd.web.route import Site
from sadd.web.server import SITE

PATH = "/v1/cache/{namespace}/events"
ALIVE_SECONDS = 0.1
QUIET_SECONDS = 15.0
"""While nothing is proven a comment goes out at least so often: so we find out who is gone."""
LIFE_SECONDS = 300.0
"""Then the stream ends and the client opens another, on whichever worker there is by then."""
WRITE_SECONDS = 10.0
"""Longest that one line waits for a reader."""
WAITING_MAX = 10_000
"""Events that wait for one slow reader; more, and its stream ends: it then forgets all."""
RETRY_AFTER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class EventsStats:
    open: int
    """Streams; a gauge."""
    opened: int
    refused: int
    """For want of a place."""
    fell_behind: int
    """Streams that ended since their reader was too slow."""


@dataclass(slots=True)
class _Heard:
    """The events of one stream that are still to be written."""

    waiting: deque[Event] = field(default_factory=deque)
    come: asyncio.Event = field(default_factory=asyncio.Event)
    is_late: bool = False

    def __call__(self, event: Event) -> None:
        if len(self.waiting) >= WAITING_MAX:
            self.is_late = True
        else:
            self.waiting.append(event)
        self.come.set()

    def taken(self) -> list[Event]:
        events = list(self.waiting)
        self.waiting.clear()
        self.come.clear()
        return events


class Events:
    """The streams of one worker, at most ``most`` at once. ``clock`` is the hub's, in seconds."""

    def __init__(
        self, hub: Hub, spaces: Spaces, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._hub = hub
        self._spaces = spaces
        self._most = most
        self._clock = clock
        self._open = 0
        self._counts: Counter[str] = Counter()

    def stats(self) -> EventsStats:
        counts = self._counts
        return EventsStats(self._open, counts["opened"], counts["refused"], counts["fell_behind"])

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                "GET",
                PATH,
                self.stream,
                "What ends in a namespace, as it ends",
                TAG,
                answers={200: None, 503: None},
                scope="cache:read",
                media_type="text/event-stream",
                description="Server-Sent Events `hello`, `alive`, `bump`, `gap`: what a client needs that "
                "keeps entries in its own memory. A put is a `bump` too. The number of streams is bounded: "
                "503 means keep nothing. After five minutes a stream ends; open another and forget all.",
            )
        ]

    async def stream(self, call: Call) -> web.StreamResponse:
        with refusing():
            space = self._spaces.of(call.agency, call.request.match_info["namespace"])
        with self._place():
            heard = _Heard()
            unwatch = self._hub.watch(space.name, heard)
            try:
                response = web.StreamResponse(
                    headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
                )
                response.headers["X-Accel-Buffering"] = "no"  # nginx would else hold events back
                await response.prepare(call.request)
                with _unless_gone(call.request):
                    async for line in self._lines(heard, call.request.app[SITE]):
                        async with asyncio.timeout(WRITE_SECONDS):
                            await response.write(line)
                return response
            finally:
                unwatch()

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        if self._open >= self._most:
            self._counts["refused"] += 1
            raise Problem(
                503,
                "too-many-streams",
                "There is no place for another stream.",
                "Keep nothing in your own memory meanwhile.",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        self._open += 1
        self._counts["opened"] += 1
        try:
            yield
        finally:
            self._open -= 1

    async def _lines(self, heard: _Heard, site: Site) -> AsyncIterator[bytes]:
        """Events as they come; what is proven after them, and never before."""
        ends = self._clock() + LIFE_SECONDS
        said, proven_before = self._clock(), -math.inf
        yield _event("hello", {"now_ms": math.ceil(self._clock() * 1_000)})
        while self._clock() < ends and not site.draining:
            proven = self._hub.proven_at  # read first: what it proves is in ``heard`` already
            if events := heard.taken():
                yield b"".join(map(_told, events))
            if heard.is_late:
                self._counts["fell_behind"] += 1
                return
            if proven > proven_before:
                said, proven_before = self._clock(), proven
                yield _event("alive", {"proven_ms": int(proven * 1_000)})  # rather older than it was
            elif self._clock() - said >= QUIET_SECONDS:
                said = self._clock()
                yield b": still here\n\n"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(heard.come.wait(), ALIVE_SECONDS)


@contextlib.contextmanager
def _unless_gone(request: web.Request) -> Iterator[None]:
    """The reader has gone, or reads nothing any more: then its connection is cut, for nobody would end it."""
    try:
        yield
    except ConnectionError:
        pass
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()


def _told(event: Event) -> bytes:
    if event.kind == "gap":
        return _event("gap", {})
    return _event("bump", {"kind": event.kind, "name": event.name})


def _event(name: str, data: dict[str, object]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode_json(data))
