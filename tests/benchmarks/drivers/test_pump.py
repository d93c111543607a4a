"""The pump against a small server of its own process."""

import asyncio

from benchmarks.drivers.asked import SLOT, post
from benchmarks.drivers.pump import Pump, order

ASKED = post("/", b'{"key":"' + SLOT + b'"}')
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server(asyncio.Protocol):
    """Answers whatever comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = transport.write  # type: ignore[attr-defined]  # it is a stream's

    def data_received(self, data: bytes) -> None:
        self._write(ANSWER)


async def test_a_steady_rate_is_kept_and_late_sending_told() -> None:
    """200 calls a second for half a second are about 100, whatever the machine does; lateness is a number."""
    listening = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    outcome = await Pump(order(ASKED, port, 0.5, lines=4, streams=1, rate=200)).run()
    listening.close()
    assert 60 <= outcome.answers <= 140
    assert outcome.all_answers > outcome.answers
    assert outcome.failed == 0
    assert outcome.lag_ms is not None
    assert outcome.p99_ms is not None


async def test_a_closed_loop_keeps_every_line_busy() -> None:
    """Far more than at the steady rate, and nothing is late by definition."""
    listening = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    outcome = await Pump(order(ASKED, port, 0.3, lines=4, streams=1, rate=0)).run()
    listening.close()
    assert outcome.answers > 200
    assert outcome.lag_ms is None
