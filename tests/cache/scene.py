"""Caches of several workers on one store: each with a client, a feed and a memory of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from cache.answers import Loaded
from cache.cache import Cache
from cache.codec import Codec
from cache.entry import Content, Entry
from cache.near import Near
from cache.policy import Times
from cache.valkey import ValkeyStore
from sadd.feed.feed import Feed
from sadd.valkey.client import ValkeyClient
from tests.stores import connected
from tests.waiting import eventually

LIVES = Times(600_000, 1_200_000)


@dataclass(slots=True)
class Worker:
    cache: Cache
    feed: Feed
    client: ValkeyClient

    async def proven(self) -> None:
        """Returns when its memory may answer."""
        await eventually(lambda: bool(self.cache.stats().feed_proven), deadline_seconds=20)


@asynccontextmanager
async def worker(
    url: str, *, bound_ms: int = 1_000, near_bytes: int = 1 << 24, codec: Codec | None = None
) -> AsyncIterator[Worker]:
    """One worker, whose memory may answer already."""
    async with connected(url) as client:
        feed = Feed(client, bound_ms=bound_ms)
        cache = Cache(ValkeyStore(client, codec), near=Near(near_bytes, feed))
        feed.listen(cache.heard, cache.lost, cache.told)
        feed.start()
        one = Worker(cache, feed, client)
        try:
            await one.proven()
            yield one
        finally:
            await feed.aclose()
            await cache.aclose()


@asynccontextmanager
async def workers(url: str, count: int) -> AsyncIterator[list[Worker]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(worker(url)) for _ in range(count)]


@dataclass(slots=True)
class Origin:
    """Counts its calls, and answers when it is let."""

    value: bytes = b"value"
    times: Times | None = LIVES
    tags: tuple[str, ...] = ()
    calls: int = 0
    ended: int = 0
    failing: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    validated: list[Entry | None] = field(default_factory=list)

    async def load(self, kept: Entry | None) -> Loaded:
        self.calls += 1
        self.validated.append(kept)
        value = self.value
        try:
            await self.gate.wait()
            if self.failing:
                raise OSError("the origin is away")
            return Loaded(Content(value, tags=self.tags), self.times)
        finally:
            self.ended += 1
