"""A real origin on the loopback, in raw bytes: it answers what a test scripted, and keeps count."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sadd.shield.head import END

Said = bytes | Callable[["Request", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Request:
    """What the origin was asked."""

    line: str
    fields: list[tuple[str, str]]
    body: bytes = b""

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    def get(self, name: str) -> str | None:
        return next((value for known, value in self.fields if known == name.lower()), None)


def ok(body: bytes = b"hello", *fields: str, status: str = "200 OK") -> bytes:
    """A whole answer with a length."""
    lines = "".join(f"{one}\r\n" for one in fields)
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Origin:
    """Answers by path (the longest known beginning), and remembers."""

    valkey_url: str = ""
    """The store of the shields in front of it."""
    port: int = 0
    says: dict[str, Said] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    open: int = 0
    open_max: int = 0
    busy: int = 0
    busy_max: int = 0
    hold: asyncio.Event | None = None
    """Answers wait for it."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, path: str) -> int:
        return sum(one.target.partition("?")[0] == path for one in self.asked)

    def last(self) -> Request:
        return self.asked[-1]

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self.serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.open_max = max(self.open_max, self.open)
        try:
            while (request := await _read(reader)) is not None:
                self.asked.append(request)
                self.busy += 1
                self.busy_max = max(self.busy_max, self.busy)
                try:
                    await self._answer(request, reader, writer)
                finally:
                    self.busy -= 1
                if writer.is_closing():
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.hold is not None:
            await self.hold.wait()
        known = [path for path in self.says if request.target.startswith(path)]
        said = self.says[max(known, key=len)] if known else ok(b"none", status="404 Not Found")
        if isinstance(said, bytes):
            head, sep, body = said.partition(END)
            writer.write(head + sep + (b"" if request.method == "HEAD" else body))
            await writer.drain()
        else:
            await said(request, reader, writer)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        raw = await reader.readuntil(END)
    except asyncio.IncompleteReadError:
        return None
    line, *lines = raw[: -len(END)].decode("latin-1").split("\r\n")
    fields = [(name.lower(), value) for name, _, value in (one.partition(": ") for one in lines)]
    request = Request(line, fields)
    if length := request.get("content-length"):
        request.body = await reader.readexactly(int(length))
    elif request.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            request.body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    return request


@asynccontextmanager
async def origin(valkey_url: str) -> AsyncIterator[Origin]:
    """Running until the block ends."""
    made = Origin(valkey_url)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0, limit=262_144)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in list(made.tasks):
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)
