"""A room's public document as Server-Sent Events, for who would rather be told than ask.

An option: polling costs the platform less, a hundred thousand connections cost it memory. So they are bounded
in each worker, and in time; who finds no place polls. Each looks once a second at the one value that the
worker has.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from aiohttp import web

from queueing.standing import RoomStatus
from queueing.store import StoreUnavailable
from sadd.rooms.spec import RoomSpec
from sadd.web.answer import encode_json
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem
from sadd.web.queue_answers import room_answer
from sadd.web.route import Site
from sadd.web.server import SITE
from sadd.web.visits import Visits

TAG = "queues"
PATH = "/v1/queues/{room}/events"
LOOK_SECONDS = 1.0
QUIET_SECONDS = 15.0
"""A line goes out at least so often: proxies close what is silent, and we find out who is gone."""
LIFE_SECONDS = 300.0
"""Then the connection ends and the browser makes another one, on whichever worker there is by then."""
RETRY_MS = 3_000
RETRY_AFTER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class EventsStats:
    open: int
    """Connections; a gauge."""
    opened: int
    refused: int
    """For want of a place."""


class Events:
    """The streams of one worker, at most ``most`` at once. ``clock`` is in seconds."""

    def __init__(self, visits: Visits, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._visits = visits
        self._most = most
        self._clock = clock
        self._open = 0
        self._counts: Counter[str] = Counter()

    def stats(self) -> EventsStats:
        return EventsStats(self._open, self._counts["opened"], self._counts["refused"])

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                "GET",
                PATH,
                self.stream,
                "The public document of a room, whenever it is another",
                TAG,
                answers={200: None, 404: None, 503: None},
                media_type="text/event-stream",
                description="Server-Sent Events: `status` has what `GET /v1/queues/{room}` has. The number "
                "of streams is bounded: 503 means poll. After five minutes one ends; browsers reconnect.",
            )
        ]

    async def stream(self, call: Call) -> web.StreamResponse:
        spec = self._visits.spec(call.request.match_info["room"])
        with self._place():
            response = web.StreamResponse(
                headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
            )
            response.headers["X-Accel-Buffering"] = "no"  # nginx would else hold events back
            await response.prepare(call.request)
            with contextlib.suppress(ConnectionError):  # the reader has gone
                await response.write(b"retry: %d\n\n" % RETRY_MS)
                async for line in self._lines(spec, call.request.app[SITE]):
                    await response.write(line)
            return response

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        if self._open >= self._most:
            self._counts["refused"] += 1
            detail = "Ask GET /v1/queues/{room} every few seconds instead."
            raise Problem(
                503,
                "too-many-streams",
                "There is no place for another stream.",
                detail,
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        self._open += 1
        self._counts["opened"] += 1
        try:
            yield
        finally:
            self._open -= 1

    async def _lines(self, spec: RoomSpec, site: Site) -> AsyncIterator[bytes]:
        """A status is one value a second in this worker, whoever and how many look."""
        ends, said, last = self._clock() + LIFE_SECONDS, self._clock(), b""
        while self._clock() < ends and not site.draining:
            body = await self._body(spec.id)
            if body is None:
                return
            if body and body != last:
                last, said = body, self._clock()
                yield b"event: status\ndata: %b\n\n" % body
            elif self._clock() - said >= QUIET_SECONDS:
                said = self._clock()
                yield b": still here\n\n"
            await asyncio.sleep(LOOK_SECONDS)

    async def _body(self, room: str) -> bytes | None:
        """Empty while the store is away; None: the room is no more."""
        try:
            spec = self._visits.spec(room)
            status: RoomStatus = await self._visits.status(spec)
        except Problem:
            return None
        except StoreUnavailable:
            return b""
        return encode_json(room_answer(spec, status))
