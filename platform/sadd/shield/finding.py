"""Pages found: in this worker's memory, in the store, or by one fetch for all who ask.

What the cache gives is judged once more by the answer's own times and by what the client will take
(RFC 9111 §4): the engine knows nothing of either.
"""

from dataclasses import dataclass
from time import monotonic

from cache.answers import Busy, Loaded, Miss
from cache.cache import Cache
from cache.entry import Entry
from cache.flight import Flights, LoadEnded
from cache.rfc9111.directives import asked as asked_by
from cache.rfc9111.reuse import Fresh, StaleWhileRefreshed, Validate, reuse
from cache.rfc9111.search import no_vary_search
from cache.rfc9111.status import Forwarded, cache_status
from cache.rfc9111.stored import Stored
from cache.store import StoreUnavailable
from sadd.settings import Shield as Settings
from sadd.shield.asking import Unanswered
from sadd.shield.fetching import Fetch, Means, Passing
from sadd.shield.kept import chosen_of, stored_of
from sadd.shield.memory import Fetched, Searches, Uncacheable
from sadd.shield.pages import Page
from sadd.shield.variants import Room, chosen, variant_key
from sadd.web.problem import Problem

NAME = "sadd"
"""Ours in Cache-Status."""
_LIVES = ("fresh", "stale", "spare", "kept")
TRIVIAL = frozenset(
    b"user-agent accept accept-encoding referer dnt priority upgrade-insecure-requests cache-control pragma "
    b"save-data sec-fetch-mode sec-fetch-site sec-fetch-dest sec-fetch-user sec-ch-ua sec-ch-ua-mobile "
    b"sec-ch-ua-platform sec-gpc".split()
)
"""Fields without which the answer to somebody else's question will do; with any other he asks himself."""


@dataclass(frozen=True, slots=True)
class Found:
    """What may be shown, and how it came about."""

    key: str
    entry: Entry
    stored: Stored
    status: tuple[bytes, bytes]
    how: str


class Finding:
    """Of one worker."""

    def __init__(self, cache: Cache, settings: Settings) -> None:
        self.uncacheable = Uncacheable()
        self.searches = Searches()
        self._cache = cache
        self._means = Means(cache, Room(), Fetched(), settings)
        self._renewals: Flights[tuple[str, str], Loaded] = Flights()
        waits = (
            settings.place_timeout_seconds,
            settings.answer_timeout_seconds,
            settings.stall_timeout_seconds,
        )
        self._patience_ms = int(sum(waits) * 1000)

    # -- without asking the origin -------------------------------------------

    def near(self, page: Page) -> Found | None:
        """From this worker's memory, if it is there and fresh for this client. Never waits."""
        known = self._cache.known
        key, entry = page.key, known(page.shelf.space, page.key)
        stored = stored_of(entry)
        if entry is None or stored is None:
            return None
        if stored.vary and (choice := chosen(page, stored.vary)) != chosen_of(entry):
            key = variant_key(page, choice)
            entry = known(page.shelf.space, key)
            stored = stored_of(entry)
            if entry is None or stored is None or chosen(page, stored.vary) != choice:
                return None
        return self._judged(page, key, entry, stored)

    async def kept(self, page: Page) -> Found | None:
        """From the store, if it may be shown without asking anybody."""
        key = page.key
        entry = await self._read(page, key)
        stored = stored_of(entry)
        if entry is None or stored is None:
            return None
        if stored.vary and (choice := chosen(page, stored.vary)) != chosen_of(entry):
            key = variant_key(page, choice)
            entry = await self._read(page, key)
            stored = stored_of(entry)
            if entry is None or stored is None or chosen(page, stored.vary) != choice:
                return None
        return self._judged(page, key, entry, stored)

    async def _read(self, page: Page, key: str) -> Entry | None:
        if asked_by(page.request.fields).max_stale is None:
            entry = await self._cache.get(page.shelf.space, key)
            return None if isinstance(entry, Miss) else entry
        explained = await self._cache.explain(
            page.shelf.space, key
        )  # also what is kept only to be asked after
        return explained.entry if explained.verdict in _LIVES else None

    def _judged(self, page: Page, key: str, entry: Entry, stored: Stored) -> Found | None:
        now_ms = self._cache.now_ms()
        if not isinstance(reuse(page.request, stored, now_ms), Fresh):
            return None
        return Found(key, entry, stored, _hit(stored, now_ms), "hit")

    # -- by a fetch ----------------------------------------------------------

    async def obtained(self, page: Page) -> Found | Passing | None:
        """Found; or an answer that is this client's alone; or None: he must ask for himself.

        Raises Unanswered.
        """
        began = monotonic()
        fetch, got = await self._got(page, page.key, ())
        if isinstance(got, Loaded):
            return self._own(page, page.key, fetch, got)
        stored = stored_of(got)
        if stored is None:
            fetch.leave()
            return None
        choice = chosen(page, stored.vary)
        if choice == chosen_of(got):
            return await self._seen(page, page.key, fetch, got, stored, began)
        fetch.leave()
        key = variant_key(page, choice)
        if self.uncacheable.why(key, self._cache.now_ms()):
            return None
        fetch, got = await self._got(page, key, stored.vary)
        if isinstance(got, Loaded):
            return self._own(page, key, fetch, got)
        stored = stored_of(got)
        if stored is None or chosen(page, stored.vary) != choice:
            fetch.leave()
            return None
        return await self._seen(page, key, fetch, got, stored, began)

    async def _got(self, page: Page, key: str, keyed: tuple[bytes, ...]) -> tuple[Fetch, Entry | Loaded]:
        """What the cache gives, with the fetch that this client was ready to make for it."""
        fetch = Fetch(self._means, page, key, keyed)
        try:
            got = await self._cache.get_or_load(
                page.shelf.space, key, fetch.load, patience_ms=self._patience_ms, finish=False
            )
            if isinstance(got, Busy):
                raise Unanswered("busy", _busy(got))
        except (TimeoutError, LoadEnded):
            fetch.leave()
            raise Unanswered("origin-late", _late()) from None
        except BaseException:
            fetch.leave()
            raise
        return fetch, got

    async def _seen(
        self, page: Page, key: str, fetch: Fetch, entry: Entry, stored: Stored, began: float
    ) -> Found | Passing | None:
        """An entry, judged by its own times: fetched by this very client it answers whatever he asked."""
        now_ms = self._cache.now_ms()
        if fetch.ran and fetch.failure is None:
            self._note_search(page, stored)
            return Found(key, entry, stored, _fetched(fetch, stored, now_ms), "miss")
        judged = reuse(page.request, stored, now_ms)
        fetch.leave()
        if isinstance(judged, Validate) and (judged.fwd == "request" or not judged.error_ok):
            # Fresh, but not for this client; or fetched for another just now, and never fresh.
            return await self._renewed(page, key, entry, stored)
        if self._means.fetched.since(key, began):
            return Found(key, entry, stored, _collapsed(stored, now_ms), "collapsed")
        stale = isinstance(judged, StaleWhileRefreshed | Validate)
        return Found(key, entry, stored, _hit(stored, now_ms), "stale" if stale else "hit")

    async def _renewed(self, page: Page, key: str, entry: Entry, stored: Stored) -> Found | Passing | None:
        """The client would not take what is fresh: one fetch for all of its kind.

        What it brings is not kept, for it has no lease: it could be older than a purge. But if it is another
        page than ours, ours is ended.
        """
        fetch = Fetch(self._means, page, key, stored.vary)
        try:
            loaded = await self._renewals.join(
                (page.shelf.space.name, key), lambda _: fetch.load(entry), finish=False
            )
        except LoadEnded:
            raise Unanswered("origin-late", _late()) from None
        except BaseException:
            fetch.leave()
            raise
        fetch.stored = False
        if loaded.content.meta and loaded.content.body != entry.content.body:
            await self._end(page, key)
        if not fetch.ran and not loaded.content.meta:
            return None
        return self._own(page, key, fetch, loaded, fwd="request")

    async def _end(self, page: Page, key: str) -> None:
        try:
            await self._cache.purge(page.shelf.space, keys=(key,))
        except StoreUnavailable:  # as old as its times allow, which nobody promised to shorten
            return

    def _own(
        self, page: Page, key: str, fetch: Fetch, loaded: Loaded, fwd: Forwarded | None = None
    ) -> Found | Passing | None:
        """What this client's own fetch brought, which was not (or could not be) kept."""
        now_ms = self._cache.now_ms()
        passing, fetch.passing = fetch.passing, None
        if loaded.content.meta:
            entry = Entry(loaded.content, now_ms, now_ms, now_ms)
            stored = stored_of(entry)
            if stored is not None:
                self._note_search(page, stored)
                return Found(key, entry, stored, _fetched(fetch, stored, now_ms, fwd), "miss")
        reason = passing.reason if passing is not None else "uncacheable"
        self.uncacheable.note(key, now_ms + page.shelf.space.uncacheable_ms, reason)
        if passing is None or _fits(page, fetch):
            return passing
        passing.close()
        return None

    def _note_search(self, page: Page, stored: Stored) -> None:
        path = page.request.target.partition(b"?")[0]
        self.searches.note(page.shelf.site.service.id, path, no_vary_search(stored.fields))


def _hit(stored: Stored, now_ms: int) -> tuple[bytes, bytes]:
    return cache_status(NAME, hit=True, ttl_s=stored.ttl_ms(now_ms) // 1000)


def _collapsed(stored: Stored, now_ms: int) -> tuple[bytes, bytes]:
    return cache_status(NAME, fwd="uri-miss", collapsed=True, ttl_s=stored.ttl_ms(now_ms) // 1000)


def _fetched(fetch: Fetch, stored: Stored, now_ms: int, fwd: Forwarded | None = None) -> tuple[bytes, bytes]:
    why: Forwarded = fwd or ("stale" if fetch.was_stale else "vary-miss" if fetch.keyed else "uri-miss")
    ttl_s = stored.ttl_ms(now_ms) // 1000
    return cache_status(NAME, fwd=why, fwd_status=fetch.status, stored=fetch.stored, ttl_s=ttl_s)


def _fits(page: Page, fetch: Fetch) -> bool:
    """Whether an answer to what we asked answers what the client asked."""
    if page.request.method != b"GET":
        return False
    sent = {name for name, _ in fetch.sent}
    own = {name for name, _ in page.request.fields}
    if b"accept" in own and not any(
        b"*/*" in value for name, value in page.request.fields if name == b"accept"
    ):
        return False
    return own <= sent | TRIVIAL


def _busy(busy: Busy) -> Problem:
    seconds = str(max(1, -(-busy.retry_after_ms // 1000)))
    return Problem(503, "being-loaded", "The page is being made.", headers={"Retry-After": seconds})


def _late() -> Problem:
    return Problem(504, "origin-late", "The service did not answer in time.")
