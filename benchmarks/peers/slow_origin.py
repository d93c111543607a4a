"""An origin that answers when it is told to, and counts: what proxies stand in front of.

python -m benchmarks.peers.slow_origin PORT

``/page/MS/NAME`` is 1 KiB that may be kept for ten minutes, ``/private/MS/NAME`` the same for one person
alone; both after MS milliseconds. ``/count`` is how many of them were asked for, ``/most`` how many at once.
"""

import asyncio
import sys
from typing import cast

import uvloop

BODY = b"x" * 1024
KEPT, PRIVATE = b"public, max-age=600", b"private"


class Counted:
    calls = within = most = 0


class Line(asyncio.Protocol):
    """One connection; requests one after the other, none with a body."""

    _transport: asyncio.Transport

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, and no subclass

    def data_received(self, data: bytes) -> None:
        self._came += data
        while b"\r\n\r\n" in self._came:
            head, _, self._came = self._came.partition(b"\r\n\r\n")
            self._asked(head.split(b" ", 2)[1].split(b"/")[1:])

    def _asked(self, words: list[bytes]) -> None:
        counted = self._counted
        match words:
            case [b"count"]:
                self._say(b"%d" % counted.calls, b"no-store")
            case [b"most"]:
                self._say(b"%d" % counted.most, b"no-store")
            case [kind, milliseconds, *_]:
                counted.calls += 1
                counted.within += 1
                counted.most = max(counted.most, counted.within)
                rule = PRIVATE if kind == b"private" else KEPT
                asyncio.get_running_loop().call_later(int(milliseconds) / 1000, self._answer, rule)
            case _:
                self._say(b"well", b"no-store")

    def _answer(self, rule: bytes) -> None:
        self._counted.within -= 1
        self._say(BODY, rule)

    def _say(self, body: bytes, rule: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nCache-Control: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (rule, len(body), body)
        )


async def serve(port: int) -> None:
    counted = Counted()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Line(counted), "127.0.0.1", port, backlog=10_000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
