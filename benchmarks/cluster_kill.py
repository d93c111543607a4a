"""A cluster of 3 + 3 under load loses a primary by kill -9: what callers see, and how long it takes."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks.servers import ClusterNodes, cluster
from sadd.valkey.client import ValkeyClient
from sadd.valkey.script import Script
from sadd.valkey.topology import open_client

WORKERS = 64
KEYS_A_WORKER = 40
BEFORE_SECONDS, AFTER_SECONDS = 1.0, 1.0
WHOLE_SECONDS_MAX = 15.0
INCR = Script("incr", b"return redis.call('INCR', KEYS[1])")


@dataclass(frozen=True, slots=True)
class Kill:
    """``extra`` increments ran twice: sent again after the connection broke, which repeat_safe allows."""

    errors: int
    lost: int
    extra: int
    acknowledged: int
    whole_seconds: float
    slowest_seconds: float


class _Crowd:
    """Workers that count up, and what they saw."""

    def __init__(self, client: ValkeyClient) -> None:
        self.client = client
        self.acknowledged: Counter[bytes] = Counter()
        self.errors = 0
        self.slowest_seconds = 0.0
        self.stopped = False

    async def work(self, number: int) -> None:
        turn = 0
        while not self.stopped:
            turn += 1
            key = b"count:%d:%d" % (number, turn % KEYS_A_WORKER)
            began = time.perf_counter()
            try:
                await self.client.run(INCR, (key,), (), repeat_safe=True)
                self.acknowledged[key] += 1
            except (ConnectionError, TimeoutError):
                self.errors += 1
                await asyncio.sleep(0.001)
            self.slowest_seconds = max(self.slowest_seconds, time.perf_counter() - began)


def kill_a_primary(folder: Path) -> Kill:
    """Starts the cluster, kills the first primary under load and counts."""
    with cluster(folder) as nodes:
        return uvloop.run(_kill(nodes))


async def _kill(nodes: ClusterNodes) -> Kill:
    client = await open_client(nodes.url, deadline_ms=250, max_in_flight=20_000)
    crowd = _Crowd(client)
    workers = [asyncio.create_task(crowd.work(number)) for number in range(WORKERS)]
    try:
        await asyncio.sleep(BEFORE_SECONDS)
        nodes.servers[0].kill()
        whole_seconds = await _until_whole(client)
        await asyncio.sleep(AFTER_SECONDS)
        crowd.stopped = True
        await asyncio.gather(*workers)
        lost, extra = await _differences(crowd)
        total = crowd.acknowledged.total()
        return Kill(crowd.errors, lost, extra, total, whole_seconds, crowd.slowest_seconds)
    finally:
        crowd.stopped = True
        await client.aclose()


async def _until_whole(client: ValkeyClient) -> float:
    """Seconds until no call waits and every lane is connected."""
    began = time.perf_counter()
    await _until(lambda: client.stats().waiting > 0)
    await _until(lambda: client.stats().waiting == 0 and client.stats().breaker == "closed")
    return time.perf_counter() - began


async def _until(condition: Callable[[], bool]) -> None:
    until = time.perf_counter() + WHOLE_SECONDS_MAX
    # Statistics are values: nothing announces that they changed.
    while not condition() and time.perf_counter() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.005)


async def _differences(crowd: _Crowd) -> tuple[int, int]:
    """(acknowledged and not there, there and not acknowledged)."""
    lost = extra = 0
    for key, count in crowd.acknowledged.items():
        reply = await crowd.client.command("GET", key, key=key)
        held = int(reply) if isinstance(reply, bytes) else 0
        lost += max(0, count - held)
        extra += max(0, held - count)
    return lost, extra
