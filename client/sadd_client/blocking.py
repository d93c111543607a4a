"""The ports on blocking sockets and threads: coroutines that never suspend."""

import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sadd_client.clock import now
from sadd_client.ports import Flights, Place, Stream, Turnstile, complete
from sadd_client.readable import readable

T = TypeVar("T")

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


class _Flights:
    """Who comes first does the work in his own thread; the others wait for it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._under_way: dict[str, Future[Any]] = {}

    async def join(
        self, name: str, work: Callable[[], Coroutine[Any, Any, T]], deadline: float
    ) -> tuple[T, bool]:
        with self._mutex:
            flight: Future[T] | None = self._under_way.get(name)
            if flight is None:
                mine: Future[T] = Future()
                self._under_way[name] = mine
        if flight is not None:
            return flight.result(max(0.0, deadline - now())), False
        try:
            found = await work()
        except BaseException as failed:
            self._land(name, mine)
            mine.set_exception(failed if isinstance(failed, Exception) else TimeoutError("given up"))
            raise
        self._land(name, mine)
        mine.set_result(found)
        return found, True

    def forget(self) -> None:
        self._mutex = threading.Lock()
        self._under_way = {}

    def _land(self, name: str, flight: "Future[Any]") -> None:
        with self._mutex:
            if self._under_way.get(name) is flight:
                del self._under_way[name]


class BlockingIo:
    """What is started is done when ``start`` returns; what is attended to has a thread."""

    beside = False

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

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

    def attend(self, work: Coroutine[Any, Any, None]) -> Callable[[], object]:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=complete, args=(work,), name="sadd-client", daemon=True)
        self._threads.append(thread)
        thread.start()
        return lambda: None  # it looks for its end by itself

    def flights(self) -> Flights:
        return _Flights()

    async def together(self, works: Iterable[Coroutine[Any, Any, None]]) -> None:
        for work in works:
            await work

    async def finish(self, deadline: float) -> None:
        for thread in self._threads:
            thread.join(max(0.0, deadline - now()))
        self._threads = []

    def forget(self) -> None:
        self._threads = []
