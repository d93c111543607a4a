"""Who was signed out, as it happens: Server-Sent Events with sequence numbers, and the same by asking.

``revocation`` tells of one; ``head`` says, at least once a second, up to which number nothing is missing: who
holds sessions of his own in memory may trust them as long as these come. ``gap``: what came after the number
that was resumed from is forgotten, so trust nothing that is held.
"""

import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from aiohttp import hdrs, web
from msgspec import Meta, Raw, Struct

from sadd.logout.window import LOOK_SECONDS, PAGE, Part, Window
from sadd.session.store import StoreUnavailable
from sadd.web.answer import json_answer
from sadd.web.away import store_away
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem, invalid_request
from sadd.web.route import Site
from sadd.web.server import SITE

TAG = "sessions"
PATH = "/v1/sessions/revocations"
STREAM = "text/event-stream"
LAST_EVENT_ID = "Last-Event-ID"
PROVEN_SECONDS = 2 * LOOK_SECONDS
LIFE_SECONDS = 300.0
"""Then the stream ends and its reader resumes, on whichever worker there is by then."""
RETRY_MS = 200
RETRY_AFTER_SECONDS = 30
SEQ_MAX = 2**53

Seq = Annotated[int, Meta(ge=0, le=SEQ_MAX, description="All after this number.")]


class FeedQuery(Struct, frozen=True):
    after: Seq | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE)] = PAGE


class FeedAnswer(Struct, frozen=True):
    """In order. Ask again after ``last``; at once if there is ``more``."""

    revocations: list[Raw]
    last: int
    gap: bool
    more: bool


@dataclass(frozen=True, slots=True)
class FeedStats:
    open: int
    """Streams; a gauge."""
    opened: int
    refused: int
    """For want of a place."""
    told: int
    """Revocations, counted for each stream."""
    late_ms: int
    """The oldest that a revocation was when it was told to somebody who was listening, of the last minute; a
    gauge."""
    gaps: int


class RevocationFeed:
    """The streams of one worker, at most ``most`` at once. ``clock`` is in seconds, ``now_ms`` since 1970."""

    def __init__(
        self,
        window: Window,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], float] = lambda: time.time() * 1000,
    ) -> None:
        self._window = window
        self._most = most
        self._clock = clock
        self._now_ms = now_ms
        self._open = 0
        self._counts: Counter[str] = Counter()
        self._late = (0.0, 0)

    def stats(self) -> FeedStats:
        at, late_ms = self._late
        late_ms = late_ms if self._clock() - at < 60 else 0
        counts = self._counts
        return FeedStats(
            self._open, counts["opened"], counts["refused"], counts["told"], late_ms, counts["gaps"]
        )

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                "GET",
                PATH,
                self.show,
                "Who was signed out, as it happens",
                TAG,
                query=FeedQuery,
                answers={200: FeedAnswer, 403: None, 503: None},
                scope="sessions:admin",
                headers={
                    "Accept": "`text/event-stream` for a stream, anything else for one answer.",
                    LAST_EVENT_ID: "The number to resume a stream from.",
                },
                description="Of your agency, with the subjects. `session` names one as its `ref`, null is "
                "all of the subject's but `kept`. A stream has `revocation`, `head` at least once a second "
                "while nothing is missing, and `gap` when what you resume from is forgotten. It ends after "
                "five minutes: resume it. 503 `too-many-streams` means ask instead.",
            )
        ]

    async def show(self, call: Call) -> web.StreamResponse:
        after = _resumed_from(call)
        if STREAM in call.request.headers.get(hdrs.ACCEPT, ""):
            return await self._stream(call, after)
        try:
            part = await self._window.part(call.agency, after or 0, call.query.limit)
        except StoreUnavailable:
            raise store_away("Nobody knows who was signed out meanwhile.") from None
        told = [Raw(one.facts) for one in part.told]
        return json_answer(FeedAnswer(told, part.last, part.gap, part.more))

    async def _stream(self, call: Call, after: int | None) -> web.StreamResponse:
        with self._place():
            response = web.StreamResponse(headers={"Content-Type": STREAM, "Cache-Control": "no-store"})
            response.headers["X-Accel-Buffering"] = "no"  # nginx would else hold events back
            await response.prepare(call.request)
            with contextlib.suppress(ConnectionError):  # the reader has gone
                await response.write(b"retry: %d\n\n" % RETRY_MS)
                async for lines in self._lines(call.agency, after, call.request.app[SITE]):
                    await response.write(lines)
            return response

    async def _lines(self, agency: str, after: int | None, site: Site) -> AsyncIterator[bytes]:
        """Nothing while the database is away: that no ``head`` comes is the news."""
        ends = self._clock() + LIFE_SECONDS
        position = after
        while self._clock() < ends and not site.draining:
            if position is None and self._window.last >= 0:
                position = self._window.last
            part = None if position is None else await self._part(agency, position)
            if part is not None:
                position = part.last
                yield self._worded(part)
            if part is None or not part.more:
                await self._window.wait(position, LOOK_SECONDS)

    async def _part(self, agency: str, after: int) -> Part | None:
        try:
            return await self._window.part(agency, after)
        except StoreUnavailable:
            return None

    def _worded(self, part: Part) -> bytes:
        """A part as events. The ``head`` says only what the database said lately."""
        lines = []
        if part.gap:
            self._counts["gaps"] += 1
            lines.append(b'id: %d\nevent: gap\ndata: {"seq":%d}\n\n' % (part.last, part.last))
        lines += [b"id: %d\nevent: revocation\ndata: %b\n\n" % (one.seq, one.facts) for one in part.told]
        if part.told:
            self._note(part)
        if self._window.is_proven(PROVEN_SECONDS, part):
            lines.append(b'id: %d\nevent: head\ndata: {"seq":%d}\n\n' % (part.last, part.last))
        return b"".join(lines)

    def _note(self, part: Part) -> None:
        self._counts["told"] += len(part.told)
        now = self._clock()
        late_ms = int(self._now_ms() - part.told[0].at_ms)
        if late_ms > self._late[1] or now - self._late[0] >= 60:
            self._late = (now, late_ms)

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        if self._open >= self._most:
            self._counts["refused"] += 1
            raise Problem(
                503,
                "too-many-streams",
                "There is no place for another stream.",
                f"Ask GET {PATH} without a stream every second instead.",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        self._open += 1
        self._counts["opened"] += 1
        try:
            yield
        finally:
            self._open -= 1


def _resumed_from(call: Call) -> int | None:
    """What a browser resumes from is newer than what it once asked for."""
    told = call.request.headers.get(LAST_EVENT_ID)
    if told is None:
        after: int | None = call.query.after
        return after
    if not told.isascii() or not told.isdigit() or len(told) > 16:
        raise invalid_request(f"{LAST_EVENT_ID} is no number that the feed gave", status=400)
    return int(told)
