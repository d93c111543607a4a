"""The ports on blocking sockets and threads: coroutines that never suspend."""

import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractContextManager
from typing import Any

from sadd_client.clock import now
from sadd_client.ports import Place, Stream, Turnstile, complete
from sadd_client.readable import readable

CHUNK_BYTES = 65_536


def _seconds_until(deadline: float) -> float:
    """What a socket may wait. TimeoutError when it is nothing: 0 would mean not to block."""
    seconds = deadline - now()
    if seconds <= 0:
        raise TimeoutError("the deadline has passed")
    return seconds


def _dial(place: Place, deadline: float) -> socket.socket:
    """Connected to the first address that answers; ``socket.create_connection`` gives each the whole time."""
    failed: OSError = OSError(f"{place.host} has no address")
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in found:
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(_seconds_until(deadline))
            made.connect(address)
        except OSError as error:
            made.close()
            failed = error
        else:
            return made
    raise failed


class _Stream:
    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    async def send(self, sent: bytes, deadline: float) -> None:
        self._socket.settimeout(_seconds_until(deadline))
        self._socket.sendall(sent)

    async def receive(self, deadline: float) -> bytes:
        self._socket.settimeout(_seconds_until(deadline))
        return self._socket.recv(CHUNK_BYTES)

    def stale(self) -> bool:
        return readable(self._socket)

    def close(self) -> None:
        self._socket.close()

    def disown(self) -> None:
        self._socket.close()  # this process's descriptor; the parent has its own


class _Turnstile:
    def __init__(self, places: int) -> None:
        self._places = threading.Semaphore(places)

    async def acquire(self, deadline: float) -> bool:
        return self._places.acquire(timeout=max(0.0, deadline - now()))

    def release(self) -> None:
        self._places.release()


class BlockingIo:
    """Holds nothing: what is started is done when ``start`` returns."""

    beside = False

    async def connect(self, place: Place, deadline: float) -> Stream:
        connected = _dial(place, deadline)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if place.tls is None:
            return _Stream(connected)
        try:
            connected.settimeout(_seconds_until(deadline))
            return _Stream(place.tls.wrap_socket(connected, server_hostname=place.host))
        except BaseException:
            connected.close()
            raise

    async def pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - no loop runs here

    def turnstile(self, places: int) -> Turnstile:
        return _Turnstile(places)

    def mutex(self) -> AbstractContextManager[object]:
        return threading.Lock()

    def start(self, work: Coroutine[Any, Any, None]) -> Callable[[], object]:
        complete(work)
        return lambda: None

    async def together(self, works: Iterable[Coroutine[Any, Any, None]]) -> None:
        for work in works:
            await work

    async def finish(self, deadline: float) -> None:
        """Nothing is left."""

    def forget(self) -> None:
        """Nothing is kept."""
