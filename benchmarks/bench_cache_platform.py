"""The cache over HTTP: hits on the lane, and how soon every worker knows what was invalidated."""

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.bench_cache_goals import LANE_HIT
from benchmarks.bench_ratelimit_goals import LANE_BARE
from benchmarks.bench_ratelimit_platform import (
    AGENCY,
    SHUT,
    Platform,
    check,
    command,
    open_fast,
    open_platform,
)
from benchmarks.drivers.asked import Http
from benchmarks.drivers.probe import probe
from benchmarks.drivers.turn import Reading, read, saturate
from benchmarks.harness import Subject
from benchmarks.peers.contender import Contender
from benchmarks.peers.others import Place
from benchmarks.servers import Server

BODY = b"x" * 1024
PATH = "/v1/cache/bench-pages/hit"
EVENTS = "/v1/cache/bench-pages/events"
WORKERS, STREAMS = 4, 24
"""Connections fall to workers by chance: that none of four is missed by 24 has a chance of 0.996."""
PAUSE_SECONDS = 0.05
HEARD_SECONDS = 10.0


def open_cached(stack: ExitStack, folder: Path, server: Server, seconds: float) -> Iterator[Subject[Reading]]:
    """A hit of 1 KiB in a worker's memory, and the lane's answer that costs nothing."""
    place = Place(stack, folder, folder / "peers", server.port)
    fast = open_fast(place, server.url)
    key = cache_key(fast)
    put(fast.port, key, PATH)
    hit = _get(PATH, key)
    yield _subject(probe(Contender(LANE_HIT, fast.port, hit, fast.roles, needs_store=False)), seconds)
    bare = check(fast.key, SHUT, allowed=False)
    yield _subject(probe(Contender(LANE_BARE, fast.port, bare, fast.roles, needs_store=False)), seconds)


def invalidations(folder: Path, server: Server, count: int) -> list[float]:
    """Milliseconds from the answer to a delete until each stream was told; all workers are asked hard."""
    with ExitStack() as stack:
        platform = open_platform(stack, folder, server.url, {"SERVER_WORKERS": str(WORKERS)})
        key = cache_key(platform)
        put(platform.port, key, PATH)
        asked = probe(Contender(LANE_HIT, platform.port, _get(PATH, key), platform.roles))
        ended = threading.Event()
        loading = threading.Thread(target=_load, args=(asked, ended), daemon=True)
        loading.start()
        try:
            return asyncio.run(_heard(platform.port, key, count))
        finally:
            ended.set()
            loading.join()


def cache_key(platform: Platform) -> str:
    words = f"keys create --agency {AGENCY} --scope cache:read cache:write --json".split()
    return str(json.loads(command(platform, *words))["key"])


def put(port: int, key: str, path: str, method: str = "PUT", body: bytes | None = BODY) -> None:
    """Raises ValueError with the answer when it is not 204."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    fields = {"Authorization": f"Bearer {key}", "Cache-Control": "max-age=3600"}
    try:
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status != 204:
        raise ValueError(f"{method} {path}: {answer.status} {said[:200]!r}")


def _get(path: str, key: str) -> Http:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n"
    return Http(head.encode(), good=BODY)


def _subject(contender: Contender, seconds: float) -> Subject[Reading]:
    async def turn() -> Reading:
        return read(partial(saturate, contender, seconds), contender.roles, 1)

    return Subject(contender.name, turn)


def _load(contender: Contender, ended: threading.Event) -> None:
    while not ended.is_set():
        saturate(replace(contender, lines=64), 2)


@dataclass(slots=True)
class _Stream:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    """Held for the connection's sake: it closes with its writer."""
    told: dict[str, float]

    async def follow(self) -> None:
        async for line in self.reader:
            if line.startswith(b"data:") and b'"key"' in line:
                said = json.loads(line[5:])
                self.told.setdefault(str(said["name"]), time.perf_counter())


async def _heard(port: int, key: str, count: int) -> list[float]:
    streams = [await _open(port, key) for _ in range(STREAMS)]
    following = [asyncio.create_task(one.follow()) for one in streams]
    answered: dict[str, float] = {}
    try:
        for number in range(count):
            name = f"gone-{number}"
            await asyncio.to_thread(put, port, key, f"/v1/cache/bench-pages/{name}", "DELETE", None)
            answered[name] = time.perf_counter()
            await asyncio.sleep(PAUSE_SECONDS)
        await _all_told(streams, f"gone-{count - 1}")
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        for one in streams:
            one.writer.close()
    never = HEARD_SECONDS * 1e3
    return [
        max(0.0, one.told[name] - at) * 1e3 if name in one.told else never
        for one in streams
        for name, at in answered.items()
    ]


async def _all_told(streams: list[_Stream], last: str) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(HEARD_SECONDS):
            while not all(last in one.told for one in streams):  # noqa: ASYNC110  # each tells by itself
                await asyncio.sleep(0.01)


async def _open(port: int, key: str) -> _Stream:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET {EVENTS} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n"
    writer.write(head.encode())
    said = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in said[:16]:
        raise ValueError(f"{EVENTS}: {said[:80]!r}")
    return _Stream(reader, writer, {})
