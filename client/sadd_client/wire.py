"""One HTTP/1.1 connection: a request out, its answer in, by h11's state machine over any stream."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import h11

from sadd_client.errors import PlatformAway
from sadd_client.ports import Stream

ANSWER_BYTES_MAX = 4_000_000
"""A thousand decisions are 0.2 MB, the interface's own description about as much."""


@dataclass(frozen=True, slots=True)
class Request:
    """``repeatable``: doing it twice is doing it once. ``policy`` is what it is about, for pauses."""

    method: str
    path: str
    body: bytes = b""
    policy: str = ""
    repeatable: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = b"application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers`` have lower-case names; of one that comes twice the last is kept."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def check_head(path: str, headers: list[tuple[bytes, bytes]]) -> None:
    """ValueError for what cannot stand in the head of a request."""
    try:
        h11.Request(method="GET", target=path, headers=headers)
    except h11.LocalProtocolError as wrong:
        raise ValueError(f"the url cannot be asked: {wrong}") from None


class Connection:
    """``exchange`` may be called again while ``reusable``."""

    def __init__(self, stream: Stream, headers: list[tuple[bytes, bytes]]) -> None:
        self._stream = stream
        self._headers = headers
        self._http = h11.Connection(h11.CLIENT)

    @property
    def reusable(self) -> bool:
        return self._http.states == {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE} and not self._stream.stale()

    def close(self) -> None:
        self._stream.close()

    def disown(self) -> None:
        self._stream.disown()

    async def exchange(self, request: Request, deadline: float) -> Answer:
        """PlatformAway whenever there is no whole answer; the connection is then of no more use."""
        with _broken_is_away():
            await self._stream.send(self._encoded(request), deadline)
            head = await self._receive_head(deadline)
            answer = await self._receive_rest(head, deadline)
        done = self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}
        if done and not self._http.trailing_data[0]:  # a second answer would be taken for the next one's
            self._http.start_next_cycle()
        return answer

    async def listen(self, request: Request, deadline: float) -> Answer:
        """The head of an answer whose body ``piece`` brings as it comes; the whole of one that is not 200."""
        with _broken_is_away():
            await self._stream.send(self._encoded(request), deadline)
            head = await self._receive_head(deadline)
            return head if head.status == 200 else await self._receive_rest(head, deadline)

    async def piece(self, deadline: float) -> bytes | None:
        """``b""`` at the end, None when nothing came until the deadline. PlatformAway as for ``exchange``."""
        with _broken_is_away():
            while True:
                try:
                    event = await self._next_event(deadline)
                except TimeoutError:
                    return None
                if isinstance(event, h11.Data):
                    return bytes(event.data)
                if isinstance(event, h11.EndOfMessage):
                    return b""

    def _encoded(self, request: Request) -> bytes:
        length = (b"Content-Length", b"%d" % len(request.body))
        typed = [(b"Content-Type", request.content_type), length] if request.body else []
        headers = [*self._headers, *request.headers, *typed]
        head = h11.Request(method=request.method, target=request.path, headers=headers)
        events: list[h11.Event] = [head, h11.EndOfMessage()]
        if request.body:
            events.insert(1, h11.Data(request.body))
        return b"".join(self._http.send(event) or b"" for event in events)

    async def _receive_head(self, deadline: float) -> Answer:
        while True:
            event = await self._next_event(deadline)
            if isinstance(event, h11.Response):
                headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
                return Answer(event.status_code, headers)

    async def _receive_rest(self, head: Answer, deadline: float) -> Answer:
        body = bytearray()
        while True:
            match await self._next_event(deadline):
                case h11.Data(data=data):
                    body += data
                    if len(body) > ANSWER_BYTES_MAX:
                        raise h11.RemoteProtocolError(f"its body is over {ANSWER_BYTES_MAX} bytes")
                case h11.EndOfMessage():
                    return Answer(head.status, head.headers, bytes(body))

    async def _next_event(self, deadline: float) -> h11.Event:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._stream.receive(deadline))
            elif isinstance(event, h11.Event) and not isinstance(event, h11.ConnectionClosed):
                return event
            else:
                raise h11.RemoteProtocolError("the connection ended before it")


@contextmanager
def _broken_is_away() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise PlatformAway("no answer within the deadline", sent=True) from None
    except OSError as broken:
        raise PlatformAway(f"the connection broke: {broken}", sent=True) from None
    except h11.RemoteProtocolError as garbled:
        raise PlatformAway(f"the answer is not HTTP: {garbled}", sent=True) from None
