"""Serving gRPC on a socket, and an end that breaks no call."""

import asyncio
import socket
from collections.abc import Callable

import structlog

from sadd.grpc.connection import Connection
from sadd.grpc.switchboard import Switchboard
from sadd.web.accepted import waiting_in

BACKLOG = 4096
"""Connections that wait to be accepted; the kernel cuts it to net.core.somaxconn."""

SETTLE_SECONDS = 1.0
"""How long connections are still accepted after ``stop``, while whoever sends them learns better."""

SWEEP_SECONDS = 0.1
"""How late a deadline may be noticed."""

_POLL_SECONDS = 0.01

_log = structlog.get_logger("sadd.grpc")


async def serve_grpc(
    board: Switchboard,
    listener: socket.socket,
    stop: asyncio.Event,
    *,
    drain_timeout_seconds: float = 30.0,
    settle_seconds: float = SETTLE_SECONDS,
    on_started: Callable[[], None] = lambda: None,
) -> None:
    """Serve the methods of ``board`` on a bound socket until ``stop`` is set, then drain and return.

    Draining: for ``settle_seconds`` connections are still accepted, since clients go on coming for a moment;
    then the socket is closed and every client told to go (GOAWAY). Calls that were begun have the rest of
    ``drain_timeout_seconds`` to be answered, then their connections are cut off.
    """
    loop = asyncio.get_running_loop()
    sweeping = loop.create_task(_sweep(board, loop), name="sadd.grpc sweep")
    try:
        with listener.dup() as queue:
            server = await loop.create_server(lambda: Connection(board, loop), sock=listener, backlog=BACKLOG)
            try:
                on_started()
                await stop.wait()
                until = loop.time() + drain_timeout_seconds
                await asyncio.sleep(min(settle_seconds, drain_timeout_seconds))
            finally:
                server.close()
            for accepted in waiting_in(queue):
                await loop.connect_accepted_socket(lambda: Connection(board, loop), accepted)
        await _finish(board, loop, until)
    finally:
        sweeping.cancel()
        board.abort()


async def _sweep(board: Switchboard, loop: asyncio.AbstractEventLoop) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        board.sweep(loop.time())


async def _finish(board: Switchboard, loop: asyncio.AbstractEventLoop, until: float) -> None:
    board.drain(loop.time())
    while board.connections and (now := loop.time()) < until:
        board.sweep(now)
        await asyncio.sleep(_POLL_SECONDS)
    if streams := board.stats().streams:
        _log.warning("calls cut off at the end of the drain", calls=streams)
