"""The only way from the portal to the origin: so many at once, so many a second, whatever stands outside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

ORIGIN_TIMEOUT_SECONDS = 10.0


class Door:
    """The only way to the origin: ``width`` requests at once, evenly spaced at ``per_second``."""

    def __init__(self, origin: str, width: int, per_second: float) -> None:
        self._http = aiohttp.ClientSession(
            origin,
            timeout=aiohttp.ClientTimeout(total=ORIGIN_TIMEOUT_SECONDS),
            connector=aiohttp.TCPConnector(limit=width),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._width = asyncio.Semaphore(width)
        self._turn = asyncio.Lock()
        self._gap = 1 / per_second
        self._last = 0.0

    async def aclose(self) -> None:
        await self._http.close()

    @asynccontextmanager
    async def through(self, method: str, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._width:
            async with self._turn:
                await self._gap_since_last()
            async with self._http.request(method, path, **options) as answer:
                yield answer

    async def _gap_since_last(self) -> None:
        # One after the other, not by turns given out beforehand: after a stall of ours those would all
        # go at once.
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, self._last + self._gap - clock()))
        self._last = clock()
