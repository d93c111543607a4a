"""One HTTP/1.1 connection: a request out, its answer in, by h11's state machine over any stream."""

from collections.abc import Mapping
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
        try:
            await self._stream.send(self._encoded(request), deadline)
            answer = await self._receive_answer(deadline)
        except TimeoutError:
            raise PlatformAway("no answer within the deadline", sent=True) from None
        except OSError as broken:
            raise PlatformAway(f"the connection broke: {broken}", sent=True) from None
        except h11.RemoteProtocolError as garbled:
            raise PlatformAway(f"the answer is not HTTP: {garbled}", sent=True) from None
        done = self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}
        if done and not self._http.trailing_data[0]:  # a second answer would be taken for the next one's
            self._http.start_next_cycle()
        return answer

    def _encoded(self, request: Request) -> bytes:
        length = (b"Content-Length", b"%d" % len(request.body))
        typed = [(b"Content-Type", b"application/json"), length] if request.body else []
        headers = [*self._headers, *request.headers, *typed]
        head = h11.Request(method=request.method, target=request.path, headers=headers)
        events: list[h11.Event] = [head, h11.EndOfMessage()]
        if request.body:
            events.insert(1, h11.Data(request.body))
        return b"".join(self._http.send(event) or b"" for event in events)

    async def _receive_answer(self, deadline: float) -> Answer:
        status, headers, body = 0, dict[str, str](), bytearray()
        while True:
            event = self._http.next_event()
            match event:
                case h11.NEED_DATA:
                    self._http.receive_data(await self._stream.receive(deadline))
                case h11.Response():
                    status = event.status_code
                    headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
                case h11.Data():
                    body += event.data
                    if len(body) > ANSWER_BYTES_MAX:
                        raise h11.RemoteProtocolError(f"its body is over {ANSWER_BYTES_MAX} bytes")
                case h11.EndOfMessage():
                    return Answer(status, headers, bytes(body))
                case h11.ConnectionClosed() | h11.PAUSED:
                    raise h11.RemoteProtocolError("the connection ended before it")
