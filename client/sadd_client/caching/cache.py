"""A namespace of the platform's cache, for one event loop and for threads; from ``client.cache(namespace)``.

It shrugs: while nobody can ask the platform, ``get_or_load`` loads, and says so (``source`` is ``away``, and
``stats().loads_away`` counts). The plain calls raise PlatformAway then: silence is no miss.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import ParamSpec, TypeVar

from sadd_client.caching.cached import AsyncCached, Cached
from sadd_client.caching.entry import CONTENT_TYPE, Busy, Entry, Lease, Loaded, Times
from sadd_client.caching.recipe import Codec, CodecName, Names, codec_of
from sadd_client.caching.stats import CacheStats
from sadd_client.caching.store import Store
from sadd_client.ports import complete

P = ParamSpec("P")
R = TypeVar("R")


class AsyncCache:
    """Every call raises Problem for a fault of the call or its key, ValueError for a key that cannot be."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._memory = store.memory

    def known(self, key: str) -> Entry | None:
        """What this process's memory may answer with now; asks nobody."""
        return self._memory.known(key)

    async def get(self, key: str) -> Entry | None:
        """The entry, fresh or stale; None for a miss. PlatformAway."""
        return self.known(key) or await self._store.loading.get(key)

    async def get_or_load(
        self,
        key: str,
        load: Callable[[], Awaitable[bytes | Loaded]],
        *,
        times: Times | None = None,
        tags: Iterable[str] = (),
        content_type: str = CONTENT_TYPE,
        patience_seconds: float | None = None,
    ) -> Entry:
        """The entry, or what ``load`` finds: called once in the fleet for all who miss it at once.

        Raises what ``load`` raises, to all who waited for it; CacheBusy when another's load takes longer than
        ``patience_seconds`` (30), and never calls a second one for that.
        """
        known = self.known(key)
        if known is not None:
            return known
        return await self._store.get_or_load(key, load, times, tags, content_type, patience_seconds)

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str = CONTENT_TYPE,
        times: Times | None = None,
        tags: Iterable[str] = (),
    ) -> None:
        """Loads under way are not stored any more. Without ``times`` the namespace's. PlatformAway."""
        await self._store.put(key, body, content_type, times, tags)

    async def delete(self, key: str) -> None:
        """PlatformAway: the old entry may still be served."""
        await self._store.calls.delete(key)

    async def purge(
        self,
        *,
        keys: Iterable[str] = (),
        tags: Iterable[str] = (),
        everything: bool = False,
        soft: bool = False,
    ) -> None:
        """End entries by key, by tag, or all; ``soft``: they are stale. PlatformAway: try again."""
        await self._store.calls.purge(keys, tags, everything=everything, soft=soft)

    async def get_or_lease(
        self, key: str, *, wait_seconds: float = 0.0, stale: bool = True
    ) -> Entry | Lease | Busy:
        """The entry, the right to load it, or how long to wait. PlatformAway."""
        return self.known(key) or await self._store.calls.lease(key, wait_seconds, stale=stale)

    async def fill(
        self,
        lease: Lease,
        body: bytes,
        *,
        content_type: str = CONTENT_TYPE,
        times: Times | None = None,
        tags: Iterable[str] = (),
    ) -> bool:
        """False: it was invalidated since the lease, or the lease ended; nothing is stored. PlatformAway."""
        return await self._store.calls.put(lease.key, body, content_type, times, tuple(tags), lease.token)

    async def release(self, lease: Lease, *, uncacheable_seconds: float = 0.0) -> None:
        """Without filling: the next one loads, or for so long everybody does for himself. PlatformAway."""
        await self._store.calls.release(lease, uncacheable_seconds)

    def cached(
        self,
        key: str,
        *,
        times: Times | None = None,
        tags: Iterable[str] = (),
        codec: Codec | CodecName = "bytes",
        patience_seconds: float | None = None,
    ) -> Callable[[Callable[P, Awaitable[R]]], AsyncCached[P, R]]:
        """A decorator: results are kept under ``key``, which names the parameters: ``"results:{year}"``."""
        words = {"times": times, "patience_seconds": patience_seconds}

        def decorate(function: Callable[P, Awaitable[R]]) -> AsyncCached[P, R]:
            return AsyncCached(self, function, Names(function, key, tuple(tags)), codec_of(codec), words)

        return decorate

    def stats(self) -> CacheStats:
        return self._store.stats()


class Cache:
    """In all else like ``AsyncCache``; for any number of threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self, key: str) -> Entry | None:
        """What this process's memory may answer with now; asks nobody."""
        memory = self._store.memory
        with memory.feed.mutex:
            return memory.known(key)

    def get(self, key: str) -> Entry | None:
        """The entry, fresh or stale; None for a miss. PlatformAway."""
        return self.known(key) or complete(self._store.loading.get(key))

    def get_or_load(
        self,
        key: str,
        load: Callable[[], bytes | Loaded],
        *,
        times: Times | None = None,
        tags: Iterable[str] = (),
        content_type: str = CONTENT_TYPE,
        patience_seconds: float | None = None,
    ) -> Entry:
        """The entry, or what ``load`` finds: called once in the fleet for all who miss it at once.

        Raises what ``load`` raises, to all who waited for it; CacheBusy when another's load takes longer than
        ``patience_seconds`` (30), and never calls a second one for that.
        """
        known = self.known(key)
        if known is not None:
            return known

        async def awaited() -> bytes | Loaded:
            return load()

        return complete(self._store.get_or_load(key, awaited, times, tags, content_type, patience_seconds))

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str = CONTENT_TYPE,
        times: Times | None = None,
        tags: Iterable[str] = (),
    ) -> None:
        """Loads under way are not stored any more. Without ``times`` the namespace's. PlatformAway."""
        complete(self._store.put(key, body, content_type, times, tags))

    def delete(self, key: str) -> None:
        """PlatformAway: the old entry may still be served."""
        complete(self._store.calls.delete(key))

    def purge(
        self,
        *,
        keys: Iterable[str] = (),
        tags: Iterable[str] = (),
        everything: bool = False,
        soft: bool = False,
    ) -> None:
        """End entries by key, by tag, or all; ``soft``: they are stale. PlatformAway: try again."""
        complete(self._store.calls.purge(keys, tags, everything=everything, soft=soft))

    def get_or_lease(
        self, key: str, *, wait_seconds: float = 0.0, stale: bool = True
    ) -> Entry | Lease | Busy:
        """The entry, the right to load it, or how long to wait. PlatformAway."""
        return self.known(key) or complete(self._store.calls.lease(key, wait_seconds, stale=stale))

    def fill(
        self,
        lease: Lease,
        body: bytes,
        *,
        content_type: str = CONTENT_TYPE,
        times: Times | None = None,
        tags: Iterable[str] = (),
    ) -> bool:
        """False: it was invalidated since the lease, or the lease ended; nothing is stored. PlatformAway."""
        return complete(self._store.calls.put(lease.key, body, content_type, times, tuple(tags), lease.token))

    def release(self, lease: Lease, *, uncacheable_seconds: float = 0.0) -> None:
        """Without filling: the next one loads, or for so long everybody does for himself. PlatformAway."""
        complete(self._store.calls.release(lease, uncacheable_seconds))

    def cached(
        self,
        key: str,
        *,
        times: Times | None = None,
        tags: Iterable[str] = (),
        codec: Codec | CodecName = "bytes",
        patience_seconds: float | None = None,
    ) -> Callable[[Callable[P, R]], Cached[P, R]]:
        """A decorator: results are kept under ``key``, which names the parameters: ``"results:{year}"``."""
        words = {"times": times, "patience_seconds": patience_seconds}

        def decorate(function: Callable[P, R]) -> Cached[P, R]:
            return Cached(self, function, Names(function, key, tuple(tags)), codec_of(codec), words)

        return decorate

    def stats(self) -> CacheStats:
        return self._store.stats()
