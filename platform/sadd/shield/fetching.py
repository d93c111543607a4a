"""One load of a page for the cache: asked with what is keyed, kept if it may be, else handed to its asker.

::

    answer's head ──► ours still (304)? ──► merged, kept
                      may be kept? ──no──► passing: the asker reads it, all others are let go at once
                      varies by what was not sent? ──► once more, with that
                      too large on the way? ──► passing
                      ──► kept
"""

from dataclasses import dataclass, replace

from msgspec import structs

from cache.answers import Loaded
from cache.cache import Cache
from cache.entry import META_BYTES_MAX, Content, Entry
from cache.policy import TTL_MS_MAX, Times
from cache.rfc9111.asking import NEVER, fetch_fields, with_validators
from cache.rfc9111.message import Request, Response
from cache.rfc9111.stored import Stored
from cache.rfc9111.storing import NotStorable, storable
from cache.rfc9111.updating import merge_304
from sadd.settings import Shield as Settings
from sadd.shield.asking import BROKEN, Answered, Ask, Unanswered, answer_to, worded
from sadd.shield.head import Fields
from sadd.shield.kept import KIND, chosen_of, packed, stored_of
from sadd.shield.memory import Fetched
from sadd.shield.pages import Page
from sadd.shield.variants import Room, chosen, variant_key
from sadd.web.problem import Problem

ERRORS = (500, 502, 503, 504)
"""In whose place a stale answer may be given (RFC 5861 §4)."""
AGENT = (b"user-agent", b"sadd-shield")
ORIGIN = b"origin"


@dataclass(slots=True)
class Passing:
    """An answer that is its asker's alone, and what was read of it."""

    answered: Answered
    begun: bytes
    reason: str

    def close(self) -> None:
        self.answered.close()


@dataclass(frozen=True, slots=True)
class Means:
    """With what a worker fetches."""

    cache: Cache
    room: Room
    fetched: Fetched
    settings: Settings


class Fetch:
    """Of one asker. The cache runs ``load`` in a task of its own, perhaps after the asker has gone."""

    def __init__(self, means: Means, page: Page, key: str, keyed: tuple[bytes, ...]) -> None:
        self.ran = False
        self.was_stale = False
        self.status = 0
        """Of the origin's answer."""
        self.stored = False
        self.passing: Passing | None = None
        self.failure: Unanswered | None = None
        self.sent: Fields = ()
        self.keyed = keyed
        """The fields that the origin is shown, besides those of every fetch."""
        self._cache, self._room = means.cache, means.room
        self._settings = means.settings
        self._fetched = means.fetched
        self._page = page
        self._key = key
        self._left = False

    def leave(self) -> None:
        """The asker has gone, or has another answer."""
        self._left = True
        if self.passing is not None:
            self.passing.close()
            self.passing = None

    async def load(self, spare: Entry | None) -> Loaded:
        """``spare`` is what there is, fresh, stale or only kept. Raises Unanswered."""
        self.ran = True
        before = stored_of(spare)
        if before is not None and before.vary:
            self.keyed = tuple(sorted({*self.keyed, *before.vary}))
        if spare is not None and before is not None and chosen_of(spare) != chosen(self._page, before.vary):
            spare = before = None  # another's answer: its validators say nothing of ours
        self.was_stale = before is not None
        try:
            return await self._load(spare, before, self.keyed)
        except Unanswered as failure:
            self.failure = failure
            raise
        finally:
            self._fetched.note(self._key)

    async def _load(
        self, spare: Entry | None, before: Stored | None, keyed: tuple[bytes, ...], *, again: bool = True
    ) -> Loaded:
        page = self._page
        answered = await self._ask(before, keyed)
        try:
            response = self._response(answered)
            if response.status == 304 and before is not None and spare is not None:
                return await self._still(spare, before, response, keyed)
            if response.status in ERRORS and before is not None and _may_stand_in(before, response.came_ms):
                raise Unanswered("origin-error", _failed(response.status))
            asked = Request(b"GET", page.request.target, self.sent, page.request.personal)
            verdict = storable(asked, response, page.shelf.policy)
            if isinstance(verdict, NotStorable):
                return self._pass(answered, b"", verdict.reason)
            more = self._unsent(verdict.stored.vary, keyed)
            if more is None:
                return self._pass(answered, b"", "vary-personal")
            if more and again:
                answered.close()
                return await self._load(None, None, more, again=False)
            return await self._take(answered, verdict.stored)
        finally:
            if self.passing is None or self.passing.answered is not answered:
                answered.close()

    async def _ask(self, before: Stored | None, keyed: tuple[bytes, ...]) -> Answered:
        page = self._page
        fields = fetch_fields(page.request.fields, (*keyed, ORIGIN), page.shelf.policy)
        if before is not None:
            fields = with_validators(fields, before)
        self.sent = fields
        agent = () if b"user-agent" in keyed else (AGENT,)
        ask = Ask(b"GET", page.request.target, (*fields, *agent, *page.told))
        answered = await answer_to(ask, page.shelf.site.pool, self._settings)
        self.status = answered.head.status
        return answered

    def _response(self, answered: Answered) -> Response:
        """In the store's time, which every worker has."""
        took_ms = int((answered.came_at - answered.asked_at) * 1000)
        now_ms = self._cache.now_ms()
        return Response(answered.head.status, answered.head.fields, now_ms - took_ms, now_ms)

    async def _still(
        self, spare: Entry, before: Stored, response: Response, keyed: tuple[bytes, ...]
    ) -> Loaded:
        asked = Request(b"GET", self._page.request.target, self.sent)
        merged = merge_304(before, asked, response, self._page.shelf.policy)
        if merged is None:
            return await self._load(None, None, keyed)
        if isinstance(merged.kept, NotStorable):
            once = structs.replace(before, fields=merged.fields, born_ms=response.came_ms)
            return Loaded(replace(spare.content, meta=packed(once, chosen_of(spare))), None)
        self.stored = True
        stored = merged.kept.stored
        meta = packed(stored, chosen_of(spare))
        return Loaded(replace(spare.content, meta=meta, tags=self._tags(stored)), self._times(stored))

    def _unsent(self, vary: tuple[bytes, ...], keyed: tuple[bytes, ...]) -> tuple[bytes, ...] | None:
        """The names to ask with, where the answer varies by fields that the origin was not shown.

        Empty: it was shown all. None: it varies by what is one visitor's own.
        """
        if NEVER.intersection(vary):
            return None
        shown = {name for name, _ in self.sent}
        had = {name for name, _ in self._page.request.fields}
        missing = [name for name in vary if name in had and name not in shown]
        return tuple(sorted({*keyed, *vary})) if missing else ()

    async def _take(self, answered: Answered, stored: Stored) -> Loaded:
        """Read the body, and keep it under the key that was looked under, if it belongs there."""
        bound = self._page.shelf.space.body_bytes_max
        choice = chosen(self._page, stored.vary)
        meta = packed(stored, choice)
        if (answered.head.length or 0) > bound or len(meta) > META_BYTES_MAX:
            return self._pass(answered, b"", "too-large")
        body = b""
        while piece := await _next(answered, self._settings):
            body += piece
            if len(body) > bound:
                return self._pass(answered, body, "too-large")
        answered.close()
        content = Content(body, KIND, self._tags(stored), meta)
        self.stored = self._belongs(choice)
        return Loaded(content, self._times(stored)) if self.stored else Loaded(content, None, 0)

    def _belongs(self, choice: str) -> bool:
        """At the URL's own key any of its answers does, at another only the one that it is the key of."""
        page = self._page
        if self._key == page.key:
            return True
        return self._key == variant_key(page, choice) and self._room.takes(page.key, choice)

    def _pass(self, answered: Answered, begun: bytes, reason: str) -> Loaded:
        if not self._left:
            self.passing = Passing(answered, begun, reason)
        return Loaded(Content(b""), None)

    def _tags(self, stored: Stored) -> tuple[str, ...]:
        return (*stored.tags, self._page.tag)

    def _times(self, stored: Stored) -> Times:
        return times_of(stored, self._cache.now_ms())


def times_of(stored: Stored, now_ms: int) -> Times:
    """How long the cache serves it: not at all without asking, where the origin says so."""
    soft = 1 if stored.must_validate else max(1, stored.fresh_until_ms - now_ms)
    hard = soft if stored.must_validate else max(soft, stored.stale_until_ms - now_ms)
    ends = (soft, hard, max(0, stored.error_until_ms - now_ms), max(0, stored.keep_until_ms - now_ms))
    return Times(*(min(end, TTL_MS_MAX) for end in ends))


def _may_stand_in(stored: Stored, now_ms: int) -> bool:
    return not stored.never_stale and now_ms < stored.error_until_ms


async def _next(answered: Answered, settings: Settings) -> bytes:
    try:
        return await answered.line.body.next(settings.stall_timeout_seconds)
    except BROKEN as broken:
        raise Unanswered(*worded(broken)) from broken


def _failed(status: int) -> Problem:
    return Problem(502, "origin-error", "The service failed.", f"It answered with {status}.")
