"""A served switchboard with a few methods, for each test anew."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import pytest

from sadd.grpc.serving import serve_grpc
from sadd.grpc.status import Code, Done, Status, Unary
from sadd.grpc.switchboard import Limits, Switchboard
from tests.sadd.grpc.peer import ECHO

HOLD, FAIL, REFUSE, WHO, LONG = (
    "/tests.Echo/Hold",
    "/tests.Echo/Fail",
    "/tests.Echo/Refuse",
    "/tests.Echo/Who",
    "/tests.Echo/Long",
)


class Served:
    """A switchboard on a port. ``held`` are the calls of HOLD that wait: the message, and its ``done``."""

    def __init__(self, limits: Limits, others: Mapping[str, Unary]) -> None:
        self.held: list[tuple[bytes, Done]] = []
        self.stop = asyncio.Event()
        self.port = 0
        methods: dict[str, Unary] = {
            ECHO: lambda message, _peer, done: done(message),
            HOLD: lambda message, _peer, done: self.held.append((message, done)),
            FAIL: _fail,
            REFUSE: lambda message, _peer, done: done(Status(Code.UNAVAILABLE, message.decode())),
            WHO: lambda _message, peer, done: done(peer.encode()),
            LONG: lambda message, _peer, done: done(message * 1000),
        }
        self.board = Switchboard({**methods, **others}, limits)

    def ended(self, path: str = ECHO) -> list[int]:
        """Calls of a method by status."""
        return self.board.service.methods[path].ended


def _fail(_message: bytes, _peer: str, _done: Done) -> None:
    raise RuntimeError("planted")


@contextmanager
def bound() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        yield listener


def shared(port: int) -> socket.socket:
    """A socket on a port that others may have as well (0: a free one)."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.setblocking(False)
    return listener


@asynccontextmanager
async def serving(
    limits: Limits | None = None,
    others: Mapping[str, Unary] | None = None,
    drain_timeout_seconds: float = 5.0,
) -> AsyncIterator[Served]:
    """A server with the methods above and ``others``, drained at the end of the block."""
    served = Served(limits or Limits(), others or {})
    with bound() as listener:
        served.port = listener.getsockname()[1]
        started = asyncio.Event()
        task = asyncio.create_task(
            serve_grpc(
                served.board,
                listener,
                served.stop,
                drain_timeout_seconds=drain_timeout_seconds,
                settle_seconds=0.0,
                on_started=started.set,
            )
        )
        await started.wait()
        try:
            yield served
        finally:
            served.stop.set()
            await task


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served
