"""Which of a URL's answers is this visitor's, under which key it lies, and how many a URL may have."""

from hashlib import blake2b

from cache.rfc9111.vary import vary_key
from sadd.shield.pages import Page

VARIANTS_MAX = 15
"""Of one URL, that one worker adds to the one at the URL's own key: fields that differ with each visitor must
not fill the cache."""
URLS_MAX = 4_096


def chosen(page: Page, vary: tuple[bytes, ...]) -> str:
    """The same for requests that the same variant answers; empty where nothing varies."""
    if not vary:
        return ""
    values = vary_key(vary, page.request.fields, page.shelf.policy)
    return blake2b(b",".join(vary) + b"\0" + values, digest_size=16).hexdigest()


def variant_key(page: Page, choice: str) -> str:
    return f"{page.key}~{choice}"


class Room:
    """For variants, in one worker."""

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = {}

    def takes(self, url_key: str, choice: str) -> bool:
        """Whether one more may be kept; notes that it is."""
        known = self._known.get(url_key)
        if known is None:
            if len(self._known) >= URLS_MAX:
                self._known.clear()
            known = self._known[url_key] = set()
        if choice not in known and len(known) >= VARIANTS_MAX:
            return False
        known.add(choice)
        return True
