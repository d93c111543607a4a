"""The connections to one origin: never more than its cap, however slowly answers are read."""

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from sadd.shield.breaker import Breaker
from sadd.shield.line import Line

IDLE_MAX = 64
"""Connections of one origin that are kept for the next request."""
WAITING_MAX = 10_000
"""Requests of one origin that wait for a place."""


class Busy(Exception):
    """No place became free in time."""


class Unreachable(Exception):
    """No connection could be made."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an origin is, by its URL in the catalogue."""

    host: str
    port: int
    secure: bool

    @property
    def authority(self) -> bytes:
        """For the field ``Host``."""
        usual = 443 if self.secure else 80
        return (self.host if self.port == usual else f"{self.host}:{self.port}").encode()


def address_of(origin: str) -> Address:
    """Raises ValueError for what is no origin."""
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{origin!r} is no origin")
    secure = parts.scheme == "https"
    return Address(parts.hostname, parts.port or (443 if secure else 80), secure)


@cache
def _tls() -> ssl.SSLContext:
    """One for all origins: it reads the system's authorities, 25 ms and a megabyte each time."""
    return ssl.create_default_context()


class Pool:
    """Of one origin in one worker. A place is held from before the connection until after the last byte."""

    def __init__(self, address: Address, cap: int, *, connect_seconds: float) -> None:
        self.address = address
        self.cap = cap
        self.breaker = Breaker()
        self.held = 0
        self.held_max = 0
        self.opened = 0
        self._connect_seconds = connect_seconds
        self._idle: deque[Line] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._tls = _tls() if address.secure else None

    async def place(self, within_seconds: float) -> None:
        """Wait for a place, first come first served. Raises Busy. ``leave`` gives it back."""
        if self.held < self.cap and not self._waiting:
            self._enter()
            return
        if len(self._waiting) >= WAITING_MAX:
            raise Busy
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(within_seconds):
                await turn
        except BaseException as end:
            if turn.done() and not turn.cancelled():
                self.leave()  # it was given just now
            else:
                with suppress(ValueError):
                    self._waiting.remove(turn)
            if isinstance(end, TimeoutError):
                raise Busy from None
            raise

    def leave(self) -> None:
        """Give a place back: to who waits longest, else to nobody."""
        while self._waiting and self.held <= self.cap:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.held -= 1

    async def line(self, *, fresh: bool = False) -> Line:
        """A connection, for who has a place. Raises Unreachable."""
        while self._idle and not fresh:
            line = self._idle.pop()
            if line.is_open:
                return line
        loop = asyncio.get_running_loop()
        address = self.address
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, line = await loop.create_connection(Line, address.host, address.port, ssl=self._tls)
        except (OSError, TimeoutError) as error:
            raise Unreachable(type(error).__name__) from error
        self.opened += 1
        return line

    def keep(self, line: Line) -> None:
        """Take back a connection: for the next request where it is good for one."""
        if line.is_free and len(self._idle) < min(IDLE_MAX, self.cap):
            line.rest()
            self._idle.append(line)
        else:
            line.close()

    def close(self) -> None:
        """End the idle ones. What is under way ends by itself."""
        while self._idle:
            self._idle.pop().close()

    def _enter(self) -> None:
        self.held += 1
        self.held_max = max(self.held_max, self.held)
