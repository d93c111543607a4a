"""The feed and the cache on a cluster: a namespace lies on one primary, and every primary is heard."""

import asyncio
import time
from functools import partial

from benchmarks.servers import ClusterNodes
from cache.answers import Miss, Stored
from cache.entry import Content, Entry
from cache.policy import Times
from cache.space import Space
from cache.store import StoreUnavailable
from sadd.feed.ear import CANARY_KEY
from tests.cache.scene import Worker, worker
from tests.waiting import eventually

LIVES = Times(600_000, 600_000)
SPACES = [Space("moe", f"pages-{number}") for number in range(12)]


async def test_every_primary_is_heard(nodes: ClusterNodes) -> None:
    """Namespaces of all three primaries: kept near, purged by another worker, gone; in one proof."""
    async with worker(nodes.url) as here, worker(nodes.url) as there:
        keys = here.client.key_of_each(CANARY_KEY)
        assert len(set(keys.values())) == 3
        assert here.feed.stats().primaries == 3
        for space in SPACES:
            await here.cache.put(space, "k", Content(b"old", tags=("x",)), LIVES)
            await there.cache.get(space, "k")
        assert all(there.cache.known(space, "k") for space in SPACES)
        await asyncio.gather(*(here.cache.purge(space, tags=["x"]) for space in SPACES))
        await eventually(lambda: not any(there.cache.known(space, "k") for space in SPACES))
        assert await there.cache.get_many(SPACES[0], ["k"]) == [Miss()]
        assert there.cache.stats().feed_gaps == 0, "each notice comes three times, and none is missing"


async def test_a_fail_over_in_the_cluster(nodes: ClusterNodes) -> None:
    """kill -9 of a primary: silent until another is heard, and what may have been lost is not believed."""
    async with worker(nodes.url, bound_ms=250) as here, worker(nodes.url, bound_ms=250) as there:
        for space in SPACES:
            await here.cache.put(space, "k", Content(b"old"), LIVES)
            await there.cache.get(space, "k")
        victim = nodes.primaries()[0]
        connections = there.feed.stats().connections
        try:
            victim.kill()
            killed_at = time.monotonic()
            await eventually(lambda: not there.cache.stats().feed_proven, 20)
            assert there.feed.proven_until <= killed_at + 0.25
            await eventually(lambda: there.cache.stats().feed_proven == 1, 20)
            assert there.feed.stats().connections > connections
            assert not any(there.cache.known(space, "k") for space in SPACES), "all was forgotten"
            for space in SPACES:
                await eventually(partial(_put_and_seen, here, there, space), 20)
        finally:
            victim.start()
            nodes.await_whole()


async def _put_and_seen(here: Worker, there: Worker, space: Space) -> bool:
    try:
        stored = await here.cache.put(space, "k", Content(b"new"), LIVES)
    except StoreUnavailable:
        return False
    found = await there.cache.get(space, "k")
    return isinstance(stored, Stored) and isinstance(found, Entry) and found.content.body == b"new"
