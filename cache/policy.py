"""How long an entry lives: from the Cache-Control of whoever puts it, within bounds."""

import re
from dataclasses import dataclass

TTL_MS_MAX = 30 * 24 * 3600 * 1000
DIRECTIVE = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"([^"\\]*)"|([^\s,;"]*)))?\s*(?:,|$)')
NOT_STORED = frozenset({"no-store", "no-cache", "private"})


class NotStorable(Exception):
    """Whoever puts this entry asked that it be not kept, or not unvalidated."""


@dataclass(frozen=True, slots=True)
class Times:
    """Fresh for ``soft_ms``, then stale, gone after ``hard_ms``; all counted from birth.

    ``error_ms`` is until when it may be served in the place of an origin that fails (``stale-if-error``);
    0 or less than ``hard_ms`` adds nothing. ``keep_ms`` is until when it is kept to be validated by whoever
    loads, and served to nobody.
    """

    soft_ms: int
    hard_ms: int
    error_ms: int = 0
    keep_ms: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.soft_ms <= self.hard_ms:
            raise ValueError(f"times must be 0 < soft <= hard, not {self.soft_ms} and {self.hard_ms} ms")
        if max(self.hard_ms, self.error_ms, self.keep_ms) > TTL_MS_MAX:
            raise ValueError(f"nothing is kept for more than {TTL_MS_MAX} ms")

    def sooner(self, by_ms: int) -> "Times":
        """All ends drawn forward by as much; at least 1 ms is left."""
        by_ms = min(by_ms, self.soft_ms - 1)
        error_ms, keep_ms = max(0, self.error_ms - by_ms), max(0, self.keep_ms - by_ms)
        return Times(self.soft_ms - by_ms, self.hard_ms - by_ms, error_ms, keep_ms)

    @classmethod
    def of_seconds(cls, ttl: int, stale: int = 0, stale_error: int = 0) -> "Times":
        """The times of a class of the catalogue; both stale ones count from the end of freshness."""
        ends = (ttl, ttl + stale, ttl + stale_error if stale_error else 0)
        return cls(*(min(end * 1000, TTL_MS_MAX) for end in ends))


DEFAULT = Times.of_seconds(300)


def times(cache_control: str, default: Times = DEFAULT) -> Times:
    """The times that a Cache-Control asks for; ``default`` where it says none.

    ``s-maxage`` counts before ``max-age``, for this cache is shared; ``stale-while-revalidate`` is the time
    from soft to hard. Raises NotStorable for no-store, no-cache, private and an age of 0, and ValueError for
    a field that is none.
    """
    directives = _directives(cache_control)
    if refused := NOT_STORED & directives.keys():
        raise NotStorable(f"{min(refused)} was asked for")
    age = _seconds(directives, "s-maxage")
    if age is None:
        age = _seconds(directives, "max-age")
    stale, spare = _seconds(directives, "stale-while-revalidate"), _seconds(directives, "stale-if-error")
    if age is None:
        if stale is None and spare is None:
            return default
        age = default.soft_ms // 1000
    if age == 0:
        raise NotStorable("an age of 0 was asked for")
    return Times.of_seconds(age, stale or 0, spare or 0)


def _directives(field: str) -> dict[str, str]:
    """Names in lower case to arguments. Of a directive that comes twice the first counts (RFC 9111 4.2.1)."""
    found: dict[str, str] = {}
    at = 0
    field = field.strip()
    while at < len(field):
        match = DIRECTIVE.match(field, at)
        if match is None:
            raise ValueError(f"Cache-Control is not a list of directives at {field[at : at + 20]!r}")
        found.setdefault(match[1].lower(), match[2] if match[2] is not None else match[3] or "")
        at = match.end()
    return found


def _seconds(directives: dict[str, str], name: str) -> int | None:
    if name not in directives:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", directives[name]):
        raise ValueError(f"{name} is not a whole number of seconds: {directives[name]!r}")
    return int(directives[name])
