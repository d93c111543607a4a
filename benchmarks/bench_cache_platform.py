"""The cache over HTTP: hits on the lane, and how soon every worker knows what was invalidated."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

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
from benchmarks.drivers.hearing import hear
from benchmarks.drivers.probe import probe
from benchmarks.drivers.turn import Reading, read, saturate
from benchmarks.harness import Subject
from benchmarks.peers.contender import Contender
from benchmarks.peers.others import Place
from benchmarks.servers import Server

BODY = b"x" * 1024
PATH = "/v1/cache/bench-pages/hit"
EVENTS = "/v1/cache/bench-pages/events"
WORKERS = 4


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

        def end(number: int) -> str:
            put(platform.port, key, f"/v1/cache/bench-pages/gone-{number}", "DELETE", None)
            return f"gone-{number}"

        with asked_hard(probe(Contender(LANE_HIT, platform.port, _get(PATH, key), platform.roles))):
            return asyncio.run(hear(platform.port, get(EVENTS, key), end, _name, count))


def _name(said: dict[str, Any]) -> str:
    return str(said["name"]) if said.get("kind") == "key" else ""


@contextmanager
def asked_hard(contender: Contender) -> Iterator[None]:
    """Meanwhile a closed loop keeps all its workers busy."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            saturate(replace(contender, lines=64), 2)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()


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


def get(path: str, key: str, fields: str = "") -> bytes:
    """A request. ``fields`` are more of them, each with its line's end."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n{fields}\r\n".encode()


def _get(path: str, key: str) -> Http:
    return Http(get(path, key), good=BODY)


def _subject(contender: Contender, seconds: float) -> Subject[Reading]:
    async def turn() -> Reading:
        return read(partial(saturate, contender, seconds), contender.roles, 1)

    return Subject(contender.name, turn)
