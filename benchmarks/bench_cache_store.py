"""A hit in the store by the engine beside a bare GET by the same client, at one steady rate."""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable

from benchmarks.bench_cache_goals import BARE_GET, FAR
from benchmarks.drivers.turn import Reading
from benchmarks.harness import Machine, Subject
from benchmarks.peers.own_cache import BODY, KEPT, SPACE
from benchmarks.servers import Server
from cache.cache import Cache
from cache.entry import Content
from cache.valkey import ValkeyStore
from sadd.valkey.client import ValkeyClient
from sadd.valkey.topology import open_client

RATE = 2_000
"""Calls a second: half of what one process does here, so that neither side is measured queueing."""
KEYS = 1_000
TICK_SECONDS = 0.002

Ask = Callable[[int], Awaitable[object]]


async def open_far(
    server: Server, seconds: float
) -> tuple[list[Subject[Reading]], Callable[[], Awaitable[None]]]:
    """The two subjects, and how to end what they use."""
    client = await open_client(server.url, deadline_ms=5_000, max_in_flight=20_000)
    cache = Cache(ValkeyStore(client))
    for number in range(KEYS):
        await cache.put(SPACE, f"far-{number}", Content(BODY), KEPT)
        await client.command(b"SET", _bare(number), BODY, key=_bare(number))

    async def close() -> None:
        await cache.aclose()
        await client.aclose()

    async def far(number: int) -> object:
        return await cache.get(SPACE, f"far-{number}")

    return [_subject(FAR, far, server, seconds), _subject(BARE_GET, _getting(client), server, seconds)], close


def _bare(number: int) -> bytes:
    return b"bare:%d" % number


def _getting(client: ValkeyClient) -> Ask:
    async def get(number: int) -> object:
        return await client.command(b"GET", _bare(number), key=_bare(number))

    return get


def _subject(name: str, ask: Ask, server: Server, seconds: float) -> Subject[Reading]:
    async def turn() -> Reading:
        machine, cpu, store = Machine(), time.process_time(), server.cpu_seconds()
        taken = await _paced(ask, seconds)
        spent, stored = time.process_time() - cpu, server.cpu_seconds() - store
        others = machine.others(spent + stored)
        ordered = sorted(taken)
        return Reading(
            rate=len(taken) / seconds,
            client_us=spent * 1e6 / len(taken),
            server_us=stored * 1e6 / len(taken),
            others=others,
            cpu_us={"generator": spent * 1e6 / len(taken), "store": stored * 1e6 / len(taken)},
            p50_ms=statistics.median(taken) * 1e3,
            p99_ms=ordered[int(0.99 * len(ordered))] * 1e3,
        )

    return Subject(name, turn)


async def _paced(ask: Ask, seconds: float) -> list[float]:
    """Seconds that each call took, counted from when it was sent."""
    chance, taken = random.Random(7), list[float]()

    async def one(number: int) -> None:
        at = time.perf_counter()
        await ask(number)
        taken.append(time.perf_counter() - at)

    begun, sent = time.perf_counter(), 0
    async with asyncio.TaskGroup() as calls:
        while (passed := time.perf_counter() - begun) < seconds:
            due = int(passed * RATE)
            for _ in range(due - sent):
                calls.create_task(one(chance.randrange(KEYS)))
            sent = max(sent, due)
            await asyncio.sleep(TICK_SECONDS)
    return taken
