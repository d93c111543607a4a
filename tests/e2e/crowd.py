"""A small crowd of keep-alive connections, each asking without pause, and what each of them was told."""

import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import aiohttp

from tests.waiting import eventually

Ask = Callable[[aiohttp.ClientSession], "contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]"]
REQUEST_SECONDS = 10.0
FURTHER_SECONDS = 30.0


@dataclass(slots=True)
class Line:
    """One connection at a time: its local port, what it heard, and the ports on which it failed."""

    statuses: Counter[int] = field(default_factory=Counter)
    failed_ports: list[int] = field(default_factory=list)
    slowest_seconds: float = 0.0
    port: int = 0

    def socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """A socket bound early, so that its port is known whatever becomes of it."""
        made = socket.socket(*address[:3])
        made.bind(("127.0.0.1", 0))
        self.port = made.getsockname()[1]
        return made


@dataclass(slots=True)
class Crowd:
    lines: list[Line]
    stopped: bool = False

    @property
    def statuses(self) -> Counter[int]:
        return sum((line.statuses for line in self.lines), Counter())

    @property
    def failures(self) -> int:
        return sum(len(line.failed_ports) for line in self.lines)

    async def during(self, seconds: float) -> None:
        """Until the crowd has asked for so long. The load is the point: nothing is waited for."""
        until = time.monotonic() + seconds
        await eventually(lambda: time.monotonic() >= until, seconds + 1)

    async def further(self, answers: int) -> None:
        """Until so many more answers came."""
        wanted = self.statuses.total() + answers
        await eventually(lambda: self.statuses.total() >= wanted, FURTHER_SECONDS)


@contextlib.asynccontextmanager
async def crowd(ask: Ask, size: int = 16) -> AsyncIterator[Crowd]:
    """``size`` connections that ask until the block ends."""
    asking = Crowd([Line() for _ in range(size)])
    async with asyncio.TaskGroup() as group:
        for line in asking.lines:
            group.create_task(_ask(asking, line, ask))
        try:
            yield asking
        finally:
            asking.stopped = True


async def _ask(asking: Crowd, line: Line, ask: Ask) -> None:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=1, socket_factory=line.socket),
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
    ) as session:
        while not asking.stopped:
            began = time.monotonic()
            try:
                async with ask(session) as answer:
                    await answer.read()
                    line.statuses[answer.status] += 1
            except (aiohttp.ClientError, TimeoutError, OSError):
                line.failed_ports.append(line.port)
            line.slowest_seconds = max(line.slowest_seconds, time.monotonic() - began)
