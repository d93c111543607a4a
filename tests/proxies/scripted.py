"""Both ends of a proxy: a gate with a script, an origin that says what reached it, and a visitor."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from multidict import CIMultiDict

from sadd.gate.original import Contradiction, original_of

LIMITED = {"RateLimit": '"results";r=4;t=9', "RateLimit-Policy": '"results";q=60;w=60'}
COOKIE = "room=7; Path=/; HttpOnly"

ROOM = "https://room.example/queue/hall?service=results&path=/waits%3Fx%3D%2522"

SCRIPT: dict[str, tuple[int, dict[str, str]]] = {
    "/citizen": (200, {**LIMITED, "X-Sadd-Subject": "citizen-7"}),
    "/greeted": (200, {**LIMITED, "Set-Cookie": COOKIE}),
    "/refused": (429, {**LIMITED, "Retry-After": "7"}),
    "/moved": (302, {"Location": "https://room.example/q?id=7&back=%2Fmoved", "Set-Cookie": COOKIE}),
    "/waits": (429, {"Retry-After": "5", "Sadd-Room": ROOM}),
    "/crawled": (503, {"Retry-After": "300", "Sadd-Room": ROOM}),
    "/entered": (302, {"Location": "/page?id=7", "Set-Cookie": COOKIE}),
    "/anonymous": (401, {"WWW-Authenticate": 'Bearer realm="portal"'}),
    "/closed": (503, {"Retry-After": "1"}),
    "/unknown": (404, {}),
    "/foreign": (403, {}),
    "/broken": (500, {}),
}
"""By the visitor's path; any other is admitted."""

SHARED = "/shared"
"""A page that the origin lets everybody cache; its visitor is whoever ``Sadd-Session`` says."""

SLOW = "/slow"
SLOW_SECONDS = 3.0


@dataclass(frozen=True)
class Told:
    """A request as a server saw it."""

    method: str
    path: str
    headers: CIMultiDict[str]
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        told = Told(self.command, self.path, CIMultiDict(self.headers.items()), self.rfile.read(length))
        status, fields, body = self.server.end.answer(told)
        self.send_response_only(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - http.server's names


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int, end: "End") -> None:
        self.end = end
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A proxy that no longer waits is what some tests are about."""


class End:
    """A server on a port of its own that may be stopped and started again; ``seen`` is what reached it."""

    def __init__(self) -> None:
        self.seen: list[Told] = []
        self.port = 0
        self._server: _Server | None = None
        self.start()

    def answer(self, told: Told) -> tuple[int, dict[str, str], bytes]:
        raise NotImplementedError

    def start(self) -> None:
        server = self._server = _Server(self.port, self)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """No connection is left, kept-alive ones neither."""
        if (server := self._server) is None:
            return
        self._server = None
        server.shutdown()
        server.server_close()
        for connection in list(server.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class ScriptedGate(End):
    """Says by ``SCRIPT`` what the platform would, in the same forms."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        super().__init__()

    def answer(self, told: Told) -> tuple[int, dict[str, str], bytes]:
        self.seen.append(told)
        try:
            rest = "/" + told.path.removeprefix("/gate/").partition("/")[2]
            path = original_of(told.headers, told.method, rest).path
        except Contradiction:
            return 400, {"X-Sadd-Subject": ""}, b""
        if path == SLOW:
            self.ended.wait(SLOW_SECONDS)
        status, fields = SCRIPT.get(path, (200, LIMITED))
        if path == SHARED:
            fields = {**fields, "X-Sadd-Subject": told.headers.get("Sadd-Session", "")}
        if status == 200 and told.headers.get("X-Accel") == "1":
            return status, {"X-Sadd-Subject": "", **fields, "X-Accel-Redirect": "@origin"}, b""
        if status in (429, 503):
            status = int(told.headers.get("X-Sadd-Refusal") or status)
        body = b"" if status == 200 else b'{"title": "the gate\'s own words"}'
        kept = {"Cache-Control": "no-store", "Content-Type": "application/problem+json"}
        return status, {"X-Sadd-Subject": "", **kept, **fields}, body


class Origin(End):
    """Answers with what reached it; ``/status/500`` with that status."""

    def answer(self, told: Told) -> tuple[int, dict[str, str], bytes]:
        self.seen.append(told)
        shown = {
            "method": told.method,
            "path": told.path,
            "headers": [[name.lower(), value] for name, value in told.headers.items()],
            "bytes": len(told.body),
            "body": told.body[:64].decode("latin-1"),
        }
        cached = "public" if told.path == SHARED else "private"
        fields = {"Content-Type": "application/json", "Cache-Control": f"{cached}, max-age=60"}
        status = int(told.path.removeprefix("/status/")) if told.path.startswith("/status/") else 200
        return status, fields, json.dumps(shown).encode()


@dataclass(frozen=True)
class Visit:
    """What a visitor got."""

    status: int
    fields: CIMultiDict[str]
    body: bytes = field(repr=False)

    @property
    def reached(self) -> dict[str, Any]:
        """What the origin says that reached it."""
        shown: dict[str, Any] = json.loads(self.body)
        return shown

    def at_origin(self, *names: str) -> list[str]:
        """The values of header fields of these names, as they reached the origin."""
        return [value for name, value in self.reached["headers"] if name in names]


def visit(
    port: int,
    path: str,
    method: str = "GET",
    headers: Sequence[tuple[str, str]] = (),
    body: bytes | None = None,
    source: str = "127.0.0.2",
) -> Visit:
    """One request on a connection of its own, from an address of the loopback that is no proxy's."""
    connection = http.client.HTTPConnection("127.0.0.1", port, 10, source_address=(source, 0))
    with contextlib.closing(connection):
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Visit(answer.status, CIMultiDict(answer.getheaders()), answer.read())


def raw(port: int, sent: bytes, source: str) -> bytes:
    """The beginning of what is answered to these bytes."""
    with socket.create_connection(("127.0.0.1", port), 10, source_address=(source, 0)) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        with contextlib.suppress(ConnectionError):
            return connection.recv(65_536)
    return b""


@contextlib.contextmanager
def ended(*ends: End) -> Iterator[None]:
    """Stop them at the end of the block."""
    try:
        yield
    finally:
        for end in ends:
            if isinstance(end, ScriptedGate):
                end.ended.set()
            end.stop()
