"""What one worker remembers: what cannot be shared, what was fetched just now, which queries do not count."""

from time import monotonic

from cache.rfc9111.search import EACH, SearchRule

REMEMBERED_MAX = 8_192


class Uncacheable:
    """Keys whose answers were found to be nobody else's: for a while each request has its own, at once."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[str, tuple[int, str]] = {}

    def note(self, key: str, until_ms: int, reason: str) -> None:
        if len(self._until) >= REMEMBERED_MAX:
            self._until.clear()
        self._until[key] = until_ms, reason

    def why(self, key: str, now_ms: int) -> str:
        """Why it cannot be shared; empty if that is not known."""
        found = self._until.get(key)
        if found is None:
            return ""
        if now_ms >= found[0]:
            del self._until[key]
            return ""
        return found[1]


class Fetched:
    """When this worker last ended a fetch for a key: whoever asked before waited for it."""

    __slots__ = ("_at",)

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def note(self, key: str) -> None:
        if len(self._at) >= REMEMBERED_MAX:
            self._at.clear()
        self._at[key] = monotonic()

    def since(self, key: str, began: float) -> bool:
        """Whether one ended after ``began`` (monotonic seconds)."""
        return self._at.get(key, -1.0) >= began


class Searches:
    """No-Vary-Search by path: what an origin said last."""

    __slots__ = ("_rules",)

    def __init__(self) -> None:
        self._rules: dict[tuple[str, bytes], SearchRule] = {}

    def note(self, service: str, path: bytes, rule: SearchRule) -> None:
        if rule == EACH:
            self._rules.pop((service, path), None)
            return
        if len(self._rules) >= REMEMBERED_MAX:
            self._rules.clear()
        self._rules[service, path] = rule

    def query(self, service: str, target: bytes) -> bytes | None:
        """The query as the key has it; None: as it stands there."""
        path, sign, query = target.partition(b"?")
        rule = self._rules.get((service, path)) if sign or self._rules else None
        return None if rule is None else rule.normal(query)
