"""What both caches are made of: the calls, the memory, the loading of one namespace."""

from collections.abc import Iterable

from sadd_client.caching.calls import Calls
from sadd_client.caching.entry import Entry, Times
from sadd_client.caching.loading import Load, Loading, Wanted
from sadd_client.caching.memory import Memory
from sadd_client.caching.stats import CacheStats
from sadd_client.courier import Courier
from sadd_client.pool import Pool
from sadd_client.ports import Io

PATIENCE_SECONDS = 30.0
STALE_BOUND_SECONDS = 1.0
LOADS_MAX = 64


class Store:
    """Of one client and namespace. Connects to nothing yet."""

    def __init__(
        self,
        namespace: str,
        courier: Courier,
        pool: Pool,
        io: Io,
        prefix: str,
        deadline_seconds: float,
        memory_bytes_max: int,
        stale_bound_seconds: float,
        loads_max: int,
    ) -> None:
        self.calls = Calls(namespace, courier, prefix, deadline_seconds, whole=memory_bytes_max > 0)
        path = f"{self.calls.root}/events"
        self.memory = Memory(pool, io, path, deadline_seconds, memory_bytes_max, stale_bound_seconds)
        self.loading = Loading(self.calls, self.memory, io, loads_max)

    async def get_or_load(
        self,
        key: str,
        load: Load,
        times: Times | None,
        tags: Iterable[str],
        content_type: str,
        patience_seconds: float | None,
    ) -> Entry:
        """What the memory did not know."""
        patience = PATIENCE_SECONDS if patience_seconds is None else patience_seconds
        return await self.loading.get_or_load(key, load, Wanted(times, tuple(tags), content_type, patience))

    async def put(
        self, key: str, body: bytes, content_type: str, times: Times | None, tags: Iterable[str]
    ) -> None:
        await self.calls.put(key, body, content_type, times, tuple(tags))

    def stats(self) -> CacheStats:
        counts, memory = self.loading.counts, self.memory
        return CacheStats(
            hits_memory=memory.hits,
            hits=counts["hits"],
            stale=counts["stale"],
            joined=counts["joined"],
            loads=counts["loads"],
            loads_away=counts["loads_away"],
            loads_alone=counts["loads_alone"],
            load_errors=counts["load_errors"],
            unstored=counts["unstored"],
            busy=counts["busy"],
            evicted=memory.shelf.evicted,
            streams=memory.feed.streams,
            memory_entries=len(memory.shelf.items),
            memory_bytes=memory.shelf.used_bytes,
            proven=memory.proven(),
        )

    def end(self) -> None:
        self.memory.feed.end()

    def forget(self) -> None:
        """For a forked child."""
        self.memory.feed.forget()
        self.loading.forget()
