"""cashews, aiocache and dogpile.cache as their own pages show them; run by a Python of its own, not by ours.

library_caches.py LIBRARY hit|miss|stampede STORE_PORT SECONDS; prints a rate, loads, seconds as JSON.

hit: a decorated function whose value is in this process's memory, awaited (dogpile: called) again and again.
miss: values of 1 KiB that nobody has yet, kept in the store, 64 at once. stampede: 1,000 callers at once
(dogpile: 200 threads) ask for a value that nobody has and whose load takes 50 ms; again and again, with what
each library has against it. ``rate`` is answers a second, ``calls`` loads of one stampede.
"""

# Its packages are not among ours, so there are no types to check.
# mypy: ignore-errors
# ruff: noqa: ARG001  # the key of a decorated function is of its arguments

import asyncio
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import uvloop

BODY = b"x" * 1024
AT_ONCE, CROWD, THREADS = 64, 1_000, 200
LOAD_SECONDS = 0.05
CHUNK = 1_000


class Cashews:
    def __init__(self, store_port: int) -> None:
        from cashews import Cache

        self.near, self.far = Cache(), Cache()
        self.near.setup("mem://")
        self.far.setup(f"redis://127.0.0.1:{store_port}")
        self.calls = 0

    async def hit(self):
        @self.near(ttl=600, key="hit:{name}")
        async def load(name):
            return BODY

        return lambda: load("a")

    async def miss(self):
        @self.far(ttl=600, key="miss:{name}")
        async def load(name):
            return BODY

        return load

    async def stampede(self):
        @self.far(ttl=600, key="crowd:{name}", lock=True)
        async def load(name):
            self.calls += 1
            await asyncio.sleep(LOAD_SECONDS)
            return BODY

        return load


class Aiocache:
    def __init__(self, store_port: int) -> None:
        from aiocache import Cache, cached, cached_stampede

        self.memory, self.redis = Cache.MEMORY, Cache.REDIS
        self.place = {"endpoint": "127.0.0.1", "port": store_port}
        self.cached, self.protected = cached, cached_stampede
        self.calls = 0

    async def hit(self):
        @self.cached(ttl=600, cache=self.memory, key_builder=lambda _, name: f"hit:{name}")
        async def load(name):
            return BODY

        return lambda: load("a")

    async def miss(self):
        @self.cached(ttl=600, cache=self.redis, key_builder=lambda _, name: f"miss:{name}", **self.stored())
        async def load(name):
            return BODY

        return load

    async def stampede(self):
        @self.protected(
            lease=2, ttl=600, cache=self.redis, key_builder=lambda _, name: f"crowd:{name}", **self.stored()
        )
        async def load(name):
            self.calls += 1
            await asyncio.sleep(LOAD_SECONDS)
            return BODY

        return load

    def stored(self):
        from aiocache.serializers import PickleSerializer

        return {**self.place, "serializer": PickleSerializer()}


class Dogpile:
    def __init__(self, store_port: int) -> None:
        from dogpile.cache import make_region

        self.near = make_region().configure("dogpile.cache.memory", expiration_time=600)
        words = {"host": "127.0.0.1", "port": store_port, "redis_expiration_time": 600}
        self.far = make_region().configure(
            "dogpile.cache.redis",
            expiration_time=600,
            arguments={**words, "distributed_lock": True, "thread_local_lock": False, "lock_timeout": 10},
        )
        self.calls = 0
        self.mutex = threading.Lock()

    def hit(self):
        self.near.get_or_create("hit", lambda: BODY)
        return lambda: self.near.get_or_create("hit", lambda: BODY)

    def miss(self):
        return lambda name: self.far.get_or_create(f"miss:{name}", lambda: BODY)

    def stampede(self):
        def load():
            with self.mutex:
                self.calls += 1
            time.sleep(LOAD_SECONDS)
            return BODY

        return lambda name: self.far.get_or_create(f"crowd:{name}", load)


async def measure(library, word, seconds):
    called = await getattr(library, word)()
    begun = time.perf_counter()
    if word == "hit":
        await called()
        answers = 0
        while time.perf_counter() - begun < seconds:
            for _ in range(CHUNK):
                await called()
            answers += CHUNK
        return answers, 0
    answers = turns = 0
    stamp = time.time_ns()
    while time.perf_counter() - begun < seconds:
        if word == "miss":
            names = [f"{stamp}-{answers + number}" for number in range(AT_ONCE)]
        else:
            names = [f"{stamp}-{turns}"] * CROWD
        await asyncio.gather(*(called(name) for name in names))
        answers, turns = answers + len(names), turns + 1
    return answers, library.calls / max(turns, 1)


def measure_threads(library, word, seconds):
    called = getattr(library, word)()
    begun = time.perf_counter()
    answers = turns = 0
    if word == "hit":
        while time.perf_counter() - begun < seconds:
            for _ in range(CHUNK):
                called()
            answers += CHUNK
        return answers, 0
    stamp, at_once = time.time_ns(), 16 if word == "miss" else THREADS
    with ThreadPoolExecutor(at_once) as threads:
        while time.perf_counter() - begun < seconds:
            if word == "miss":
                names = [f"{stamp}-{answers + number}" for number in range(4 * at_once)]
            else:
                names = [f"{stamp}-{turns}"] * THREADS
            list(threads.map(called, names))
            answers, turns = answers + len(names), turns + 1
    return answers, library.calls / max(turns, 1)


def main() -> None:
    name, word, store_port, seconds = sys.argv[1:]
    library = {"cashews": Cashews, "aiocache": Aiocache, "dogpile": Dogpile}[name](int(store_port))
    clock, cpu = time.perf_counter(), time.process_time()
    if name == "dogpile":
        answers, calls = measure_threads(library, word, float(seconds))
    else:
        answers, calls = uvloop.run(measure(library, word, float(seconds)))
    taken = time.perf_counter() - clock
    told = {"rate": answers / taken, "calls": calls, "answers": answers, "seconds": taken}
    print(json.dumps({**told, "cpu_seconds": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
