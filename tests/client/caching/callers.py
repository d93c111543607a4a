"""Both caches behind one face of coroutines: threads do what the blocking one is asked, side by side."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sadd_client import AsyncClient, CacheStats, Client, Entry, Loaded

Load = Callable[[], bytes | Loaded]


class AsyncCaller:
    def __init__(self, client: AsyncClient, **words: Any) -> None:
        self.client = client
        self.cache = client.cache("pages", **words)
        self._threads = ThreadPoolExecutor(64)

    async def load(self, key: str, load: Load, **words: Any) -> Entry:
        async def loaded() -> bytes | Loaded:
            return await asyncio.get_running_loop().run_in_executor(self._threads, load)

        return await self.cache.get_or_load(key, loaded, **words)

    async def ask(self, word: str, *args: Any, **kwargs: Any) -> Any:
        return await getattr(self.cache, word)(*args, **kwargs)

    def known(self, key: str) -> Entry | None:
        return self.cache.known(key)

    def stats(self) -> CacheStats:
        return self.cache.stats()

    async def close(self) -> None:
        await self.client.close()
        self._threads.shutdown()


class ThreadCaller:
    def __init__(self, client: Client, **words: Any) -> None:
        self.client = client
        self.cache = client.cache("pages", **words)
        self._threads = ThreadPoolExecutor(64)

    async def load(self, key: str, load: Load, **words: Any) -> Entry:
        entry: Entry = await self.ask("get_or_load", key, load, **words)
        return entry

    async def ask(self, word: str, *args: Any, **kwargs: Any) -> Any:
        loop = asyncio.get_running_loop()
        call = getattr(self.cache, word)
        return await loop.run_in_executor(self._threads, lambda: call(*args, **kwargs))

    def known(self, key: str) -> Entry | None:
        return self.cache.known(key)

    def stats(self) -> CacheStats:
        return self.cache.stats()

    async def close(self) -> None:
        await asyncio.to_thread(self.client.close)
        self._threads.shutdown()


Caller = AsyncCaller | ThreadCaller


class Origin:
    """Counts its calls, and answers once its gate is open."""

    def __init__(self, body: bytes = b"new", *, opened: bool = True) -> None:
        self.body: bytes | Loaded | Exception = body
        self.gate = threading.Event()
        self.calls = 0
        self.within = self.most = 0
        self._mutex = threading.Lock()
        if opened:
            self.gate.set()

    def __call__(self) -> bytes | Loaded:
        with self._mutex:
            self.calls += 1
            self.within += 1
            self.most = max(self.most, self.within)
        assert self.gate.wait(20)
        with self._mutex:
            self.within -= 1
        if isinstance(self.body, Exception):
            raise self.body
        return self.body
