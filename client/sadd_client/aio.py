"""The ports on asyncio."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

from sadd_client.clock import now
from sadd_client.ports import Flights, Place, Stream, Turnstile
from sadd_client.readable import readable

T = TypeVar("T")

HELD_BYTES_MAX = 4_000_000

_of_the_parent: list[Stream] = []


class _Stream(asyncio.Protocol):
    """A protocol of its own, not asyncio's streams: those do not tell what came between two calls.

    What nobody takes is at most ``HELD_BYTES_MAX``, then the connection ends.
    """

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = bytearray()
        self._ended = False
        self._failed: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, and no subclass

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > HELD_BYTES_MAX:  # nobody asked for so much, so nobody takes it
            self._transport.abort()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, failed: Exception | None) -> None:
        self._ended, self._failed = True, failed
        self._wake()

    async def send(self, sent: bytes, deadline: float) -> None:  # noqa: ARG002 - what waits is the answer
        self._transport.write(sent)

    async def receive(self, deadline: float) -> bytes:
        if not self._received and not self._ended:
            self._waiter = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(deadline - now()):
                await self._waiter
        if self._failed is not None:
            raise self._failed
        received = bytes(self._received)
        self._received.clear()
        return received

    def stale(self) -> bool:
        if self._received or self._ended or self._transport.is_closing():
            return True
        return readable(self._transport.get_extra_info("socket"))  # what the loop has not read yet

    def close(self) -> None:
        # Not ``close``: that waits for what is unsent, and for the peer's part of TLS.
        self._transport.abort()

    def disown(self) -> None:
        # To close it, or to let it be collected, would end it in the parent's selector too: it is shared.
        _of_the_parent.append(self)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Turnstile:
    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)

    async def acquire(self, deadline: float) -> bool:
        if not self._places.locked():
            return await self._places.acquire()  # at once: no timer needed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline - now()):
                return await self._places.acquire()
        return False

    def release(self) -> None:
        self._places.release()


class _Flights:
    """Each piece of work is a task of its own, which no caller's cancellation reaches."""

    def __init__(self, start: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]) -> None:
        self._start = start
        self._under_way: dict[str, asyncio.Task[Any]] = {}

    async def join(
        self, name: str, work: Callable[[], Coroutine[Any, Any, T]], deadline: float
    ) -> tuple[T, bool]:
        task: asyncio.Task[T] | None = self._under_way.get(name)
        if task is None:
            task = self._under_way[name] = self._start(work())
            task.add_done_callback(lambda done: self._landed(name, done))
            return await asyncio.shield(task), True
        async with asyncio.timeout(max(0.0, deadline - now())):
            return await asyncio.shield(task), False

    def forget(self) -> None:
        self._under_way = {}

    def _landed(self, name: str, done: asyncio.Task[Any]) -> None:
        if self._under_way.get(name) is done:
            del self._under_way[name]
        if not done.cancelled():
            done.exception()  # it is looked at, also when all its callers have gone


class AsyncIo:
    """Of one client. What it started is its own: ``finish`` ends it."""

    beside = True

    def __init__(self) -> None:
        self._started: set[asyncio.Task[Any]] = set()

    async def connect(self, place: Place, deadline: float) -> Stream:
        async with asyncio.timeout(deadline - now()):
            loop = asyncio.get_running_loop()
            return (await loop.create_connection(_Stream, place.host, place.port, ssl=place.tls))[1]

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def turnstile(self, places: int) -> Turnstile:
        return _Turnstile(places)

    def mutex(self) -> AbstractContextManager[object]:
        return contextlib.nullcontext()

    def start(self, work: Coroutine[Any, Any, None]) -> Callable[[], object]:
        return self._task(work).cancel

    def attend(self, work: Coroutine[Any, Any, None]) -> Callable[[], object]:
        return self._task(work).cancel

    def flights(self) -> Flights:
        return _Flights(self._task)

    async def together(self, works: Iterable[Coroutine[Any, Any, None]]) -> None:
        await asyncio.gather(*works)

    async def finish(self, deadline: float) -> None:
        started = [*self._started]
        if started:
            _, late = await asyncio.wait(started, timeout=max(0.0, deadline - now()))
            for task in late:
                task.cancel()
        await asyncio.gather(*started, return_exceptions=True)

    def forget(self) -> None:
        self._started = set()

    def _task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._started.add(task)
        task.add_done_callback(self._started.discard)
        return task
