"""The cache: get, put and delete entries of opaque bytes.

It shrugs. When the store is away every look-up is a miss, which is counted and says why, so that callers go
on to their origin. A put or a delete raises StoreUnavailable instead: whoever deletes must know that the old
entry may still be served.
"""

from dataclasses import dataclass

from cache.address import Address
from cache.entry import Content, Entry
from cache.policy import Times
from cache.stats import CacheStats
from cache.store import Store, StoreUnavailable

BODY_BYTES_MAX = 1_048_576


class TooLarge(Exception):
    """The body is above the cache's bound for one entry."""

    def __init__(self, size: int, bound: int) -> None:
        super().__init__(f"{size} bytes, {bound} are allowed")
        self.bound = bound


@dataclass(frozen=True, slots=True)
class Miss:
    """Nothing to serve. ``store_away`` says that nobody knows whether there was."""

    store_away: bool = False


class Cache:
    """Entries on one store, each of at most ``body_bytes_max``."""

    def __init__(self, store: Store, *, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        self._store = store
        self._body_bytes_max = body_bytes_max
        self._hits = self._stale_hits = self._misses = self._unavailable = self._puts = self._deletes = 0

    async def get(self, address: Address) -> Entry | Miss:
        """The entry, or why there is none. Never raises for a store that is away."""
        try:
            entry = await self._store.lookup(address)
        except StoreUnavailable:
            self._unavailable += 1
            self._misses += 1
            return Miss(store_away=True)
        if entry is None:
            self._misses += 1
            return Miss()
        self._hits += 1
        self._stale_hits += entry.fresh_for_ms <= 0
        return entry

    async def put(self, address: Address, content: Content, times: Times) -> None:
        """Keep the content. Raises TooLarge and StoreUnavailable."""
        if len(content.body) > self._body_bytes_max:
            raise TooLarge(len(content.body), self._body_bytes_max)
        await self._store.fill(address, content, times)
        self._puts += 1

    async def delete(self, address: Address) -> bool:
        """End the entry; True if there was one. Raises StoreUnavailable."""
        found = await self._store.remove(address)
        self._deletes += 1
        return found

    def stats(self) -> CacheStats:
        return CacheStats(
            hits=self._hits,
            stale_hits=self._stale_hits,
            misses=self._misses,
            unavailable=self._unavailable,
            puts=self._puts,
            deletes=self._deletes,
        )
