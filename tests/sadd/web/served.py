"""A real server on a free port of the loopback, for the time of a test."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from sadd.identity.caller import Caller
from sadd.settings import Server
from sadd.telemetry.traffic import Traffic
from sadd.web.connection import Connections
from sadd.web.documents import document_endpoints
from sadd.web.endpoint import Endpoint
from sadd.web.server import build
from sadd.web.serving import listen, serve

CHECKER = {"Authorization": "Bearer sadd_checker_secret"}
POWERLESS = {"Authorization": "Bearer sadd_powerless_secret"}
LOCAL = Server(port=0, first_byte_timeout_seconds=5, idle_timeout_seconds=5, drain_timeout_seconds=5)


class TwoKeys:
    """A key ring of two keys: one may check limits and edit the catalogue, one may do nothing."""

    def authenticate(self, authorization: str | None) -> Caller | None:
        scopes = {"limits:check", "catalogue:write"}
        callers = {
            CHECKER["Authorization"]: Caller("checker", "moe", frozenset(scopes)),
            POWERLESS["Authorization"]: Caller("powerless", "moi", frozenset()),
        }
        return callers.get(authorization or "")

    def is_stranger(self, authorization: str) -> bool:
        return False

    async def look_up(self, authorization: str) -> None: ...


@dataclass
class Served:
    """The running server, and a client session whose base is its address."""

    app: web.Application
    port: int
    listener: socket.socket
    client: aiohttp.ClientSession
    connections: Connections
    traffic: Traffic
    stop: asyncio.Event
    ended: asyncio.Task[None]

    @property
    def listens(self) -> bool:
        return self.listener.fileno() != -1

    async def raw(self, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A plain connection on which these bytes were sent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        await writer.drain()
        return reader, writer

    async def exchange(self, sent: bytes, seconds: float = 5) -> bytes:
        """All that the server answers to these bytes until it closes the connection."""
        reader, writer = await self.raw(sent)
        try:
            async with asyncio.timeout(seconds):
                return await reader.read()
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def served(
    endpoints: Sequence[Endpoint], *, limits: Server = LOCAL, keys: Any = None, **options: Any
) -> AsyncIterator[Served]:
    """Serve the endpoints on ``limits.port``, which is 0 for a free one."""
    traffic, stop = Traffic(), asyncio.Event()
    described = [*endpoints, *document_endpoints(endpoints)]
    app = build(described, keys=keys or TwoKeys(), limits=limits, traffic=traffic)
    listener = listen(limits)
    port = listener.getsockname()[1]
    started: asyncio.Future[Connections] = asyncio.get_running_loop().create_future()
    options.setdefault("settle_seconds", 0.0)
    task = asyncio.create_task(
        serve(app, listener, stop, limits=limits, on_started=started.set_result, **options)
    )
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        connections = await started
        try:
            yield Served(app, port, listener, client, connections, traffic, stop, task)
        finally:
            stop.set()
            await asyncio.wait([task])
    if not task.cancelled():
        task.result()


def endpoint(handle: Callable[..., Any], **options: Any) -> Endpoint:
    """An endpoint at ``/try`` unless said otherwise."""
    settings: dict[str, Any] = {"method": "GET", "path": "/try", "summary": "Try", "tag": "tests", **options}
    return Endpoint(handle=handle, **settings)
