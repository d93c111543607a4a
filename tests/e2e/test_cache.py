"""The cache on a running platform of two workers: one truth, one loader, what an operator sees and does."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from sadd.settings import Cache
from tests.e2e.platform import AGENCY, Platform
from tests.waiting import eventually

CONNECTIONS = 16
"""As many connections meet both workers: all on one would be a chance of one in thirty thousand."""
ROUNDS = 5
BOUND_SECONDS = Cache().bound_ms / 1_000


@pytest.fixture(scope="module")
def key(running: Platform) -> str:
    return running.key("cache:read", "cache:write")


@asynccontextmanager
async def sessions(running: Platform, key: str) -> AsyncIterator[list[aiohttp.ClientSession]]:
    """Each keeps one connection, so asks one worker."""
    opened = [
        aiohttp.ClientSession(
            running.url,
            connector=aiohttp.TCPConnector(limit=1),
            headers={"Authorization": f"Bearer {key}"},
            timeout=aiohttp.ClientTimeout(60),
        )
        for _ in range(CONNECTIONS)
    ]
    try:
        yield opened
    finally:
        await asyncio.gather(*(one.close() for one in opened))


async def got(session: aiohttp.ClientSession, path: str) -> tuple[float, str]:
    """When the question was put, and what the answer was."""
    asked_at = time.monotonic()
    async with session.get(path) as answer:
        return asked_at, await answer.text() if answer.status == 200 else str(answer.status)


async def test_no_worker_answers_what_is_older_than_the_bound(running: Platform, key: str) -> None:
    """Whoever asks a bound after a put or a delete was acknowledged gets what it left, wherever he asks."""
    path = "/v1/cache/e2e-coherent/page"
    async with sessions(running, key) as asking:
        for number in range(ROUNDS):
            async with asking[number].put(path, data=f"v{number}") as answer:
                assert answer.status == 204
            known_at = time.monotonic()
            late: list[str] = []
            while len(late) < 2 * CONNECTIONS:
                found = await asyncio.gather(*(got(one, path) for one in asking))
                late += [body for asked_at, body in found if asked_at > known_at + BOUND_SECONDS]
            assert set(late) == {f"v{number}"}
        async with asking[0].delete(path) as answer:
            assert answer.status == 204
        known_at = time.monotonic()
        found = await asyncio.gather(*(got(one, path) for one in asking))
        while time.monotonic() <= known_at + BOUND_SECONDS:
            found = await asyncio.gather(*(got(one, path) for one in asking))
        found = await asyncio.gather(*(got(one, path) for one in asking))
        assert {body for _, body in found} == {"404"}


async def test_a_crowd_on_both_workers_loads_once(running: Platform, key: str) -> None:
    """One gets the lease; all others get what it puts, whichever worker they ask."""
    path = "/v1/cache/e2e-crowd/page"

    async def lease(session: aiohttp.ClientSession) -> tuple[int, str]:
        async with session.post(f"{path}/lease", json={"wait_ms": 30_000, "lease_ms": 60_000}) as answer:
            if answer.status == 201:
                token = (await answer.json())["token"]
                async with session.put(path, data="loaded", headers={"Sadd-Lease": token}) as put:
                    assert put.status == 204
            return answer.status, await answer.text()

    async with sessions(running, key) as asking:
        answers = await asyncio.gather(*(lease(one) for one in asking))
    assert [status for status, _ in answers].count(201) == 1
    assert [told for status, told in answers if status == 200] == ["loaded"] * (CONNECTIONS - 1)


async def heard(answer: aiohttp.ClientResponse, wanted: str) -> dict[str, object]:
    """The data of the next such event."""
    async with asyncio.timeout(60):
        while (await answer.content.readline()).decode().strip() != f"event: {wanted}":
            pass
        told: dict[str, object] = json.loads((await answer.content.readline())[len("data: ") :])
        return told


async def test_what_ends_is_told_to_clients(running: Platform, key: str) -> None:
    """A put by any connection is a bump on the stream, and the stream is proven again and again."""
    async with sessions(running, key) as asking, asking[0].get("/v1/cache/e2e-events/events") as answer:
        began = await heard(answer, "hello")
        await heard(answer, "alive")
        async with asking[1].put("/v1/cache/e2e-events/page", data="x") as put:
            assert put.status == 204
        while (told := await heard(answer, "bump"))["kind"] != "key":
            pass  # the first put into a namespace begins it anew
        assert told == {"kind": "key", "name": "page"}
        proven = await heard(answer, "alive")
        assert int(str(proven["proven_ms"])) > int(str(began["now_ms"]))


async def test_an_operator_sees_and_ends_it(running: Platform, key: str) -> None:
    """What is kept and was answered, why a key is a hit; a purge by tag ends it on both workers."""
    path = "/v1/cache/e2e-operator/page"
    async with sessions(running, key) as asking:
        async with asking[0].put(path, data="x", headers={"Surrogate-Key": "news"}) as put:
            assert put.status == 204

        async def counted() -> bool:
            assert {body for _, body in await asyncio.gather(*(got(one, path) for one in asking))} == {"x"}
            ended = await asyncio.to_thread(running.sadd, "cache", "stats", AGENCY, "--hot", "50", "--json")
            told = json.loads(ended.stdout)
            held = [one for one in told["namespaces"] if one["namespace"] == "e2e-operator"]
            hot = [one["key"] for one in told["hot"] if one["namespace"] == f"{AGENCY}:e2e-operator"]
            return bool(held) and told["counted"]["hits"] > 0 and hot == ["page"]

        assert await eventually(counted, 60)
        explain = ("cache", "explain", f"{AGENCY}/e2e-operator/page")
        assert (await asyncio.to_thread(running.sadd, *explain)).returncode == 0
        purge = ("cache", "purge", f"{AGENCY}/e2e-operator", "--tag", "news", "--note", "a test")
        assert (await asyncio.to_thread(running.sadd, *purge)).returncode == 0
        ended = await asyncio.to_thread(running.sadd, *explain)
        assert (ended.returncode, "one of its tags was purged" in ended.stdout) == (1, True)

        async def gone() -> bool:
            return {body for _, body in await asyncio.gather(*(got(one, path) for one in asking))} == {"404"}

        assert await eventually(gone, 60)
