"""A relay in front of a store, which can hold up or cut the subscriptions that pass through it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """``held``: what the store tells by subscriptions is swallowed, and neither side learns of it."""

    def __init__(self, port: int) -> None:
        self._store_port = port
        self.port = 0
        self.held = False
        self.subscriptions: set[asyncio.StreamWriter] = set()
        self.opened = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Ends every subscription that passes through."""
        for writer in list(self.subscriptions):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._store_port)
        down = asyncio.create_task(self._down(up_reader, writer))
        self._tasks.add(down)
        try:
            while words := await reader.read(65_536):
                if b"SUBSCRIBE" in words:
                    self.opened += 1
                    self.held = False  # what was held is the one before
                    self.subscriptions.add(writer)
                up_writer.write(words)
        except OSError:
            pass
        finally:
            self.subscriptions.discard(writer)
            up_writer.close()
            down.cancel()
            self._tasks.discard(down)
            writer.close()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while words := await reader.read(65_536):
                if not (self.held and writer in self.subscriptions):
                    writer.write(words)


@asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[Relay]:
    relay = Relay(port)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
