"""A crowd that asks for one thing at the same moment: every connection is there before the first request.

python -m benchmarks.drivers.crowd < order.json; prints a Crowd as JSON.
"""

import asyncio
import subprocess
import sys
import time
from contextlib import suppress

import msgspec
import uvloop

CONNECTING = 200
"""At once; more and a listener's queue is what is measured."""
ANSWER_SECONDS = 60.0


class Order(msgspec.Struct, frozen=True):
    port: int
    text: bytes
    count: int


class Crowd(msgspec.Struct, frozen=True):
    """``seconds`` from the first request to the last whole answer. ``failed`` are those without a 200."""

    seconds: float
    failed: int
    first_seconds: float
    """To the first answer."""


def run(port: int, text: bytes, count: int) -> Crowd:
    """In a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.drivers.crowd"],
        input=msgspec.json.encode(Order(port, text, count)),
        check=True,
        stdout=subprocess.PIPE,
    )
    return msgspec.json.decode(done.stdout, type=Crowd)


class _One(asyncio.Protocol):
    """Whole once as many bytes came as the answer's head says."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.at = 0.0
        self._came = bytearray()

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, found, body = bytes(self._came).partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self._settle(head[9:12] == b"200")

    def connection_lost(self, _: Exception | None) -> None:
        self._settle(False)

    def _settle(self, is_good: bool) -> None:
        self.at = time.perf_counter()
        if not self.answered.done():
            self.answered.set_result(is_good)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def _run(order: Order) -> Crowd:
    loop, crowd = asyncio.get_running_loop(), list[tuple[asyncio.WriteTransport, _One]]()
    while len(crowd) < order.count:
        batch = min(CONNECTING, order.count - len(crowd))
        made = await asyncio.gather(
            *(loop.create_connection(_One, "127.0.0.1", order.port) for _ in range(batch))
        )
        crowd += [(transport, one) for transport, one in made]
    begun = time.perf_counter()
    for transport, _ in crowd:
        transport.write(order.text)
    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            await asyncio.gather(*(one.answered for _, one in crowd))
    good = [one for _, one in crowd if one.answered.done() and one.answered.result()]
    for transport, _ in crowd:
        transport.abort()
    times = sorted(one.at - begun for one in good) or [ANSWER_SECONDS]
    return Crowd(times[-1], order.count - len(good), times[0])


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_run(order))))


if __name__ == "__main__":
    main()
