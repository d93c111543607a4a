"""The cache of a worker as it is put together: sealed at rest, coherent with others, counted."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import redis

from cache.entry import Content, Entry
from cache.policy import Times
from sadd.app.caching import Caching, open_caching
from sadd.catalogue.model import CacheClass, Catalogue, Protection
from sadd.sealing import Sealer, SealKey
from sadd.settings import Data, Settings
from sadd.telemetry.metrics import Metrics
from tests.sadd.catalogue.scene import service, small
from tests.sadd.web.callers import View
from tests.stores import connected
from tests.waiting import eventually

LIFE = Times(600_000, 600_000)
SECRET = b"the grade of one citizen: " * 200


def catalogue() -> Catalogue:
    classes = {
        "sealed": CacheClass("sealed", 60, sealed=True, compress_above_bytes=100),
        "packed": CacheClass("packed", 60, compress_above_bytes=100),
    }
    made = small(
        *(service(f"moehe-{name}", protection=Protection("standard", cache=name)) for name in classes)
    )
    return msgspec.structs.replace(made, classes=msgspec.structs.replace(made.classes, caches=classes))


@asynccontextmanager
async def worker(valkey_url: str, folder: Path, slot: int = 0) -> AsyncIterator[Caching]:
    sealer = Sealer([SealKey("0000000a", b"k" * 32)])
    settings = replace(Settings(), data=Data(dir=str(folder)))
    async with (
        connected(valkey_url) as client,
        open_caching(client, View(catalogue()), sealer, settings, slot) as caching,
    ):
        yield caching


async def test_what_a_class_seals_is_unreadable_in_the_store(valkey_url: str, tmp_path: Path) -> None:
    """And comes back whole; what it only compresses is small there."""
    async with worker(valkey_url, tmp_path) as caching:
        for name in ("sealed", "packed"):
            space = caching.spaces.of("moehe", f"moehe-{name}")
            await caching.cache.put(space, "k", Content(SECRET, "text/plain", ("tag",)), LIFE)
            found = await caching.cache.get(space, "k", local=False)
            assert isinstance(found, Entry)
            assert (found.content.body, found.content.content_type) == (SECRET, "text/plain")
    with redis.Redis.from_url(valkey_url) as store:
        sealed, packed = (store.get(f"cache:{{moehe:moehe-{name}}}:e:k") for name in ("sealed", "packed"))
    assert isinstance(sealed, bytes)
    assert isinstance(packed, bytes)
    assert max(len(sealed), len(packed)) < len(SECRET) / 2
    for word in (b"citizen", b"text/plain"):
        assert word not in sealed


async def test_a_purge_is_heard_by_other_workers(valkey_url: str, tmp_path: Path) -> None:
    """Once the feed is proven another's memory answers; after a purge it does not."""
    async with worker(valkey_url, tmp_path) as one, worker(valkey_url, tmp_path, 1) as other:
        space = one.spaces.of("moehe", "pages")

        async def answers_from_memory() -> bool:
            await one.cache.put(space, "k", Content(b"x", tags=("t",)), LIFE)
            await other.cache.get(space, "k")
            return other.cache.known(space, "k") is not None

        assert await eventually(answers_from_memory, 60)
        await one.cache.purge(space, tags=("t",))
        assert await eventually(lambda: other.cache.known(space, "k") is None, 60)


async def test_it_is_counted_and_shown(valkey_url: str, tmp_path: Path) -> None:
    """Every counter under its name; the hottest keys in a file for the owner alone."""
    async with worker(valkey_url, tmp_path) as caching:
        metrics = Metrics(tmp_path / "metrics", 0)
        caching.show(metrics)
        page = (await metrics.page("")).body.decode()
        for name in ("sadd_cache_hits_total", "sadd_cache_near_bytes", "sadd_feed_heard_total"):
            assert f"\n{name} " in page, name
        assert "\nsadd_cache_events_open 0" in page
        (work,) = caching.work()
        work.close()
        assert json.loads(msgspec.json.encode(caching.hot.own()))["keys"] == []


@pytest.mark.parametrize("memory_bytes", [0, 1_000_000])
async def test_a_worker_may_have_no_memory(valkey_url: str, tmp_path: Path, memory_bytes: int) -> None:
    """Then every hit is the store's, and everything else is as it is."""
    settings = replace(Settings(), data=Data(dir=str(tmp_path)))
    settings = replace(settings, cache=replace(settings.cache, memory_bytes=memory_bytes))
    sealer = Sealer([SealKey("0000000a", b"k" * 32)])
    async with (
        connected(valkey_url) as client,
        open_caching(client, View(catalogue()), sealer, settings, 0) as caching,
    ):
        space = caching.spaces.of("moehe", "pages")

        async def kept() -> bool:
            await caching.cache.put(space, "k", Content(b"x"), LIFE)
            return isinstance(await caching.cache.get(space, "k"), Entry) and (
                memory_bytes == 0 or caching.cache.known(space, "k") is not None
            )

        assert await eventually(kept, 60)
        assert (caching.cache.known(space, "k") is None) or memory_bytes > 0
