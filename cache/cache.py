"""The cache: entries of opaque bytes, one load for all who miss, and nothing older than the last purge.

It shrugs. When the store is away every look-up is a miss, which is counted and says why, so that callers go
on to their origin. A put or a purge raises StoreUnavailable instead: whoever purges must know that the old
entry may still be served.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from cache.address import Address
from cache.answers import Busy, Explained, Full, Lease, Loaded, Miss, Stored, Superseded, Usage
from cache.entry import Content, Entry
from cache.policy import Times
from cache.space import BODY_BYTES_MAX, Space
from cache.stats import CacheStats
from cache.store import Store, StoreUnavailable

Load: TypeAlias = Callable[[], Awaitable[Loaded]]

LEASE_MS_MAX = 60_000


class TooLarge(Exception):
    """The body is above the bound for one entry."""

    def __init__(self, size: int, bound: int) -> None:
        super().__init__(f"{size} bytes, {bound} are allowed")
        self.bound = bound


class Cache:
    """Entries on one store."""

    def __init__(self, store: Store, *, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        self._store = store
        self._body_bytes_max = body_bytes_max
        self._hits = self._stale_hits = self._misses = self._unavailable = self._puts = self._deletes = 0

    # -- reading -------------------------------------------------------------

    def now_ms(self) -> int:
        """The store's clock as this process knows it; what an entry's ages are asked with."""
        return int(time.time() * 1000)

    def known(self, space: Space, key: str) -> Entry | None:  # noqa: ARG002
        """The fresh entry in this worker's memory, while it is proven that nothing purged it. Never waits."""
        return None

    async def get(self, space: Space, key: str, *, may_be_stale: bool = True) -> Entry | Miss:  # noqa: ARG002
        """The entry, or why there is none. Never raises for a store that is away."""
        try:
            entry = await self._store.lookup(Address(space.tenant, space.namespace, key))
        except StoreUnavailable:
            self._unavailable += 1
            self._misses += 1
            return Miss(store_away=True)
        if entry is None:
            self._misses += 1
            return Miss()
        self._hits += 1
        self._stale_hits += entry.fresh_for_ms(self.now_ms()) <= 0
        return entry

    async def get_many(
        self, space: Space, keys: Sequence[str], *, may_be_stale: bool = True
    ) -> list[Entry | Miss]:
        """``get`` for up to 1,000 keys, in their order, in one trip for those that are not known here."""
        return [await self.get(space, key, may_be_stale=may_be_stale) for key in keys]

    async def get_or_lease(
        self, space: Space, key: str, *, wait_ms: int = 0, stale: bool = True, lease_ms: int | None = None
    ) -> Entry | Lease | Busy:
        """The entry; or the right to load it, for one caller in the fleet; or Busy after ``wait_ms``.

        With a stale entry that may be served (``stale``): one caller gets a Lease that carries it, the others
        the entry. The lease ends after ``lease_ms`` (the namespace's, LEASE_MS_MAX at most); ``renew`` it in
        time. Raises StoreUnavailable.
        """
        raise NotImplementedError

    # -- writing -------------------------------------------------------------

    async def put(self, space: Space, key: str, content: Content, times: Times) -> Stored | Full:
        """Keep the content, whatever was there; loads under way for the key are void.

        Raises TooLarge and StoreUnavailable.
        """
        bound = min(space.body_bytes_max, self._body_bytes_max)
        if len(content.body) > bound:
            raise TooLarge(len(content.body), bound)
        born = await self._store.fill(Address(space.tenant, space.namespace, key), content, times)
        self._puts += 1
        return Stored(born, 0)

    async def put_many(
        self, space: Space, entries: Sequence[tuple[str, Content, Times]]
    ) -> list[Stored | Full]:
        """``put`` for up to 1,000 keys, each kept or refused by itself. Raises TooLarge before any went."""
        return [await self.put(space, key, content, times) for key, content, times in entries]

    async def fill(
        self, space: Space, key: str, token: int, content: Content, times: Times, *, cost_ms: int = 0
    ) -> Stored | Superseded | Full:
        """Keep what was loaded under a lease, unless something was purged since it was granted.

        Raises TooLarge and StoreUnavailable.
        """
        raise NotImplementedError

    async def renew(self, space: Space, key: str, token: int, lease_ms: int) -> bool:
        """The lease ends ``lease_ms`` from now; False when it is not the holder's any more."""
        raise NotImplementedError

    async def release(self, space: Space, key: str, token: int, *, uncacheable_for_ms: int = 0) -> bool:
        """Give the lease back without an entry: waiters ask again at once. False when it was lost before.

        With ``uncacheable_for_ms`` whoever asks in that time may load, and nobody waits for anybody.
        """
        raise NotImplementedError

    async def delete(self, space: Space, key: str) -> bool:
        """End the entry; True if there was one. Raises StoreUnavailable."""
        found = await self._store.remove(Address(space.tenant, space.namespace, key))
        self._deletes += 1
        return found

    async def purge(
        self,
        space: Space,
        *,
        keys: Sequence[str] = (),
        tags: Sequence[str] = (),
        everything: bool = False,
        soft: bool = False,
    ) -> int:
        """End what carries a key, a tag, or all of the namespace, in one step; loads under way become void.

        ``soft``: it becomes stale instead, to be served by leave of its times while one caller loads anew.
        Returns how many entries were found by key: what tags and the whole namespace end is not counted, it
        costs the same for one entry and for a million. Raises StoreUnavailable.
        """
        raise NotImplementedError

    # -- loading -------------------------------------------------------------

    async def get_or_load(
        self,
        space: Space,
        key: str,
        load: Load,
        *,
        patience_ms: int,
        stale: bool = True,
        finish: bool = True,
    ) -> Entry | Loaded | Busy:
        """The entry, loaded by one caller in the fleet if need be.

        ``load`` runs in a task of its own: a caller that is cancelled harms no other. With ``finish`` it is
        completed for the cache even when no caller is left; without, it is cancelled then. An entry may be
        stale where its times allow it and the caller does; one load follows in the background. A ``Loaded``
        is what cannot be shared (or could not be kept) and comes from this caller's own load. ``Busy`` comes
        after ``patience_ms``; the load goes on. When ``load`` raises, its waiters in this process get the
        error, or the stale entry where ``stale-if-error`` allows it. While the store is away it loads once
        per process.
        """
        raise NotImplementedError

    # -- looking in ----------------------------------------------------------

    def stats(self) -> CacheStats:
        return CacheStats(
            hits=self._hits,
            stale_hits=self._stale_hits,
            misses=self._misses,
            unavailable=self._unavailable,
            puts=self._puts,
            deletes=self._deletes,
        )

    def hot(self, count: int) -> list[tuple[str, str, int]]:  # noqa: ARG002
        """(``tenant:namespace``, key, hits) of what this worker's memory was asked for most, most first."""
        return []

    async def explain(self, space: Space, key: str) -> Explained:
        """Why the next look-up is a hit or a miss. Changes nothing; never raises for a store that is away."""
        raise NotImplementedError

    async def usage(self, space: Space) -> Usage:
        """What the namespace holds. Raises StoreUnavailable."""
        raise NotImplementedError


__all__ = [
    "LEASE_MS_MAX",
    "Busy",
    "Cache",
    "Explained",
    "Full",
    "Lease",
    "Load",
    "Loaded",
    "Miss",
    "Stored",
    "Superseded",
    "TooLarge",
    "Usage",
]
