"""A client for addresses that somebody else named: the open internet, and no network behind us."""

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from sadd.rooms.webhook_target import Forbidden, check_address


def calling_out(*, to_loopback: bool, at_once_max: int, timeout_seconds: float) -> aiohttp.ClientSession:
    """Keeps no connection and no cookie. ``to_loopback`` lets it call this very machine too."""
    connector = aiohttp.TCPConnector(
        resolver=_OpenOnly(to_loopback=to_loopback), limit=at_once_max, force_close=True
    )
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())


class _OpenOnly(AbstractResolver):
    """Resolves as usual, and refuses a name that has any address of a network behind us."""

    def __init__(self, *, to_loopback: bool) -> None:
        self._usual = ThreadedResolver()
        self._to_loopback = to_loopback

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._usual.resolve(host, port, family)
        for one in found:
            try:
                check_address(one["host"], to_loopback=self._to_loopback)
            except Forbidden as wrong:
                raise OSError(f"{host}: {wrong}") from None
        return found

    async def close(self) -> None:
        await self._usual.close()
