"""Bytes on their way from one connection to another: the sender is paused while the receiver is behind."""

import asyncio
from collections import deque
from collections.abc import Callable

WAITING_BYTES_MAX = 262_144
"""Of one body, in us, before its sender is paused. So 2 GB pass through in a quarter of a megabyte."""


class Stalled(Exception):
    """Nothing came for too long."""


class Flow:
    """One body. ``pause`` and ``resume`` are of the connection that it comes from."""

    __slots__ = ("_bytes", "_ended", "_failure", "_pause", "_paused", "_pieces", "_resume", "_waiter")

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._paused = False
        self._ended = False
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Its last byte was received, if perhaps not taken yet."""
        return self._ended

    def put(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._bytes += len(piece)
        if self._bytes > WAITING_BYTES_MAX and not self._paused:
            self._paused = True
            self._pause()
        self._wake()

    def end(self) -> None:
        self._ended = True
        self._wake()

    def fail(self, failure: Exception) -> None:
        """The rest will not come. What came before it is given first."""
        if not self._ended and self._failure is None:
            self._failure = failure
            self._wake()

    async def next(self, within_seconds: float | None = None) -> bytes:
        """All that has come; empty at the end. Raises Stalled, or what the sender failed with."""
        while not self._pieces:
            if self._ended:
                return b""
            if self._failure is not None:
                raise self._failure
            await self._wait(within_seconds)
        piece = self._pieces.popleft() if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._bytes = 0
        if self._paused:
            self._paused = False
            self._resume()
        return piece

    async def _wait(self, within_seconds: float | None) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within_seconds):
                await self._waiter
        except TimeoutError:
            raise Stalled(f"nothing for {within_seconds} s") from None
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
