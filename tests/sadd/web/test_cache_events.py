"""The stream of what ends in a namespace, by which clients keep entries in their own memory."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp
import pytest

from sadd.web import cache_events
from tests.sadd.web.cache_scene import BOUND_SECONDS, SMALL, Scene, cache_scene
from tests.sadd.web.callers import MOEHE, READER
from tests.waiting import eventually

PATH = "/v1/cache/pages/events"
SPACE = "moehe:pages"


@pytest.fixture
async def scene(valkey_url: str) -> AsyncIterator[Scene]:
    async with cache_scene(valkey_url, events_max=2) as scene:
        scene.proof.proven_until = float("-inf")
        yield scene


class Stream:
    """Reads events one by one."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self) -> tuple[str, dict[str, Any]]:
        """Name and data of the next event; comments are passed over."""
        name = ""
        async with asyncio.timeout(30):
            while True:
                line = (await self._answer.content.readline()).decode().strip()
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    return name, json.loads(line.removeprefix("data: "))
                elif not line and self._answer.content.at_eof():
                    return "end", {}


@asynccontextmanager
async def listening(scene: Scene, path: str = PATH) -> AsyncIterator[Stream]:
    async with scene.server.client.get(path, headers=READER) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        yield Stream(answer)


async def test_it_begins_with_the_workers_clock(scene: Scene) -> None:
    """Read after the request had come, so that a client is never too sure."""
    before = time.monotonic() * 1_000
    async with listening(scene) as stream:
        name, data = await stream.next()
    assert name == "hello"
    assert before <= data["now_ms"] <= time.monotonic() * 1_000 + 1


async def test_what_ends_is_told_before_it_is_proven(scene: Scene) -> None:
    """Of this namespace and no other, in order; then what that proves."""
    async with listening(scene) as stream:
        await stream.next()
        scene.hear(f"k 1 1 {SPACE} a")
        scene.hear("k 1 1 moph:pages foreign")
        scene.hear(f"t 2 2 {SPACE} results")
        scene.hear(f"n 3 3 {SPACE} ")
        scene.proof.proven_until = 1_000.0
        told = [await stream.next() for _ in range(4)]
    assert told == [
        ("bump", {"kind": "key", "name": "a"}),
        ("bump", {"kind": "tag", "name": "results"}),
        ("bump", {"kind": "namespace", "name": ""}),
        ("alive", {"proven_ms": int((1_000 - BOUND_SECONDS) * 1_000)}),
    ]


async def test_nothing_is_proven_twice(scene: Scene) -> None:
    """A proof is told once: what comes after it is not covered by it."""
    async with listening(scene) as stream:
        await stream.next()
        scene.proof.proven_until = 1_000.0
        assert (await stream.next())[0] == "alive"
        scene.hear(f"k 1 1 {SPACE} a")
        assert (await stream.next())[0] == "bump"
        scene.proof.proven_until = 1_000.5
        assert await stream.next() == ("alive", {"proven_ms": 1_000_400})


async def test_a_loss_is_told(scene: Scene) -> None:
    """The client forgets all."""
    async with listening(scene) as stream:
        await stream.next()
        scene.hub.lost()
        assert await stream.next() == ("gap", {})


async def test_streams_are_bounded(scene: Scene) -> None:
    """A third is 503 too-many-streams; one that ended makes room."""
    third = scene.server.client.get(PATH, headers=READER)
    async with listening(scene), listening(scene), third as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")

    numbers = count(1)

    async def again() -> bool:
        scene.hear(f"k {next(numbers)} 1 {SPACE} a")  # something is written, and so found that nobody reads
        async with scene.server.client.get(PATH, headers=READER) as answer:
            return answer.status == 200

    assert await eventually(again, 30)


async def test_who_is_too_slow_starts_anew(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """More waits than may: the stream ends, and the client forgets all by that."""
    monkeypatch.setattr(cache_events, "WAITING_MAX", 3)
    async with listening(scene) as stream:
        await stream.next()
        for number in range(1, 9):
            scene.hear(f"k {number} 1 {SPACE} k{number}")
        told = [await stream.next() for _ in range(4)]
    assert [name for name, _ in told] == ["bump", "bump", "bump", "end"]


async def test_a_stream_needs_a_reader(scene: Scene) -> None:
    """401 without a key, 422 for a name that is none."""
    async with scene.server.client.get(PATH) as answer:
        assert answer.status == 401
    async with scene.server.client.get("/v1/cache/Pages/events", headers=MOEHE) as answer:
        assert answer.status == 422


async def test_what_the_proxy_keeps_may_be_watched(scene: Scene) -> None:
    """By its agency."""
    async with listening(scene, f"/v1/cache/shield-{SMALL}/events") as stream:
        assert (await stream.next())[0] == "hello"
