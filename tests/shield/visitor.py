"""A visitor on a connection that is kept: hundreds of requests in a few seconds, as bytes."""

import asyncio
from types import TracebackType
from typing import Self

from tests.shield.scene import Answer, read_answer


class Visitor:
    """Asks one request after the other; a connection that the shield ended is opened anew."""

    def __init__(self, port: int, host: str) -> None:
        self._port = port
        self._host = host
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, target: str, *fields: str, method: str = "GET", body: bytes = b"") -> Answer:
        """``target`` and fields go out as they stand, one byte a character."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}", *fields]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        sent = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
        async with asyncio.timeout(30):
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            writer.write(sent)
            answer = await read_answer(reader, method)
        if answer.get("connection") == "close":
            self.forget()
        return answer

    def forget(self) -> None:
        """The connection has ended."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.forget()


def shows(answer: Answer, word: str) -> bool:
    """Whether the word is anywhere in what came back."""
    return word.encode() in answer.body or any(word in value for _, value in answer.fields)
