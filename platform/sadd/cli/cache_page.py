"""What the caching proxy would make of a request for a page, by its own functions; nobody is asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cache.answers import Explained
from cache.rfc9111.reuse import Fresh, StaleWhileRefreshed, reuse
from cache.rfc9111.stored import Stored
from sadd.catalogue.model import Service
from sadd.cli.cache_sources import GROUP, Here
from sadd.cli.outcome import UsageError
from sadd.shield.head import END, Head, Unreadable, read_head
from sadd.shield.kept import chosen_of, stored_of
from sadd.shield.pages import Page, page_of
from sadd.shield.pool import Pool, address_of
from sadd.shield.shelves import Shelves
from sadd.shield.sites import Site
from sadd.shield.variants import chosen, variant_key
from sadd.shield.visitor import told_of_all


@dataclass(slots=True)
class PageTold:
    """``hit`` is what the next such request would be; ``why`` is for people."""

    hit: bool = False
    key: str = ""
    verdict: str = ""
    why: list[str] = field(default_factory=list)


async def tell(here: Here, service: Service, url: str, fields: Sequence[str]) -> PageTold:
    """Look a page up as the proxy does. UsageError: it would not even read such a request."""
    told = PageTold()
    head = _head(url, fields)
    rules = here.catalogue.classes.caches.get(service.protection.cache or "")
    site = Site(service, Pool(address_of(service.origin), 1, connect_seconds=1.0), rules)
    shelf = Shelves(here.spaces).of(site)
    if shelf is None or rules is None:
        told.why.append(f"{service.id} has no class of caches in the catalogue: none of its pages is kept")
        return told
    scheme = urlsplit(url).scheme
    page = page_of(head, shelf, scheme, told_of_all(head, scheme))
    if isinstance(page, str):
        told.why.append(f"it has nothing to do with the cache: {page}")
        return told
    told.key = page.key
    told.why.append(_whose(service, page))
    await _look(here, page, told)
    other = "http" if scheme == "https" else "https"
    beside = page_of(head, shelf, other, told_of_all(head, other))
    if not told.hit and not isinstance(beside, str) and await _is_kept(here, beside):
        told.why.append(
            f"it is kept under {other}: the scheme is part of the key, so explain the {other} URL"
        )
    elif told.verdict == "none" and not rules.heuristic:
        told.why.append("perhaps since an answer without freshness of its own is not kept (heuristic is off)")
    return told


def _head(url: str, fields: Sequence[str]) -> Head:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = (f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", *fields)
    try:
        return read_head("\r\n".join(lines).encode("latin-1") + END)
    except (Unreadable, UnicodeEncodeError) as wrong:
        raise UsageError(f"{GROUP}: the proxy refuses such a request: {wrong}") from None


def _whose(service: Service, page: Page) -> str:
    if page.is_public:
        return f"{service.id} declares it public: one answer for everybody, whoever is signed in"
    if page.request.personal:
        return "who asks is shown, or the class is not shared: only what its answer calls public is kept"
    return "nobody shows who he is: what its answer allows is kept"


async def _look(here: Here, page: Page, told: PageTold) -> None:
    """At the URL's own key lies one of its answers; the others lie each under the key of its choice."""
    found = await here.cache.explain(page.shelf.space, page.key)
    stored = stored_of(found.entry)
    if found.entry is not None and stored is not None and stored.vary:
        choice = chosen(page, stored.vary)
        names = ", ".join(name.decode("latin-1") for name in stored.vary)
        told.why.append(f"its answers vary by {names}; this is the one for the fields that were given")
        if choice != chosen_of(found.entry):
            told.key = variant_key(page, choice)
            found = await here.cache.explain(page.shelf.space, told.key)
    told.hit, told.verdict = _tell(page, found, told.why), found.verdict


async def _is_kept(here: Here, page: Page) -> bool:
    """It would be a hit."""
    told = PageTold()
    await _look(here, page, told)
    return told.hit


def _tell(page: Page, found: Explained, why: list[str]) -> bool:
    stored = stored_of(found.entry)
    if stored is None:
        why.append(_VERDICTS.get(found.verdict, f"a miss: {found.verdict}"))
        why.extend(_loads(found))
        return False
    why.append(f"status {stored.status}, {stored.age_ms(found.now_ms) / 1000:.1f} s old")
    why.extend(_times(stored, found.now_ms))
    judged = reuse(page.request, stored, found.now_ms)
    is_hit = isinstance(judged, Fresh | StaleWhileRefreshed)
    how = "it is fresh" if isinstance(judged, Fresh) else "it is stale, and one caller renews it"
    why.append(f"a hit: {how}" if is_hit else "a miss: the origin is asked whether it still holds")
    why.extend(_loads(found))
    return is_hit


def _times(stored: Stored, now_ms: int) -> Iterator[str]:
    yield f"fresh for {max(0, stored.ttl_ms(now_ms)) / 1000:.1f} s more"
    if stored.stale_until_ms > stored.fresh_until_ms:
        yield f"stale while one renews it for {max(0, stored.stale_until_ms - now_ms) / 1000:.1f} s more"
    if stored.must_validate:
        yield "its answer says no-cache: it is never served unasked"
    if stored.tags:
        yield f"tags: {' '.join(stored.tags)}"


def _loads(found: Explained) -> Iterator[str]:
    if found.lease_ends_in_ms:
        yield f"somebody fetches it; his lease ends in {found.lease_ends_in_ms / 1000:.1f} s"
    if found.uncacheable_for_ms:
        yield (
            "what came last could not be shared; that is remembered for "
            f"{found.uncacheable_for_ms / 1000:.0f} s more, and everybody has his own"
        )


_VERDICTS = {
    "none": "a miss: nothing was ever kept, or it has gone",
    "expired": "a miss: its time is over",
    "purged": "a miss: it was purged",
    "tag-purged": "a miss: one of its tags was purged (the URL itself is one)",
    "namespace-purged": "a miss: all of the service was purged",
    "unreadable": "a miss: another version wrote it, or it cannot be unsealed",
    "store-away": "a miss: the store is away",
}
