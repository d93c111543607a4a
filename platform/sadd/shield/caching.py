"""What the cache has to do with a request: its page, its answer, and what it ends."""

from cache.cache import Cache
from cache.rfc9111.answering import answer as answered
from cache.rfc9111.directives import asked as asked_by
from cache.rfc9111.invalidation import invalidates
from cache.rfc9111.message import Request, Response
from cache.rfc9111.status import cache_status
from cache.rfc9111.tags import SAFE_METHODS, invalidated_groups
from cache.store import StoreUnavailable
from sadd.settings import Shield as Settings
from sadd.shield.asking import Unanswered
from sadd.shield.call import Call
from sadd.shield.fetching import Passing
from sadd.shield.finding import NAME, Finding, Found
from sadd.shield.forwarding import pass_on
from sadd.shield.head import Fields, Head
from sadd.shield.keys import tag_of
from sadd.shield.pages import Page, page_of
from sadd.shield.reply import ReplyHead
from sadd.shield.shelves import Shelves
from sadd.shield.sites import Site
from sadd.shield.visitor import told_of_all
from sadd.web.problem import Problem


class Caching:
    """Of one worker."""

    def __init__(self, cache: Cache, shelves: Shelves, settings: Settings) -> None:
        self._cache = cache
        self._shelves = shelves
        self._settings = settings
        self._finding = Finding(cache, settings)
        self.near = self._finding.near
        self.purges_failed = 0
        """Changes whose pages may still be shown as they were, for the store was away."""

    def page(self, head: Head, site: Site, scheme: str) -> Page | str:
        """The page, or why it has nothing to do with the cache."""
        shelf = self._shelves.of(site)
        if shelf is None:
            return "no-cache-class"
        query = self._finding.searches.query(site.service.id, head.target)
        page = page_of(head, shelf, scheme, told_of_all(head, scheme), query)
        if isinstance(page, str):
            return page
        return self._finding.uncacheable.why(page.key, self._cache.now_ms()) or page

    async def answer_kept(self, call: Call, page: Page) -> bool:
        """Answer with what is in memory or in the store; False: with nothing."""
        found = self.near(page) or await self._finding.kept(page)
        if found is not None:
            self._show(call, page, found, ())
        return found is not None

    async def answer(self, call: Call, page: Page, more: Fields) -> str:
        """Answer; returns how, or empty: the client must have his own. Raises Unanswered."""
        found: Found | Passing | None = self.near(page)
        wants = asked_by(page.request.fields)
        if found is None and (wants.only_if_cached or wants.max_stale is not None):
            found = await self._finding.kept(page)
        if found is None and wants.only_if_cached:
            raise Unanswered("not-kept", Problem(504, "not-kept", "This is not kept here."))
        if found is None:
            found = await self._finding.obtained(page)
        if isinstance(found, Found):
            self._show(call, page, found, more)
            return found.how
        return await self._pass(call, found, more) if found is not None else ""

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
            self.purges_failed += 1

    def _show(self, call: Call, page: Page, found: Found, more: Fields) -> None:
        body, now_ms = found.entry.content.body, self._cache.now_ms()
        said = answered(page.request, found.stored, body, now_ms, (found.status, *more))
        call.give(said.status, said.fields, said.body, said.length)

    async def _pass(self, call: Call, passing: Passing, more: Fields) -> str:
        status = passing.answered.head.status
        how = cache_status(NAME, fwd="uri-miss", fwd_status=status, stored=False, detail=passing.reason)
        try:
            await pass_on(call, passing.answered, (*more, how), self._settings, passing.begun)
        finally:
            passing.close()
        return "passed"
