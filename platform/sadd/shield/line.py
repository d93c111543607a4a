"""One connection to an origin: one request at a time, whose answer is read strictly and streamed.

It is used again only when the answer ended where its head said, and nothing came behind it.
"""

import asyncio
from typing import cast

from sadd.shield.flow import Flow, Stalled
from sadd.shield.framing import Body, BrokenBody
from sadd.shield.head import END
from sadd.shield.reply import HEAD_BYTES_MAX, BadAnswer, ReplyHead, read_reply

PREAMBLES_MAX = 8
"""Answers of the 1xx kind before the answer."""


class Gone(Exception):
    """The connection ended. ``answered``: bytes of an answer had come."""

    def __init__(self, *, answered: bool) -> None:
        super().__init__("the origin closed the connection")
        self.answered = answered


class Line(asyncio.Protocol):
    """To one origin. The pool opens, lends and closes it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._method = b""
        self._head: asyncio.Future[ReplyHead] | None = None
        self._body: Body | None = None
        self._flow: Flow | None = None
        self._preambles = 0
        self._reusable = True
        self._writable: asyncio.Future[None] | None = None
        self.used = False
        """It has carried a request already, so the origin may close it at any moment."""

    # The loop's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport, self._reusable = None, False
        self.resume_writing()
        if self._head is not None and not self._head.done():
            self._head.set_exception(Gone(answered=bool(self._buffer)))
        if self._flow is None or self._flow.ended:
            return
        try:
            if self._body is not None:
                self._body.close()
            self._flow.end()
        except BrokenBody as broken:
            self._flow.fail(broken)

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def data_received(self, data: bytes) -> None:
        if self._flow is not None and self._body is not None:
            self._feed(data)
        elif self._flow is not None:  # a tunnel
            self._flow.put(data)
        elif self._head is None:
            self.close()  # an answer to nothing: whoever asks next would take it for his
        else:
            self._buffer += data
            self._take_head()

    # One exchange.

    async def ask(self, method: bytes, head: bytes) -> None:
        """Send a request's head. Its body follows by ``send``, its answer is awaited by ``answer``."""
        self._method, self._buffer, self._preambles = method, b"", 0
        self._body, self._flow = None, None
        self._head = asyncio.get_running_loop().create_future()
        # Nobody may be waiting for it when it fails.
        self._head.add_done_callback(lambda head: head.cancelled() or head.exception())
        await self.send(head)

    async def send(self, piece: bytes) -> None:
        """Write, and wait while the origin takes nothing. Raises Gone."""
        if self._transport is None:
            raise Gone(answered=False)
        self._transport.write(piece)
        if self._writable is not None:
            await self._writable

    async def answer(self, within_seconds: float) -> ReplyHead:
        """The head of the answer. Raises Stalled, Gone, BadAnswer."""
        assert self._head is not None, "nothing was asked"
        try:
            async with asyncio.timeout(within_seconds):
                return await asyncio.shield(self._head)
        except TimeoutError:
            raise Stalled(f"no answer for {within_seconds} s") from None

    @property
    def has_answer(self) -> bool:
        return self._head is not None and self._head.done()

    @property
    def body(self) -> Flow:
        assert self._flow is not None, "no answer yet"
        return self._flow

    @property
    def is_free(self) -> bool:
        """The exchange is over, and the connection good for another."""
        return (
            self._reusable
            and self._transport is not None
            and not self._transport.is_closing()
            and self._flow is not None
            and self._flow.ended
            and self._body is not None
        )

    def rest(self) -> None:
        """Over; the next use is another's. What comes meanwhile closes the connection."""
        self._head = self._flow = self._body = None
        self.used = True

    def close(self) -> None:
        self._reusable = False
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    # Reading.

    def _take_head(self) -> None:
        assert self._head is not None
        while not self._head.done():
            end = self._buffer.find(END)
            if end < 0 or end > HEAD_BYTES_MAX:
                if end > 0 or len(self._buffer) > HEAD_BYTES_MAX:
                    self._refuse(BadAnswer("its head is too large"))
                return
            try:
                head = read_reply(self._buffer[:end])
            except BadAnswer as bad:
                self._refuse(bad)
                return
            rest, self._buffer = self._buffer[end + len(END) :], self._buffer[end + len(END) :]
            if head.status < 200 and head.status != 101:
                self._preambles += 1
                if self._preambles > PREAMBLES_MAX:
                    self._refuse(BadAnswer("too many answers before the answer"))
                continue
            self._begin(head, rest)

    def _begin(self, head: ReplyHead, rest: bytes) -> None:
        self._reusable = head.keeps_open and head.status != 101 and not self._is_doubtful(head)
        self._flow = Flow(self._pause, self._resume)
        self._body = None if head.status == 101 else head.body(self._method)
        assert self._head is not None
        self._head.set_result(head)
        if self._body is None:
            if rest:
                self._flow.put(rest)
        else:
            self._feed(rest)

    def _is_doubtful(self, head: ReplyHead) -> bool:
        """A body that should not be there could still come, and answer the next request."""
        is_told = head.chunked or bool(head.length)
        return self._method == b"HEAD" or (head.status in (204, 304) and is_told)

    def _feed(self, data: bytes) -> None:
        assert self._body is not None
        assert self._flow is not None
        if self._body.ended and data:  # behind the end: whose answer would it be?
            self._reusable = False
            self._flow.end()
            return
        try:
            for piece in self._body.take(data):
                self._flow.put(piece)
        except BrokenBody as broken:
            self._reusable = False
            self._flow.fail(broken)
            self.close()
            return
        if self._body.ended:
            self._reusable = self._reusable and not self._body.rest
            self._flow.end()

    def _refuse(self, bad: BadAnswer) -> None:
        assert self._head is not None
        self._head.set_exception(bad)
        self.close()

    def _pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
