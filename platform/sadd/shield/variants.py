"""Under which key the answer lies that is for this visitor, and how many of them a URL may have."""

from hashlib import blake2b

from cache.rfc9111.vary import vary_key
from sadd.shield.pages import Page

VARIANTS_MAX = 16
"""Of one URL, that one worker adds: fields that differ with each visitor must not fill the cache."""
URLS_MAX = 4_096


class VariantKeys:
    """Of one worker."""

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = {}

    def of(self, page: Page, vary: tuple[bytes, ...]) -> str:
        """The URL's own key where nothing varies."""
        if not vary:
            return page.key
        chosen = vary_key(vary, page.request.fields, page.shelf.policy)
        digest = blake2b(b",".join(vary) + b"\0" + chosen, digest_size=16).hexdigest()
        return f"{page.key}~{digest}"

    def has_room(self, page: Page, vary: tuple[bytes, ...]) -> bool:
        """Whether one more may be kept; notes that it is."""
        if not vary:
            return True
        known = self._known.get(page.key)
        if known is None:
            if len(self._known) >= URLS_MAX:
                self._known.clear()
            known = self._known[page.key] = set()
        key = self.of(page, vary)
        if key not in known and len(known) >= VARIANTS_MAX:
            return False
        known.add(key)
        return True
