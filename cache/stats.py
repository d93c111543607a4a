"""What the cache counted since it was built."""

from dataclasses import dataclass


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
