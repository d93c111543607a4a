"""A get on the fast lane: the same answer as by aiohttp, and a hit in memory without asking the store."""

import re
from collections.abc import AsyncIterator

import pytest

from tests.sadd.web.cache_scene import Scene, cache_scene
from tests.sadd.web.callers import MOEHE
from tests.waiting import eventually

KEY = MOEHE["Authorization"].encode()
END = b"GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
CHANGING = re.compile(rb"(X-Request-Id|Date|Age|Cache-Status|\"request_id\"):[^\r\n}]*", re.IGNORECASE)


@pytest.fixture(params=[0, 1_000_000], ids=["store", "memory"])
async def scene(valkey_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with cache_scene(valkey_url, near_bytes=request.param) as scene:
        yield scene


@pytest.fixture
async def slow_scene(valkey_url: str) -> AsyncIterator[Scene]:
    """By aiohttp alone, on the same store."""
    async with cache_scene(valkey_url, fast_lane=False) as scene:
        yield scene


async def put(scene: Scene, path: str, body: bytes = b"<p>", **fields: str) -> None:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    headers = {**MOEHE, "Content-Type": "text/html; charset=utf-8", **named}
    async with scene.server.client.put(path, data=body, headers=headers) as answer:
        assert answer.status == 204


async def exchange(scene: Scene, path: str, *fields: bytes) -> list[bytes]:
    """The answer's lines and its body, sorted, without what changes from one to the next."""
    head = (b"GET %b HTTP/1.1" % path.encode(), b"Host: x", b"Authorization: " + KEY, *fields)
    got = await scene.server.exchange(b"\r\n".join(head) + b"\r\n\r\n" + END, 30)
    first, *_ = re.split(rb"(?<!^)(?=HTTP/1\.1 )", got)
    return sorted(CHANGING.sub(rb"\1", first).split(b"\r\n"))


async def test_it_answers_as_aiohttp_does(scene: Scene, slow_scene: Scene) -> None:
    """The same status, fields and body, for every character of a key and for what is no entry."""
    kept = ["a", "results/ar", "user:1,x=2+3!$*()';v", "~a/-_.@", "events/a", "a/explain"]
    for key in kept:
        await put(scene, f"/v1/cache/pages/{key}", Surrogate_Key="a b")
    others = [
        "/v1/cache/pages/none",
        "/v1/cache/shield-x/a",
        "/v1/cache/Pages/a",
        "/v1/cache/pages/" + "k" * 257,
    ]
    for path in (*(f"/v1/cache/pages/{key}" for key in kept), *others):
        lent = scene.server.connections.stats().lent
        assert await exchange(scene, path) == await exchange(slow_scene, path), path
        assert scene.server.connections.stats().lent == lent + 1, path  # the end


async def test_an_odd_path_is_aiohttps(scene: Scene, slow_scene: Scene) -> None:
    """What could be read in two ways the lane leaves alone."""
    for key in ("a", "b"):
        await put(scene, f"/v1/cache/pages/{key}")
    for odd in ("a/../b", "a//b", "./a", "%61", "a?x=1", "events?x=1"):
        lent, path = scene.server.connections.stats().lent, f"/v1/cache/pages/{odd}"
        assert await exchange(scene, path) == await exchange(slow_scene, path), path
        assert scene.server.connections.stats().lent > lent + 1, path


async def test_a_hit_in_memory_asks_nobody(valkey_url: str) -> None:
    """And no-cache asks the store all the same."""
    async with cache_scene(valkey_url, near_bytes=1_000_000) as scene:
        await put(scene, "/v1/cache/pages/a")
        for _ in range(5):
            assert b"HTTP/1.1 200 OK" in await exchange(scene, "/v1/cache/pages/a")
        assert scene.engine.stats().near_hits == 5
        assert b"HTTP/1.1 200 OK" in await exchange(scene, "/v1/cache/pages/a", b"Cache-Control: no-cache")
        assert scene.engine.stats().near_hits == 5
        assert scene.engine.stats().hits == 6


async def test_memory_that_is_not_proven_is_silent(valkey_url: str) -> None:
    """The store answers, and with it what another worker put."""
    async with cache_scene(valkey_url, near_bytes=1_000_000) as scene, cache_scene(valkey_url) as other:
        await put(scene, "/v1/cache/pages/a", b"old")
        await put(other, "/v1/cache/pages/a", b"new")
        assert b"old" in (await exchange(scene, "/v1/cache/pages/a"))[-1:]
        scene.proof.proven_until = float("-inf")
        assert b"new" in (await exchange(scene, "/v1/cache/pages/a"))[-1:]


async def test_what_was_purged_is_not_answered_from_memory(valkey_url: str) -> None:
    """Once the feed has told it, at once."""
    async with cache_scene(valkey_url, near_bytes=1_000_000) as scene, cache_scene(valkey_url) as other:
        await put(scene, "/v1/cache/pages/a", b"old")
        space = other.spaces.of("moehe", "pages")
        await other.engine.delete(space, "a")
        stamp = 1 << 60
        scene.hear(f"k 1 {stamp} moehe:pages a")
        assert b"HTTP/1.1 404 Not Found" in await exchange(scene, "/v1/cache/pages/a")


async def test_an_answer_is_worded_once_a_second(valkey_url: str) -> None:
    """Age and what is left count on all the same."""
    async with cache_scene(valkey_url, near_bytes=1_000_000) as scene:
        await put(scene, "/v1/cache/pages/a", Cache_Control="max-age=600")

        async def older() -> bool:
            async with scene.server.client.get("/v1/cache/pages/a", headers=MOEHE) as answer:
                age, status = int(answer.headers["Age"]), answer.headers["Cache-Status"]
                assert int(status.rpartition("ttl=")[2]) in (599 - age, 600 - age)
                return age >= 1

        assert await eventually(older, 30)
