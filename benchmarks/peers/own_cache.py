"""The cache engine in a process of its own, asked as ``library_caches`` asks the others.

python -m benchmarks.peers.own_cache known|hit|miss|stampede STORE_PORT SECONDS; prints the same JSON.

known: the look into this process's memory, with its proof. hit: the whole of ``get_or_load`` where that is
one. miss: 64 loads of 1 KiB at once, each with its lease and its fill. stampede: 1,000 callers at
once for a value that nobody has and whose load takes 50 ms; again and again.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

import uvloop

from cache.answers import Loaded
from cache.cache import Cache
from cache.entry import Content, Entry
from cache.near import Near
from cache.policy import Times
from cache.space import Space
from cache.valkey import ValkeyStore
from sadd.valkey.topology import open_client

BODY = b"x" * 1024
SPACE = Space("bench", "pages", bytes_max=1 << 34, entries_max=1 << 30)
KEPT = Times.of_seconds(600)
NEAR_BYTES = 67_108_864
AT_ONCE, CROWD = 64, 1_000
LOAD_SECONDS = 0.05
CHUNK = 10_000
PATIENCE_MS = 10_000


class Proven:
    """No feed runs in this process: what it costs is in the platform's own benchmark."""

    proven_until = float("inf")


Load = Callable[[Entry | None], Awaitable[Loaded]]


async def _at_once(_: Entry | None) -> Loaded:
    return Loaded(Content(BODY), KEPT)


class Own:
    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.loads = 0

    async def known(self, seconds: float) -> int:
        await self._get("hit", _at_once)
        await self._get("hit", _at_once)
        known, answers, begun = self.cache.known, 0, time.perf_counter()
        assert known(SPACE, "hit") is not None, "it is not in memory"
        while time.perf_counter() - begun < seconds:
            for _ in range(CHUNK):
                known(SPACE, "hit")
            answers += CHUNK
        return answers

    async def hit(self, seconds: float) -> int:
        await self._get("hit", _at_once)
        await self._get("hit", _at_once)
        answers, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            for _ in range(CHUNK):
                await self._get("hit", _at_once)
            answers += CHUNK
        return answers

    async def miss(self, seconds: float) -> int:
        stamp, answers, begun = time.time_ns(), 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            names = [f"{stamp}-{answers + number}" for number in range(AT_ONCE)]
            await asyncio.gather(*(self._get(name, _at_once) for name in names))
            answers += AT_ONCE
        return answers

    async def stampede(self, seconds: float) -> int:
        stamp, turns, begun = time.time_ns(), 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            await asyncio.gather(*(self._get(f"{stamp}-{turns}", self._slowly) for _ in range(CROWD)))
            turns += 1
        self.loads = self.loads // max(turns, 1)
        return turns * CROWD

    async def _slowly(self, _: Entry | None) -> Loaded:
        self.loads += 1
        await asyncio.sleep(LOAD_SECONDS)
        return Loaded(Content(BODY), KEPT)

    async def _get(self, key: str, load: Load) -> object:
        return await self.cache.get_or_load(SPACE, key, load, patience_ms=PATIENCE_MS)


async def _measure(word: str, store_port: int, seconds: float) -> dict[str, float]:
    client = await open_client(f"redis://127.0.0.1:{store_port}", deadline_ms=5_000, max_in_flight=20_000)
    cache = Cache(ValkeyStore(client), near=Near(NEAR_BYTES, Proven()))
    own = Own(cache)
    clock, cpu = time.perf_counter(), time.process_time()
    answers: int = await getattr(own, word)(seconds)
    taken, spent = time.perf_counter() - clock, time.process_time() - cpu
    await cache.aclose()
    await client.aclose()
    told = {"rate": answers / taken, "calls": float(own.loads), "answers": float(answers), "seconds": taken}
    return {**told, "cpu_seconds": spent}


def main() -> None:
    word, store_port, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(_measure(word, int(store_port), float(seconds)))))


if __name__ == "__main__":
    main()
