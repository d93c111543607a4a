"""The shield's listener of one worker: serves until told to stop, then lets what is under way end."""

import asyncio
import socket
import time
from collections.abc import Callable

from sadd.shield.front import Fronts

BACKLOG = 4096
SETTLE_SECONDS = 1.0
_POLL_SECONDS = 0.02


async def serve_shield(
    fronts: Fronts,
    listener: socket.socket,
    stop: asyncio.Event,
    *,
    drain_timeout_seconds: float,
    settle_seconds: float = SETTLE_SECONDS,
    on_started: Callable[[], None] = lambda: None,
) -> None:
    """Serve until ``stop`` is set. The socket is closed at the end, whatever happens.

    Then each answer ends its connection, for ``settle_seconds`` new ones are still taken, because proxies and
    the kernel go on sending some for a moment, and what is under way has the rest of the time to end.
    """
    server = await asyncio.get_running_loop().create_server(fronts, sock=listener, backlog=BACKLOG)
    try:
        on_started()
        await stop.wait()
        until = time.monotonic() + drain_timeout_seconds
        fronts.draining = True
        fronts.end_idle()
        await asyncio.sleep(min(settle_seconds, drain_timeout_seconds))
    finally:
        server.close()
    while fronts.open and time.monotonic() < until:
        fronts.end_idle()
        await asyncio.sleep(_POLL_SECONDS)
    for front in list(fronts.open):
        front.abort()
