"""Pages from the cache: found at once, or by one fetch for all who ask, or not at all.

An entry at a URL's key is an answer, or a sign that says by which fields its answers vary; those lie each
under a key of their own. What the cache gives is judged once more by the answer's own times and by what the
client will take (RFC 9111 §4): the engine knows nothing of either.
"""

from collections import Counter
from dataclasses import dataclass
from time import monotonic

from cache.answers import Busy, Loaded, Miss
from cache.cache import Cache
from cache.entry import Entry
from cache.flight import Flight, Flights, LoadEnded
from cache.rfc9111.answering import answer as answered
from cache.rfc9111.directives import asked as asked_by
from cache.rfc9111.invalidation import invalidates
from cache.rfc9111.message import Request, Response
from cache.rfc9111.reuse import Fresh, StaleWhileRefreshed, Validate, reuse
from cache.rfc9111.search import no_vary_search
from cache.rfc9111.status import Forwarded, cache_status
from cache.rfc9111.stored import Stored
from cache.rfc9111.tags import SAFE_METHODS, invalidated_groups
from cache.store import StoreUnavailable
from sadd.settings import Shield as Settings
from sadd.shield.asking import Unanswered
from sadd.shield.call import Call
from sadd.shield.fetching import Fetch, Means, Passing
from sadd.shield.forwarding import pass_on
from sadd.shield.head import Fields, Head
from sadd.shield.kept import sign_of, stored_of
from sadd.shield.keys import tag_of
from sadd.shield.memory import Fetched, Searches, Uncacheable
from sadd.shield.pages import Page, page_of
from sadd.shield.reply import ReplyHead
from sadd.shield.shelves import Shelves
from sadd.shield.sites import Site
from sadd.shield.variants import VariantKeys
from sadd.shield.visitor import told_of_all
from sadd.web.problem import Problem

NAME = "sadd"
_LIVES = ("fresh", "stale", "spare", "kept")
HOPS_MAX = 3
"""Signs that are followed: one, and one more where it changed meanwhile."""
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


class Caching:
    """Of one worker."""

    def __init__(self, cache: Cache, shelves: Shelves, settings: Settings) -> None:
        self._cache = cache
        self._shelves = shelves
        self._settings = settings
        self._keys = VariantKeys()
        self._uncacheable = Uncacheable()
        self._searches = Searches()
        self._means = Means(cache, self._keys, Fetched(), settings)
        self._renewals: Flights[tuple[str, str], Loaded] = Flights()
        self._patience_ms = int(
            (
                settings.place_timeout_seconds
                + settings.answer_timeout_seconds
                + settings.stall_timeout_seconds
            )
            * 1000
        )
        self.counts: Counter[str] = Counter()

    # -- what is asked -------------------------------------------------------

    def page(self, head: Head, site: Site, scheme: str) -> Page | str:
        """The page, or why it has nothing to do with the cache."""
        shelf = self._shelves.of(site)
        if shelf is None:
            return "no-cache-class"
        query = self._searches.query(site.service.id, head.target)
        page = page_of(head, shelf, scheme, told_of_all(head, scheme), query)
        if isinstance(page, str):
            return page
        return self._uncacheable.why(page.key, self._cache.now_ms()) or page

    # -- from here -----------------------------------------------------------

    def near(self, page: Page) -> Found | None:
        """From this worker's memory, if it is there and fresh for this client. Never waits."""
        key = page.key
        for _ in range(HOPS_MAX):
            entry = self._cache.known(page.shelf.space, key)
            vary = None if entry is None else sign_of(entry)
            if entry is None or vary is None:
                break
            key = self._keys.of(page, vary)
        stored = stored_of(entry)
        if entry is None or stored is None:
            return None
        now_ms = self._cache.now_ms()
        if not isinstance(reuse(page.request, stored, now_ms), Fresh):
            return None
        return Found(key, entry, stored, _hit(stored, now_ms), "hit")

    async def answer_near(self, call: Call, page: Page) -> bool:
        """Answer a public page that the cache has, in memory or in the store."""
        found = self.near(page) or await self._kept(page)
        if found is not None:
            self._show(call, page, found, ())
        return found is not None

    async def answer(self, call: Call, page: Page, more: Fields) -> str:
        """Answer; returns how, or empty: the client must have his own. Raises Unanswered."""
        found: Found | Passing | None = self.near(page)
        wants = asked_by(page.request.fields)
        if found is None and (wants.only_if_cached or wants.max_stale is not None):
            found = await self._kept(page)
        if found is None and wants.only_if_cached:
            raise Unanswered("not-kept", Problem(504, "not-kept", "This is not kept here."))
        if found is None:
            found = await self._obtain(page)
        if isinstance(found, Found):
            self._show(call, page, found, more)
            return found.how
        return await self._pass(call, found, more) if found is not None else ""

    # -- by a fetch ----------------------------------------------------------

    async def _kept(self, page: Page) -> Found | None:
        """From the store, if it may be shown without asking anybody."""
        key = page.key
        takes_stale = asked_by(page.request.fields).max_stale is not None
        for _ in range(HOPS_MAX):
            entry: Entry | Miss | None
            if takes_stale:  # also what is kept only to be asked after
                explained = await self._cache.explain(page.shelf.space, key)
                entry = explained.entry if explained.verdict in _LIVES else None
            else:
                entry = await self._cache.get(page.shelf.space, key)
            if entry is None or isinstance(entry, Miss):
                return None
            vary = sign_of(entry)
            if vary is None:
                return self._judged(page, key, entry)
            key = self._keys.of(page, vary)
        return None

    def _judged(self, page: Page, key: str, entry: Entry) -> Found | None:
        stored, now_ms = stored_of(entry), self._cache.now_ms()
        if stored is None or not isinstance(reuse(page.request, stored, now_ms), Fresh):
            return None
        return Found(key, entry, stored, _hit(stored, now_ms), "hit")

    async def _obtain(self, page: Page) -> Found | Passing | None:
        """Found; or an answer that is this client's alone; or None: he must ask for himself."""
        key = page.key
        keyed: tuple[bytes, ...] = ()
        began = monotonic()
        before: Fetch | None = None
        for _ in range(HOPS_MAX):
            fetch = Fetch(self._means, page, key, keyed)
            try:
                got = await self._cache.get_or_load(
                    page.shelf.space, key, fetch.load, patience_ms=self._patience_ms, finish=False
                )
            except (TimeoutError, LoadEnded):
                fetch.leave()
                raise Unanswered("origin-late", _stale()) from None
            except BaseException:
                fetch.leave()
                raise
            if isinstance(got, Busy):
                fetch.leave()
                raise Unanswered("busy", _busy(got))
            if isinstance(got, Loaded):
                return self._own(page, key, fetch, got)
            vary = sign_of(got)
            if vary is None:
                return await self._seen(page, key, fetch, got, began, before)
            fetch.leave()
            before = fetch if fetch.ran else before
            key, keyed = self._keys.of(page, vary), vary
            why = self._uncacheable.why(key, self._cache.now_ms())
            if why:
                return None
        return None

    async def _seen(
        self, page: Page, key: str, fetch: Fetch, entry: Entry, began: float, before: Fetch | None
    ) -> Found | Passing | None:
        """An entry, judged by its own times: fetched by this very client it answers whatever he asked.

        ``before`` is a fetch of this client's that found by what the answer varies, and kept it there.
        """
        stored, now_ms = stored_of(entry), self._cache.now_ms()
        if stored is None:
            fetch.leave()
            return None
        if fetch.ran and fetch.failure is None:
            self._note_search(page, stored)
            return Found(key, entry, stored, self._fetched(fetch, stored, now_ms), "miss")
        judged = reuse(page.request, stored, now_ms)
        fetch.leave()
        if isinstance(judged, Validate) and (judged.fwd == "request" or not judged.error_ok):
            # Fresh, but not for this client; or fetched for another just now, and never fresh.
            return await self._renewed(page, key, entry)
        if before is not None:
            return Found(key, entry, stored, self._fetched(before, stored, now_ms), "miss")
        if self._means.fetched.since(key, began):
            return Found(key, entry, stored, _collapsed(stored, now_ms), "collapsed")
        stale = isinstance(judged, StaleWhileRefreshed | Validate)
        return Found(key, entry, stored, _hit(stored, now_ms), "stale" if stale else "hit")

    async def _renewed(self, page: Page, key: str, entry: Entry) -> Found | Passing | None:
        """The client would not take what is fresh: one fetch for all of its kind, and kept for everybody."""
        fetch = Fetch(self._means, page, key, stored_vary(entry))

        async def load(_: Flight[Loaded]) -> Loaded:
            loaded = await fetch.load(entry)
            if loaded.times is not None:
                try:
                    await self._cache.put(page.shelf.space, key, loaded.content, loaded.times)
                except StoreUnavailable:
                    fetch.stored = False
            return loaded

        try:
            loaded = await self._renewals.join((page.shelf.space.name, key), load, finish=False)
        except BaseException:
            fetch.leave()
            raise
        if not fetch.ran and not loaded.content.meta:
            return None
        return self._own(page, key, fetch, loaded, fwd="request")

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
                return Found(key, entry, stored, self._fetched(fetch, stored, now_ms, fwd), "miss")
        reason = passing.reason if passing is not None else "uncacheable"
        self._uncacheable.note(key, now_ms + page.shelf.space.uncacheable_ms, reason)
        if passing is None or _fits(page, fetch):
            return passing
        passing.close()
        return None

    async def ends(self, head: Head, site: Site, reply: ReplyHead) -> None:
        """What a request that changed something ends (RFC 9111 §4.4, RFC 9875 §3)."""
        shelf = self._shelves.of(site)
        if shelf is None or head.method in SAFE_METHODS:
            return
        request = Request(head.method, head.target)
        now_ms = self._cache.now_ms()
        response = Response(reply.status, reply.fields, now_ms, now_ms)
        targets = invalidates(request, response, (head.host,))
        tags = [tag_of(one, head.host, target) for target in targets for one in ("http", "https")]
        tags += invalidated_groups(request, response)
        if not tags:
            return
        try:
            await self._cache.purge(shelf.space, tags=tags)
        except StoreUnavailable:
            self.counts["purges_failed"] += 1

    # -- to the client -------------------------------------------------------

    def _show(self, call: Call, page: Page, found: Found, more: Fields) -> None:
        said = answered(
            page.request, found.stored, found.entry.content.body, self._cache.now_ms(), (found.status, *more)
        )
        call.give(said.status, said.fields, said.body, said.length)

    async def _pass(self, call: Call, passing: Passing, more: Fields) -> str:
        try:
            head = passing.answered.head
            status = cache_status(
                NAME, fwd="uri-miss", fwd_status=head.status, stored=False, detail=passing.reason
            )
            await pass_on(call, passing.answered, (*more, status), self._settings, passing.begun)
        finally:
            passing.close()
        return "passed"

    def _note_search(self, page: Page, stored: Stored) -> None:
        path = page.request.target.partition(b"?")[0]
        self._searches.note(page.shelf.site.service.id, path, no_vary_search(stored.fields))

    def _fetched(
        self, fetch: Fetch, stored: Stored, now_ms: int, fwd: Forwarded | None = None
    ) -> tuple[bytes, bytes]:
        why: Forwarded = fwd or ("stale" if fetch.was_stale else "vary-miss" if fetch.keyed else "uri-miss")
        return cache_status(
            NAME, fwd=why, fwd_status=fetch.status, stored=fetch.stored, ttl_s=stored.ttl_ms(now_ms) // 1000
        )


def stored_vary(entry: Entry) -> tuple[bytes, ...]:
    stored = stored_of(entry)
    return () if stored is None else stored.vary


def _hit(stored: Stored, now_ms: int) -> tuple[bytes, bytes]:
    return cache_status(NAME, hit=True, ttl_s=stored.ttl_ms(now_ms) // 1000)


def _collapsed(stored: Stored, now_ms: int) -> tuple[bytes, bytes]:
    return cache_status(NAME, fwd="uri-miss", collapsed=True, ttl_s=stored.ttl_ms(now_ms) // 1000)


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


def _stale() -> Problem:
    return Problem(504, "origin-late", "The service did not answer in time.")
