"""The cache of one worker, put together: engine, memory, feed, namespaces, quotas, and their endpoints."""

from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cache.cache import Cache
from cache.codec import Codec
from cache.near import Near
from cache.stats import GAUGES
from cache.valkey import ValkeyStore
from sadd.caching.hot import HotKeys
from sadd.caching.hub import Hub
from sadd.caching.quotas import Quotas
from sadd.caching.register import Register
from sadd.caching.spaces import Spaces, View
from sadd.feed.feed import Feed
from sadd.postgres.pool import Pool
from sadd.sealing import Sealer
from sadd.settings import Settings
from sadd.telemetry.family import Combine
from sadd.telemetry.metrics import Metrics
from sadd.valkey.client import ValkeyClient
from sadd.web import cache, cache_batch, cache_leases, cache_looking, cache_purges
from sadd.web.cache_events import Events
from sadd.web.endpoint import Endpoint

HOT_FOLDER = "cache-hot"


@dataclass(frozen=True, slots=True)
class Caching:
    """All that a worker has of the cache."""

    cache: Cache
    spaces: Spaces
    quotas: Quotas
    feed: Feed
    events: Events
    hot: HotKeys

    def endpoints(self, pool: Pool, authority: str) -> list[Endpoint]:
        """In the order in which paths are tried: an entry's path would take those of the others."""
        own = endpoints(self.cache, self.spaces, self.quotas, pool, authority)
        return [*self.events.endpoints(), *own]

    def show(self, metrics: Metrics) -> None:
        """Register what is counted."""
        metrics.register("sadd_cache", self.cache.stats, gauges=CACHE_GAUGES)
        metrics.register("sadd_feed", self.feed.stats, gauges={"primaries": "max"})
        metrics.register("sadd_cache_events", self.events.stats, gauges={"open": "sum"})

    def work(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs until the worker ends."""
        yield self.hot.run()


@asynccontextmanager
async def open_caching(
    valkey: ValkeyClient, view: View, sealer: Sealer, settings: Settings, slot: int
) -> AsyncIterator[Caching]:
    """The cache, until the block ends. ``sealer`` is renewed by whoever follows the signing keys."""
    wanted = settings.cache
    feed = Feed(valkey, bound_ms=wanted.bound_ms)
    spaces, hub = Spaces(view), Hub(feed, feed.bound_seconds)
    engine = Cache(ValkeyStore(valkey, Codec(sealer)), near=Near(wanted.memory_bytes, feed))
    feed.listen(engine.heard, engine.lost, engine.told)
    feed.listen(hub.heard, hub.lost)
    quotas = Quotas(
        engine,
        spaces,
        Register(valkey),
        agency_bytes_max=wanted.agency_bytes_max,
        workers=settings.server.workers,
    )
    events = Events(hub, spaces, wanted.events_max)
    hot = HotKeys(engine, Path(settings.data.dir) / "run" / HOT_FOLDER, slot)
    feed.start()
    try:
        yield Caching(engine, spaces, quotas, feed, events, hot)
    finally:
        await feed.aclose()
        await engine.aclose()


CACHE_GAUGES: dict[str, Combine] = {
    name: "max" if combine == "max" else "sum" for name, combine in GAUGES.items()
}
"""``feed_proven`` is how many workers answer from their memory."""


def endpoints(
    engine: Cache, spaces: Spaces, quotas: Quotas, pool: "Pool | None" = None, authority: str = ""
) -> list[Endpoint]:
    """All but the stream of events. Without an authority each agency has its own and no other's."""
    entries = cache.Entries(engine, spaces, quotas)
    return [
        *cache_looking.endpoints(engine, spaces, quotas, authority),
        *cache_batch.endpoints(entries),
        *cache_purges.endpoints(engine, spaces, pool, authority),
        *cache_leases.endpoints(entries),
        *cache.endpoints(entries),
    ]


def plain_cache(
    valkey: ValkeyClient, spaces: Spaces, settings: Settings, sealer: Sealer | None = None
) -> tuple[Cache, Quotas]:
    """Without a memory of its own: what the command line looks with."""
    plain = Cache(ValkeyStore(valkey, Codec(sealer)))
    quotas = Quotas(plain, spaces, Register(valkey), agency_bytes_max=settings.cache.agency_bytes_max)
    return plain, quotas
