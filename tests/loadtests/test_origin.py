"""The origin: capacity, queue, and work for nobody."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar, web

from loadtests.origin import Ledger, Origin, Workers
from loadtests.scenario import OriginFigures
from tests.waiting import eventually

SMALL = OriginFigures(workers=2, service_ms=100, spread=0.35, static_share=0.1, overload_loss=0.2)


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    """On a real server, for aiohttp's test server cancels the work of clients that left."""
    runner = web.AppRunner(Origin(SMALL, seed=1).application(), handler_cancellation=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    cookies = CookieJar(unsafe=True)  # the usual jar keeps none of a numeric host
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}", cookie_jar=cookies) as client:
        yield client
    await runner.cleanup()


async def stats(client: ClientSession) -> dict[str, Any]:
    async with client.get("/stats") as answer:
        said = await answer.json()
    seconds = said["seconds"].values()
    return {
        **said,
        **{key: sum(row[key] for row in seconds) for key in ("arrived", "completed", "abandoned")},
    }


async def test_a_result_needs_a_sign_in(client: ClientSession) -> None:
    """Without, 401; after it, the candidate's own page and nobody else's."""
    assert (await client.get("/results/7")).status == 401

    assert (await client.post("/sign-in", data={"candidate": "7"})).status == 200
    page = await client.get("/results/7")

    assert page.status == 200
    assert "رقم الجلوس: <b>7</b>" in await page.text()
    assert (await client.get("/results/8")).status == 401


async def test_the_queue_grows_under_overload_and_all_are_served(client: ClientSession) -> None:
    """Ten at once for two workers: the rest wait in line, nobody is turned away."""
    answers = asyncio.gather(*(client.get("/announcement") for _ in range(10)))
    assert {answer.status for answer in await answers} == {200}

    said = await stats(client)
    assert said["completed"] == 10
    assert max(row["queue"] for row in said["seconds"].values()) > 0


async def test_a_client_that_left_leaves_its_work_behind(client: ClientSession) -> None:
    """The page of someone who gave up is made all the same, and counted as abandoned."""
    asked = asyncio.create_task(client.post("/sign-in", data={"candidate": "7"}))

    async def worked_on() -> bool:
        return bool((await stats(client))["in_service"] == 1)

    await eventually(worked_on)
    asked.cancel()

    async def abandoned() -> bool:
        return bool((await stats(client))["abandoned"] == 1)

    await eventually(abandoned)


async def test_capacity_is_workers_over_service_time() -> None:
    """Twenty workers of 10 ms make no more than 2,000 a second, and work side by side."""
    workers = Workers(OriginFigures(20, 10, 0.35, 0.1, 0.0), seed=1)
    loop = asyncio.get_running_loop()
    begun = loop.time()

    await asyncio.gather(*(workers.work(1.0) for _ in range(600)))

    per_second = 600 / (loop.time() - begun)
    assert 200 < per_second < 2200, "one worker alone makes 100"


def test_the_busiest_second_slides() -> None:
    """Three at the end of one second and three at the start of the next are six in a second."""
    ledger = Ledger(capacity=5)
    for at in (0.8, 0.9, 0.95, 1.05, 1.1, 1.2):
        ledger.arrive(at, queue=0)

    assert ledger.highest == 6
    assert ledger.over_capacity == 1


def test_a_second_ends_when_it_is_over() -> None:
    """An arrival exactly one second ago is no longer within the second."""
    ledger = Ledger(capacity=1)
    ledger.arrive(1.0, queue=0)
    ledger.arrive(2.0, queue=0)

    assert ledger.highest == 1
