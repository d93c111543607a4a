"""The portal's door to the origin."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from loadtests.door import Door
from loadtests.origin import Origin
from loadtests.scenario import OriginFigures

QUICK = OriginFigures(workers=50, service_ms=20, spread=0.1, static_share=1.0, overload_loss=0.0)


@pytest.fixture
async def origin() -> AsyncIterator[tuple[Origin, str]]:
    """Served, with its URL."""
    served = Origin(QUICK, seed=1)
    runner = web.AppRunner(served.application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield served, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def rush(door: Door, count: int) -> int:
    """``count`` at once; the most that were inside together."""
    inside, most = 0, 0

    async def one() -> None:
        nonlocal inside, most
        async with door.through("GET", "/announcement") as answer:
            inside += 1
            most = max(most, inside)
            await answer.read()
            inside -= 1

    await asyncio.gather(*(one() for _ in range(count)))
    await door.aclose()
    return most


async def test_the_door_is_narrow_in_time(origin: tuple[Origin, str]) -> None:
    """However many stand outside, the origin sees no more than the stated rate, spread over the second."""
    (served, url), loop = origin, asyncio.get_running_loop()
    begun = loop.time()

    await rush(Door(url, width=50, per_second=100), 60)

    assert loop.time() - begun >= 59 / 100
    assert sum(second.arrived for second in served.ledger.seconds.values()) == 60


async def test_the_door_is_narrow_in_width(origin: tuple[Origin, str]) -> None:
    """Never more inside than the origin has workers for."""
    _, url = origin
    most = await rush(Door(url, width=3, per_second=1000), 30)

    assert most <= 3
