"""Serving: the listening socket, and a server that ends without breaking a request."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from sadd.settings import Server
from sadd.web.accepted import waiting_in
from sadd.web.connection import Connections
from sadd.web.lane.lane import front
from sadd.web.server import SITE

BACKLOG = 4096
"""Connections that wait to be accepted; the kernel cuts it to net.core.somaxconn."""

SETTLE_SECONDS = 1.0
"""How long a draining worker goes on accepting, while whoever sends it work learns better."""

NEWCOMER_SECONDS = 0.5
"""How long a draining worker waits for the first request of a connection that it has accepted."""

_POLL_SECONDS = 0.01

_log = structlog.get_logger("sadd.web")


def listen(limits: Server) -> socket.socket:
    """A bound socket on host and port that any number of workers may bind again (SO_REUSEPORT).

    It does not listen yet, so a supervisor may hold one to reserve a port (0: the system's choice)
    and gets no connections. OSError: the address is not ours, or another program listens there.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        limits.host or None, limits.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Accepted connections inherit this and the next one.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # One that takes none of our data for so long is ended by
        # the kernel. For aiohttp it would not be idle, since its answer is still being written.
        unsent_ms = int(limits.idle_timeout_seconds * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unsent_ms)
        listener.setblocking(False)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


async def serve(
    app: web.Application,
    listener: socket.socket,
    stop: asyncio.Event,
    *,
    limits: Server,
    on_started: Callable[[Connections], None] = lambda _: None,
    on_draining: Callable[[], None] = lambda: None,
    settle_seconds: float = SETTLE_SECONDS,
) -> None:
    """Serve the application on the socket until ``stop`` is set, then drain and return.

    Draining: (1) ``on_draining`` runs, which turns readiness off, and each answer from now on closes
    its connection; (2) for ``settle_seconds`` connections are still accepted, because proxies and the
    kernel go on sending some for a moment; (3) the socket is closed, idle connections too, but one
    that was accepted last has ``NEWCOMER_SECONDS`` for its request; (4) requests in flight have the
    rest of ``drain_timeout_seconds`` to finish, then are cut off.
    Returns when nothing is left. The socket is closed at the end, whatever happens.
    """
    async with _connections(app, limits) as connections:
        loop = asyncio.get_running_loop()
        # Closing a listening socket resets what waits in its queue, so a second descriptor outlives
        # the loop's own and empties the queue.
        with listener.dup() as queue:
            server = await loop.create_server(connections, sock=listener, backlog=BACKLOG)
            try:
                on_started(connections)
                await stop.wait()
                deadline = time.monotonic() + limits.drain_timeout_seconds
                app[SITE].draining = True
                on_draining()
                await asyncio.sleep(min(settle_seconds, limits.drain_timeout_seconds))
            finally:
                server.close()
            last = waiting_in(queue)
        for connection in last:
            await loop.connect_accepted_socket(connections, connection)
        await _finish(app, connections, deadline)


@asynccontextmanager
async def _connections(app: web.Application, limits: Server) -> AsyncIterator[Connections]:
    """The application started up and, at the end, cleaned up, with no connection left."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        assert runner.server is not None
        connections = Connections(runner.server, limits, front(app[SITE], limits))
        try:
            yield connections
        finally:
            await _close(connections, 0.1)
    finally:
        await runner.cleanup()


async def _finish(app: web.Application, connections: Connections, deadline: float) -> None:
    """Wait for the requests in flight and for newcomers', then for the answers to leave."""
    traffic = app[SITE].traffic
    newcomers_until = min(deadline, time.monotonic() + NEWCOMER_SECONDS)
    # One turn of polling at least: the loop may have accepted connections that it has yet to make.
    while (now := time.monotonic()) < deadline:
        connections.close_used()
        await asyncio.sleep(_POLL_SECONDS)  # an event would have to be set on each request's path
        if not traffic.in_flight and (now > newcomers_until or not connections.newcomers):
            break
    if traffic.in_flight:
        _log.warning("requests cut off at the end of the drain", requests=traffic.in_flight)
    await _close(connections, max(0.1, deadline - time.monotonic()))


async def _close(connections: Connections, seconds: float) -> None:
    """Close every connection, at once where nothing is being written, else after ``seconds``."""
    connections.ended = True
    connections.pre_shutdown()
    try:
        # aiohttp waits twice for its time-out; this bounds both together.
        async with asyncio.timeout(seconds):
            await connections.shutdown(seconds)
    except TimeoutError:
        connections.cut_off()
