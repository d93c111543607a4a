"""Our own driver, for what others can't do: gRPC with a key a call, and calls at a steady rate.

python -m benchmarks.drivers.pump < order.json; prints an Outcome as JSON. One process, one core.

With ``rate`` 0 the loop is closed: each answer sends the next call. Else calls are due evenly, whatever the
answers do, and latency counts from when a call was due, so that a stall is charged to whoever stalled. Calls
due while no line has room wait; beyond BACKLOG_SECONDS of them they are dropped and counted as failed.
"""

import asyncio
import random
import sys
import time
from collections import deque

import msgspec
import uvloop

from benchmarks.drivers.asked import Grpc, Http, fill
from benchmarks.drivers.lines import GrpcLine, HttpLine, Line
from benchmarks.drivers.outcome import Outcome

WARM_UP_SECONDS = 0.3
TICK_SECONDS = 0.001  # uvloop's timers are no finer
BACKLOG_SECONDS = 1.0
TEXTS_MAX = 100_000
SEED = 11
TEXTS_BYTES_MAX = 60_000_000


class Order(msgspec.Struct, frozen=True):
    """``text`` is a request of HTTP/1.1, or a gRPC message when ``path`` is there."""

    port: int
    text: bytes
    path: str
    good: bytes
    seconds: float
    lines: int
    streams: int
    rate: float


def order(asked: Http | Grpc, port: int, seconds: float, *, lines: int, streams: int, rate: float) -> Order:
    if isinstance(asked, Grpc):
        return Order(port, asked.message, asked.path, asked.good, seconds, lines, streams, rate)
    return Order(port, asked.plain, "", b"", seconds, lines, 1, rate)


class Pump:
    """Lines, texts, and the counts of the measured part."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._texts = _texts(order)
        self._at = 0
        self._measuring = False
        self._paced = order.rate > 0
        self._stopped = False
        self._waiting: deque[float] = deque()
        self._free: deque[Line] = deque()
        self.latencies: list[float] = []
        self.lags: list[float] = []
        self.failed = self.answers = 0

    async def run(self) -> Outcome:
        order, loop = self._order, asyncio.get_running_loop()

        def line() -> asyncio.Protocol:
            if order.path:
                return GrpcLine(self._answered, order.path, order.good, order.streams)
            return HttpLine(self._answered)

        made = [await loop.create_connection(line, "127.0.0.1", order.port) for _ in range(order.lines)]
        lines: list[Line] = [protocol for _, protocol in made]  # type: ignore[misc]  # both kinds are lines
        pacing = asyncio.create_task(self._pace(lines)) if self._paced else None
        if pacing is None:
            for one in lines:
                self._refill(one)
        await asyncio.sleep(WARM_UP_SECONDS)
        self._measuring = True
        clock, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(order.seconds)
        seconds, cpu = time.perf_counter() - clock, time.process_time() - cpu
        self._measuring, self._stopped = False, True
        if pacing is not None:
            await pacing
        for transport, _ in made:
            transport.close()
        return self._outcome(seconds, cpu)

    def _outcome(self, seconds: float, cpu: float) -> Outcome:
        latencies, lags = sorted(self.latencies), sorted(self.lags)
        if not latencies:
            return Outcome(0, seconds, cpu, self.answers, failed=self.failed)
        return Outcome(
            answers=len(latencies),
            seconds=seconds,
            cpu_seconds=cpu,
            all_answers=self.answers,
            p50_ms=_share(latencies, 0.5) * 1e3,
            p99_ms=_share(latencies, 0.99) * 1e3,
            failed=self.failed,
            lag_ms=_share(lags, 0.99) * 1e3 if lags else None,
        )

    def _answered(self, line: Line, answers: list[tuple[float, bool]]) -> None:
        now = time.perf_counter()
        self.answers += len(answers)
        if self._measuring:
            self.latencies += [now - meant for meant, _ in answers]
            self.failed += sum(not good for _, good in answers)
        if self._stopped or not line.room:
            return
        if self._paced:
            self._drain(line)
        else:
            self._refill(line)

    def _refill(self, line: Line) -> None:
        now, room = time.perf_counter(), line.room
        line.send(self._next_texts(room), [now] * room)

    def _drain(self, line: Line) -> None:
        """What waited goes first; a line with room left is free."""
        due = [self._waiting.popleft() for _ in range(min(line.room, len(self._waiting)))]
        if due:
            line.send(self._next_texts(len(due)), due)
        if line.room and not line.free:
            line.free = True
            self._free.append(line)

    def _next_texts(self, count: int) -> list[bytes]:
        at = self._at
        if at + count > len(self._texts):
            at = 0
        self._at = at + count
        return self._texts[at : at + count]

    async def _pace(self, lines: list[Line]) -> None:
        for line in lines:
            self._drain(line)
        rate, start, sent = self._order.rate, time.perf_counter(), 0
        while not self._stopped:
            now = time.perf_counter()
            due = int((now - start) * rate)
            for number in range(sent, due):
                self._due(start + number / rate, now)
            sent = due
            self._flush()
            await asyncio.sleep(TICK_SECONDS)

    def _due(self, meant: float, now: float) -> None:
        if self._measuring:
            self.lags.append(now - meant)
        if len(self._waiting) > self._order.rate * BACKLOG_SECONDS:
            self.failed += self._measuring
            return
        self._waiting.append(meant)

    def _flush(self) -> None:
        """Over all free lines evenly: one write each for its share."""
        free, waiting = self._free, self._waiting
        while free and waiting:
            count = min(-(-len(waiting) // len(free)), free[0].room)
            line = free.popleft()
            line.send(self._next_texts(count), [waiting.popleft() for _ in range(count)])
            line.free = line.room > 0
            if line.free:
                free.append(line)


def messages(asked: Grpc, count: int, seed: int = SEED) -> list[bytes]:
    """Filled, and each with gRPC's five bytes before it."""
    chance = random.Random(seed)
    texts = (fill(asked.message, chance) for _ in range(count))
    return [b"\0" + len(text).to_bytes(4, "big") + text for text in texts]


def _texts(order: Order) -> list[bytes]:
    count = min(TEXTS_MAX, TEXTS_BYTES_MAX // len(order.text))
    if order.path:
        return messages(Grpc(order.path, order.text), count)
    chance = random.Random(SEED)
    return [fill(order.text, chance) for _ in range(count)]


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(Pump(order).run())))


if __name__ == "__main__":
    main()
