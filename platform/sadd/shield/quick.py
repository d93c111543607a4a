"""Pages that are everybody's and in memory, answered without a task: as bytes that were made before.

What was made for a request is given again for the same bytes of a request, while the cache has the very same
entry and no second of its age has passed.
"""

import msgspec

from cache.cache import Cache
from cache.entry import Entry
from cache.rfc9111.answering import answer
from cache.space import Space
from sadd.catalogue.model import Catalogue
from sadd.shield.caching import Caching
from sadd.shield.head import VALUE_BYTES, Head
from sadd.shield.hops import is_loop, lines
from sadd.shield.phrases import status_line
from sadd.shield.sites import Sites
from sadd.shield.visitor import scheme_of

REMEMBERED_MAX = 4_096
REMEMBERED_BYTES_MAX = 33_554_432
RAW_BYTES_MAX = 2_048
"""Of a request that is remembered, without its cookies."""
ANSWER_BYTES_MAX = 262_144


class Made(msgspec.Struct):
    """An answer, and until when it is right."""

    space: Space
    key: str
    entry: Entry
    until_ms: int
    answer: bytes


class Quick:
    """Of one worker."""

    def __init__(self, cache: Cache, caching: Caching, sites: Sites) -> None:
        self._known = cache.known
        self._now_ms = cache.now_ms
        self._caching = caching
        self._sites = sites
        self._made: tuple[dict[bytes, Made], dict[bytes, Made]] = ({}, {})
        self._bytes = 0
        self._of: Catalogue = sites.state
        self.hits = 0

    def at_once(self, raw: bytes, *, trusted: bool) -> bytes | None:
        """The answer to a request that was seen before."""
        made = self._made[trusted].get(raw)
        if made is None:
            rest = without_cookie(raw)
            made = None if rest is None else self._made[trusted].get(rest)
        if made is None or self._sites.state is not self._of:
            return None
        if self._known(made.space, made.key) is not made.entry or self._now_ms() >= made.until_ms:
            return None
        self.hits += 1
        return made.answer

    def at_hand(self, raw: bytes, head: Head, *, trusted: bool) -> bytes | None:
        """The answer to another; it is remembered."""
        site = self._sites.of(head.host)
        if site is None or head.is_old or not site.is_public(head.path) or is_loop(head.fields):
            return None
        page = self._caching.page(head, site, scheme_of(head, trusted=trusted))
        found = None if isinstance(page, str) else self._caching.near(page)
        if found is None or isinstance(page, str):
            return None
        now_ms = self._now_ms()
        said = answer(page.request, found.stored, found.entry.content.body, now_ms, (found.status,))
        framing = b"" if said.length is None else b"content-length: %d\r\n" % said.length
        whole = b"".join((status_line(said.status), lines(said.fields), framing, b"\r\n", said.body))
        until_ms = min(now_ms + 1000 - found.stored.age_ms(now_ms) % 1000, found.stored.fresh_until_ms)
        rest = raw if head.get(b"cookie") is None else without_cookie(raw)
        if rest is not None and len(rest) <= RAW_BYTES_MAX and len(whole) <= ANSWER_BYTES_MAX:
            made = Made(page.shelf.space, found.key, found.entry, until_ms, whole)
            self._remember(rest, made, trusted=trusted)
        self.hits += 1
        return whole

    def _remember(self, raw: bytes, made: Made, *, trusted: bool) -> None:
        here = self._made[trusted]
        before = here.pop(raw, None)
        self._bytes += len(made.answer) - (0 if before is None else len(before.answer))
        if (
            self._sites.state is not self._of
            or len(here) >= REMEMBERED_MAX
            or self._bytes > REMEMBERED_BYTES_MAX
        ):
            for one in self._made:
                one.clear()
            self._bytes, self._of = len(made.answer), self._sites.state
        here[raw] = made


def without_cookie(raw: bytes) -> bytes | None:
    """The request without the line of its cookies, which choose nothing on a public page.

    None: there is none, or it has a byte that is none of a field's, over which two readers could part.
    """
    at = raw.find(b"\r\nCookie: ")
    if at < 0:
        at = raw.find(b"\r\ncookie: ")
    if at < 0:
        return None
    end = raw.find(b"\r\n", at + 2)
    return None if raw[at + 2 : end].translate(None, VALUE_BYTES) else raw[:at] + raw[end:]
