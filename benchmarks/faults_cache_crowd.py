"""One process of the campaign of the cache: ``python -m benchmarks.faults_cache_crowd ORDERS_JSON``.

A reader asks for a few keys all the time, as a worker does: its memory, else the engine, which loads from an
origin when it must. The one writer changes what the origin has, and then purges: by key, by tag, everything.
A line is in the file before the next question; the last two numbers are the times, in ns, just before it was
asked and just after it was told:

    P key version ..   what was older than that version was purged, acknowledged
    N key version ..   answered from the worker's memory
    F key version ..   answered by the engine: from the store, or loaded
    L key process ..   a load of the origin, from its beginning to its end
    A key why ..       no answer: the store was away, or nobody was patient enough
"""

import asyncio
import mmap
import os
import random
import struct
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import uvloop

from cache.answers import Busy, Loaded
from cache.cache import Cache
from cache.entry import Content, Entry
from cache.near import Near
from cache.policy import Times
from cache.space import Space
from cache.store import StoreUnavailable
from cache.valkey import ValkeyStore
from sadd.feed.feed import BOUND_MS, Feed
from sadd.valkey.topology import open_client

SPACE = Space("moehe", "faults")
TIMES = Times(600_000, 600_000)
"""Longer than a round: what is old goes by a purge alone."""
KEYS = 8
READ_EVERY_S = 0.004
PURGE_EVERY_S = 0.04
ORIGIN_S = (0.005, 0.05)
PATIENCE_MS = 2_000
RETRY_S = 0.02
WAYS, WEIGHTS = ("key", "tag", "everything"), (6, 3, 1)
MEMORY_BYTES = 1_048_576


class Orders(msgspec.Struct, frozen=True):
    store_url: str
    file: str
    origin: str
    """A file of KEYS numbers: the version of each key."""
    number: int
    writes: bool = False


class Log:
    """Each line is in the file when ``note`` returns."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, kind: str, key: int, word: object, asked_ns: int) -> None:
        os.write(self._file, f"{kind} {key} {word} {asked_ns} {time.time_ns()}\n".encode())


class Origin:
    """What everything is read from; each process sees at once what the writer did."""

    def __init__(self, path: str) -> None:
        with Path(path).open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), KEYS * 8)

    def version(self, key: int) -> int:
        return int(struct.unpack_from("<q", self._map, key * 8)[0])

    def rise(self, key: int) -> int:
        version = self.version(key) + 1
        struct.pack_into("<q", self._map, key * 8, version)
        return version


def make_origin(path: Path) -> None:
    path.write_bytes(bytes(KEYS * 8))


@dataclass(slots=True)
class Reader:
    """One worker."""

    cache: Cache
    origin: Origin
    log: Log
    number: int
    chance: random.Random = field(default_factory=random.Random)
    asking: set[int] = field(default_factory=set)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                for key in range(KEYS):
                    asked_ns = time.time_ns()
                    entry = self.cache.known(SPACE, f"k{key}")
                    if entry is not None:
                        self.log.note("N", key, int(entry.content.body), asked_ns)
                    elif key not in self.asking:
                        self.asking.add(key)
                        group.create_task(self._ask(key))
                await asyncio.sleep(READ_EVERY_S)

    async def _ask(self, key: int) -> None:
        async def load(_: Entry | None) -> Loaded:
            began_ns, version = time.time_ns(), self.origin.version(key)
            await asyncio.sleep(self.chance.uniform(*ORIGIN_S))
            self.log.note("L", key, self.number, began_ns)
            tags = (f"t{key}", "all")
            return Loaded(Content(str(version).encode(), "text/plain", tags), TIMES)

        asked_ns = time.time_ns()
        try:
            found = await self.cache.get_or_load(SPACE, f"k{key}", load, patience_ms=PATIENCE_MS)
        except StoreUnavailable:
            self.log.note("A", key, "away", asked_ns)
        else:
            if isinstance(found, Busy):
                self.log.note("A", key, "busy", asked_ns)
            else:
                self.log.note("F", key, int(found.content.body), asked_ns)
        self.asking.discard(key)


@dataclass(slots=True)
class Writer:
    """Changes, purges, and says so once the purge is acknowledged."""

    cache: Cache
    origin: Origin
    log: Log
    chance: random.Random = field(default_factory=random.Random)

    async def run(self) -> None:
        while True:
            (way,) = self.chance.choices(WAYS, WEIGHTS)
            keys = range(KEYS) if way == "everything" else (self.chance.randrange(KEYS),)
            versions = {key: self.origin.rise(key) for key in keys}
            asked_ns = time.time_ns()
            await self._purge(way, keys)
            for key, version in versions.items():
                self.log.note("P", key, version, asked_ns)
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) * PURGE_EVERY_S)

    async def _purge(self, way: str, keys: Sequence[int]) -> None:
        """Again until it is acknowledged."""
        while True:
            try:
                if way == "key":
                    await self.cache.purge(SPACE, keys=[f"k{key}" for key in keys])
                elif way == "tag":
                    await self.cache.purge(SPACE, tags=[f"t{key}" for key in keys])
                else:
                    await self.cache.purge(SPACE, everything=True)
            except StoreUnavailable:
                await asyncio.sleep(RETRY_S)
            else:
                return


@asynccontextmanager
async def _opened(orders: Orders) -> AsyncIterator[Cache]:
    """As ``sadd.app.caching`` puts it together."""
    client = await open_client(orders.store_url, deadline_ms=500, max_in_flight=20_000)
    feed = Feed(client, bound_ms=BOUND_MS)
    cache = Cache(ValkeyStore(client), near=Near(MEMORY_BYTES, feed))
    feed.listen(cache.heard, cache.lost, cache.told)
    feed.start()
    try:
        yield cache
    finally:
        await feed.aclose()
        await cache.aclose()
        await client.aclose()


async def _work(orders: Orders) -> None:
    """Until it is killed."""
    origin, log = Origin(orders.origin), Log(orders.file)
    async with _opened(orders) as cache:
        print("ready", flush=True)
        chosen = Writer(cache, origin, log) if orders.writes else Reader(cache, origin, log, orders.number)
        await chosen.run()


if __name__ == "__main__":
    uvloop.run(_work(msgspec.json.decode(sys.argv[1], type=Orders)))
