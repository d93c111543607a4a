"""A real listener that does what a platform in trouble does: hangs, closes, garbles, drips, says 503."""

import json
import select
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, repeat
from typing import Any

Behaviour = Callable[[socket.socket, "Odd"], None]
"""What is done with a connection whose request has been read."""

ALLOWED: dict[str, Any] = {
    "allowed": True,
    "policy": "p",
    "limit": 60,
    "remaining": 19,
    "reset_after_ms": 1000,
}


def answer(status: int, body: object = None, *fields: str, media_type: str = "application/json") -> Behaviour:
    """A whole answer; the connection stays open."""
    encoded = b"" if body is None else json.dumps(body).encode()
    head = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Length: {len(encoded)}",
        f"Content-Type: {media_type}",
        *fields,
    ]
    return say("\r\n".join(head).encode() + b"\r\n\r\n" + encoded)


def problem(status: int, slug: str, **members: object) -> Behaviour:
    found = {"type": f"https://sadd.example/problems/{slug}", "title": "T", "status": status, **members}
    return answer(status, found, media_type="application/problem+json")


def say(words: bytes) -> Behaviour:
    return lambda connection, _: connection.sendall(words)


def hang(connection: socket.socket, odd: "Odd") -> None:
    odd.ended.wait(30)


def close(connection: socket.socket, _: "Odd") -> None:
    connection.close()


def drip(connection: socket.socket, odd: "Odd") -> None:
    """A byte of a never-ending head every 20 ms: each wait by itself is short."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not odd.ended.wait(0.02):
        connection.sendall(b"a")


class Odd:
    """Behaves by its list, one request each, the last for good. Counts connections and requests."""

    def __init__(self, behaviours: Sequence[Behaviour]) -> None:
        self._turns: Iterator[Behaviour] = chain(behaviours, repeat(behaviours[-1]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.ended = threading.Event()
        self.connections: list[socket.socket] = []
        self.requests: list[bytes] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._accepting.start()

    def behave(self, *behaviours: Behaviour) -> None:
        """From the next request on."""
        self._turns = chain(behaviours, repeat(behaviours[-1]))

    def hang_up(self) -> None:
        """Ends every connection that is open."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self.ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(30)
        self._listener.close()
        self.hang_up()
        for connection in self.connections:
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self.connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError):  # the client is gone, or this connection was closed
            while request := _read_request(connection):
                self.requests.append(request)
                next(self._turns)(connection, self)


def _read_request(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        select.select([connection], [], [])
        read += (more := connection.recv(65536))
        if not more:
            return b""
    head, _, body = read.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def odd(*behaviours: Behaviour) -> Iterator[Odd]:
    made = Odd(behaviours)
    made.start()
    try:
        yield made
    finally:
        made.stop()
