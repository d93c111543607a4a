"""A client of HTTP/2 that can do everything wrong: it writes what it is told to, and reads our frames."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from hpack import Decoder, Encoder

from sadd.grpc import frames
from sadd.grpc.frames import END_HEADERS, END_STREAM, PREFACE, frame

ECHO = "/tests.Echo/Say"


@dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    stream_id: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of RST_STREAM or GOAWAY."""
        at = 0 if self.kind == frames.RST_STREAM else 4
        return int.from_bytes(self.payload[at : at + 4], "big")


@dataclass
class Answer:
    """What came on one stream until its end."""

    fields: dict[str, str]
    body: bytes = b""
    data_frames: int = 0

    @property
    def message(self) -> bytes:
        assert int.from_bytes(self.body[1:5], "big") == len(self.body) - 5
        return self.body[5:]

    @property
    def status(self) -> str:
        return self.fields["grpc-status"]


def prefixed(message: bytes) -> bytes:
    return b"\x00" + len(message).to_bytes(4, "big") + message


class Peer:
    """One connection. ``greet`` says what a client must say first."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.encoder, self._decoder = Encoder(), Decoder()
        self.encoder.header_table_size = 0
        self.next_id = 1

    async def greet(self, settings: dict[int, int] | None = None) -> None:
        """Preface, SETTINGS, and the acknowledgement of theirs."""
        self.write(PREFACE + frames.settings(settings or {}) + frames.SETTINGS_ACK)
        await self.until(frames.SETTINGS)
        await self.until(frames.SETTINGS)

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def block(self, path: str = ECHO, **others: str) -> bytes:
        fields = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "sadd",
            "content-type": "application/grpc",
            "te": "trailers",
            **{name.replace("_", "-"): value for name, value in others.items()},
        }
        return self.encoder.encode(list(fields.items()))

    def head(self, path: str = ECHO, flags: int = END_HEADERS, **others: str) -> tuple[int, bytes]:
        """The number of a new stream, and its HEADERS."""
        stream_id, self.next_id = self.next_id, self.next_id + 2
        return stream_id, frame(frames.HEADERS, flags, stream_id, self.block(path, **others))

    def request(self, message: bytes, path: str = ECHO, **others: str) -> tuple[int, bytes]:
        """The number of a new stream, and all frames of a call on it."""
        stream_id, head = self.head(path, END_HEADERS, **others)
        return stream_id, head + frame(frames.DATA, END_STREAM, stream_id, prefixed(message))

    async def call(self, message: bytes, path: str = ECHO, **others: str) -> Answer:
        stream_id, sent = self.request(message, path, **others)
        self.write(sent)
        return await self.answer(stream_id)

    async def frame(self) -> Frame:
        async with asyncio.timeout(30):
            head = await self.reader.readexactly(9)
            payload = await self.reader.readexactly(int.from_bytes(head[:3], "big"))
        return Frame(head[3], head[4], int.from_bytes(head[5:], "big"), payload)

    async def until(self, kind: int, stream_id: int | None = None) -> Frame:
        """The next frame of this kind; others are passed over."""
        while True:
            got = await self.frame()
            if got.kind == kind and stream_id in (None, got.stream_id):
                return got

    async def answer(self, stream_id: int) -> Answer:
        """All that comes on the stream; frames of others are passed over. AssertionError: it was reset."""
        answer = Answer({})
        while True:
            got = await self.frame()
            if got.kind == frames.HEADERS:
                fields = {str(name): str(value) for name, value in self._decoder.decode(got.payload)}
                if got.stream_id == stream_id:
                    answer.fields.update(fields)
            if got.stream_id != stream_id:
                continue
            assert got.kind != frames.RST_STREAM, f"reset, {got.code}"
            if got.kind == frames.DATA:
                answer.body += got.payload
                answer.data_frames += 1
            if got.flags & END_STREAM and got.kind in (frames.DATA, frames.HEADERS):
                return answer

    async def goaway(self) -> int:
        """The code with which the connection is ended, and its end."""
        code = (await self.until(frames.GOAWAY)).code
        async with asyncio.timeout(30):
            await self.ended()
        return code

    async def ended(self) -> bytes:
        """Read until the connection is closed by the other side."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def greeted(port: int, settings: dict[int, int] | None = None) -> AsyncIterator[Peer]:
    async with connected(port) as peer:
        await peer.greet(settings)
        yield peer
