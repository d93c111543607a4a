"""One request and its answer, as who serves it sees them."""

from time import perf_counter
from typing import Protocol

from sadd.shield.flow import Flow
from sadd.shield.framing import LAST_CHUNK, BrokenBody, chunk
from sadd.shield.head import Fields, Head
from sadd.shield.hops import lines
from sadd.shield.phrases import status_line

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = (204, 304)


class Sender(Protocol):
    """The client's connection."""

    peer: str

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...

    def want_body(self) -> None:
        """Tell a client that waits to be asked for its body."""


class Call:
    """Made by the front for each request that is not answered at once."""

    __slots__ = ("_chunks", "_left", "_sender", "began", "body", "closes", "ended", "head", "status")

    def __init__(self, sender: Sender, head: Head, body: Flow | None) -> None:
        self.head = head
        self.body = body
        self.began = perf_counter()
        self.status = 0
        """Of the answer, once it began."""
        self.ended = False
        self.closes = not head.keeps_open
        """The connection ends after this answer."""
        self._sender = sender
        self._chunks = False
        self._left: int | None = None

    @property
    def peer(self) -> str:
        return self._sender.peer

    def want_body(self) -> None:
        """Only from here on a client is asked for what it would have to send."""
        self._sender.want_body()

    def start(self, status: int, fields: Fields, length: int | None) -> None:
        """Begin the answer. ``length`` of its body; None: nobody knows before it ends.

        A ``Content-Length`` among the fields is of an answer without a body (to HEAD, or 304) and passes.
        """
        self._sender.write(self._begun(status, fields, length))

    def _begun(self, status: int, fields: Fields, length: int | None) -> bytes:
        assert not self.status, "an answer has begun"
        self.status = status
        if self.head.method == b"HEAD" or status in _BODILESS:
            self._left, framing = 0, b""
            if (
                length is not None
                and status != 204
                and not any(name == b"content-length" for name, _ in fields)
            ):
                framing = b"content-length: %d\r\n" % length
        elif length is not None:
            self._left, framing = length, b"content-length: %d\r\n" % length
        elif self.head.is_old:
            self.closes, framing = True, b""
        else:
            self._chunks, framing = True, b"transfer-encoding: chunked\r\n"
        if self.closes:
            framing += b"connection: close\r\n"
        elif self.head.is_old:
            framing += b"connection: keep-alive\r\n"
        return status_line(status) + lines(fields) + framing + b"\r\n"

    async def send(self, piece: bytes) -> None:
        """A part of the body; waits while the client is behind. Raises BrokenBody: more than was promised."""
        if self._left is not None:
            self._left -= len(piece)
            if self._left < 0:
                raise BrokenBody("more than was promised")
        self._sender.write(chunk(piece) if self._chunks else piece)
        await self._sender.drain()

    def end(self) -> None:
        """The answer is whole. Raises BrokenBody: less than was promised."""
        if self._left:
            raise BrokenBody("less than was promised")
        if self._chunks:
            self._sender.write(LAST_CHUNK)
        self.ended = True

    def give(self, status: int, fields: Fields, body: bytes, length: int | None) -> None:
        """A whole answer, whose body may be left out (to HEAD, or 304) though its length is told."""
        self._sender.write(self._begun(status, fields, length) + body)
        self.ended = True

    def answer(self, status: int, fields: Fields, body: bytes) -> None:
        """A whole answer."""
        self.start(status, fields, len(body))
        if body and self.head.method != b"HEAD" and status not in _BODILESS:
            self._left = 0
            self._sender.write(body)
        self.ended = True

    async def tunnel(self, head: bytes, origin: Flow) -> None:
        """Send ``head``, then whatever the origin sends, until it ends."""
        self.status, self.closes, self.ended = 101, True, True
        self._sender.write(head)
        while piece := await origin.next():
            self._sender.write(piece)
            await self._sender.drain()
