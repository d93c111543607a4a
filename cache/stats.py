"""What the cache counted since it was built, and what it holds in this process."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Counted as it happens; ``CacheStats`` has the same names and says what they mean."""

    hits: int = 0
    stale_hits: int = 0
    misses: int = 0
    unavailable: int = 0
    puts: int = 0
    deletes: int = 0
    purges: int = 0
    leases: int = 0
    waits: int = 0
    busy: int = 0
    loads: int = 0
    own_loads: int = 0
    failed_loads: int = 0
    spared: int = 0
    fills: int = 0
    superseded: int = 0
    uncacheable: int = 0
    full: int = 0


@dataclass(frozen=True, slots=True)
class CacheStats:
    hits: int
    stale_hits: int
    """Hits between soft and hard expiry; they are counted in ``hits`` too."""
    misses: int
    unavailable: int
    """Look-ups that found the store away; they are counted in ``misses`` too."""
    puts: int
    deletes: int
    near_hits: int = 0
    """Hits in this worker's memory; they are counted in ``hits`` too."""
    purges: int = 0
    leases: int = 0
    """Rights to load that were given."""
    waits: int = 0
    """Times that somebody waited for another worker's load."""
    busy: int = 0
    """Callers whose patience ended before a load did."""
    loads: int = 0
    """Loads begun: the origin calls of ``get_or_load``."""
    own_loads: int = 0
    """Loads that could not be shared; they are counted in ``loads`` too."""
    failed_loads: int = 0
    collapsed: int = 0
    """Callers that joined a load under way in this process."""
    spared: int = 0
    """Stale entries served in the place of an origin that failed."""
    fills: int = 0
    superseded: int = 0
    """Loads whose result was not kept, for something was purged since they began."""
    uncacheable: int = 0
    """Loads whose result could not be shared."""
    full: int = 0
    """Entries refused because their namespace was full."""
    notices: int = 0
    """Purges, puts and fills that the feed told."""
    feed_gaps: int = 0
    """Times that this worker's memory was emptied because notices were missing."""
    feed_losses: int = 0
    """Times that it was emptied because the feed was lost."""
    near_evictions: int = 0
    near_discarded: int = 0
    """Entries that were purged in this worker's memory, or not taken there since a purge overtook them."""
    near_bytes: int = 0
    near_bytes_max: int = 0
    near_entries: int = 0
    loading: int = 0
    """Loads under way."""
    invalidation_age_ms: int = 0
    """The longest that a purge or put took to reach this worker, in the last minute or two."""
    feed_proven: int = 0
    """1 while this worker's memory may answer."""


GAUGES = {
    "near_bytes": "sum",
    "near_bytes_max": "sum",
    "near_entries": "sum",
    "loading": "sum",
    "invalidation_age_ms": "max",
    "feed_proven": "min",
}
"""How those that do not only rise are put together over workers."""


@dataclass(slots=True)
class RecentMost:
    """The largest of a window, and of the one before it: a gauge that comes down again."""

    window_ms: int = 60_000
    _began_ms: int = field(default=0, init=False)
    _now: int = field(default=0, init=False)
    _before: int = field(default=0, init=False)

    def note(self, value: int, now_ms: int) -> None:
        self._turn(now_ms)
        self._now = max(self._now, value)

    def most(self, now_ms: int) -> int:
        self._turn(now_ms)
        return max(self._now, self._before)

    def _turn(self, now_ms: int) -> None:
        gone = (now_ms - self._began_ms) // self.window_ms
        if gone:
            self._before = self._now if gone == 1 else 0
            self._now, self._began_ms = 0, now_ms
