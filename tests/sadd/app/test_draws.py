"""Draws go on when nobody asks: people gather, the list is frozen at the start, a due round is fetched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
import pytest
from aiohttp import web

from queueing.activation import Scheduled
from queueing.draw.draws import Draws
from queueing.draw.postgres import PostgresDraws
from queueing.policy import Room
from sadd.app.draws import REFUSED, DrawKeeper
from sadd.catalogue.model import Name
from sadd.postgres.pool import AWAY, open_pool
from sadd.rooms.spec import RoomSpec
from tests.queueing.draw.chain import OURS, signature
from tests.queueing.draw.scene import ROOM, Scene
from tests.waiting import eventually

NAME = Name(ar="نتائج", en="Results")


@dataclass
class Specs:
    current: dict[str, RoomSpec] = field(default_factory=dict)

    def set(self, activation: Scheduled, method: str = "lottery") -> None:
        room = Room(ROOM, 600, 100, 60_000, 60_000, method=method)  # type: ignore[arg-type]  # one of them
        self.current[ROOM] = RoomSpec(room, NAME, "moehe", (ROOM,), activation)


@dataclass
class Relay:
    """What stands where a relay of drand would."""

    url: str = ""
    says: str = ""
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.Response(body=self.says or msgspec.json.encode(self._round(request)))

    def _round(self, request: web.Request) -> dict[str, object]:
        number = int(request.path.rpartition("/")[2])
        return {"round": number, "randomness": "not looked at", "signature": signature(number).hex()}


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    relay = Relay()
    app = web.Application()
    app.router.add_get("/{any:.*}", relay.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    relay.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield relay
    await runner.cleanup()


@pytest.fixture
async def scene(migrated_database_url: str) -> AsyncIterator[Scene]:
    pool = await open_pool(migrated_database_url, pool_max=4, deadline_seconds=10)
    draws = Draws(PostgresDraws(pool, AWAY, REFUSED, OURS), chain=OURS)
    await draws.refresh()
    yield Scene(pool, draws)
    await pool.close()


@asynccontextmanager
async def keeping(scene: Scene, specs: Specs, url: str = "") -> AsyncIterator[None]:
    task = asyncio.create_task(DrawKeeper(scene.draws, specs, url).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_room_gathers_from_the_announced_moment_and_is_frozen_at_its_start(scene: Scene) -> None:
    """A room gathers from the announced moment and is frozen at its start."""
    specs, now_ms = Specs(), scene.draws.now_ms()
    specs.set(Scheduled(now_ms + 2_000, gathers_at_ms=now_ms + 300))
    async with keeping(scene, specs):
        assert not scene.draws.takes(ROOM)
        await eventually(lambda: scene.draws.gathers(ROOM))
        await scene.enter(3)
        await eventually(lambda: not scene.draws.takes(ROOM))

    draw = scene.draws.of(ROOM)
    assert draw is not None
    assert draw.count == 3
    assert draw.closes_at_ms == now_ms + 2_000
    assert 25_000 <= draw.beacon.at_ms - draw.closes_at_ms <= 34_000
    assert await scene.pool.fetchval("SELECT count(*) FROM queue_draw") == 1


async def test_a_start_that_is_moved_moves_the_draw(scene: Scene) -> None:
    """A start that is moved moves the draw."""
    specs, now_ms = Specs(), scene.draws.now_ms()
    specs.set(Scheduled(now_ms + 60_000, gathers_at_ms=now_ms - 1))
    async with keeping(scene, specs):
        await eventually(lambda: scene.draws.gathers(ROOM))
        await scene.enter(1)
        specs.set(Scheduled(now_ms + 90_000, gathers_at_ms=now_ms - 1))
        await eventually(lambda: (known := scene.draws.of(ROOM)) and known.closes_at_ms == now_ms + 90_000)

    assert await scene.pool.fetchval("SELECT max(serial) FROM queue_draw") == 1


async def test_other_rooms_have_no_draws(scene: Scene) -> None:
    """Other rooms have no draws."""
    specs, now_ms = Specs(), scene.draws.now_ms()
    keeper = DrawKeeper(scene.draws, specs)
    for activation, method in (
        (Scheduled(now_ms + 9_000, gathers_at_ms=now_ms - 1), "fifo"),
        (Scheduled(now_ms + 9_000), "lottery"),
        (Scheduled(now_ms - 1, gathers_at_ms=now_ms - 9), "lottery"),
        (Scheduled(now_ms + 9_000, gathers_at_ms=now_ms + 5_000), "lottery"),
    ):
        specs.set(activation, method)
        assert keeper._due(specs.current[ROOM], now_ms) is None


async def _due(scene: Scene) -> None:
    """A frozen draw whose beacon is due in a moment."""
    await scene.frozen(4)
    await scene.unguarded("UPDATE queue_draw SET beacon_at = clock_timestamp() + interval '50 ms'")
    await scene.draws.refresh()


async def test_the_round_is_fetched_from_the_relay_when_it_is_due(scene: Scene, relay: Relay) -> None:
    """The round is fetched from the relay when it is due."""
    await _due(scene)
    async with keeping(scene, Specs(), relay.url):
        await eventually(lambda: not scene.draws.pending(ROOM))

    draw = scene.draws.of(ROOM)
    assert draw is not None
    assert relay.asked[0] == f"/{OURS.id}/public/{draw.beacon.round}"
    assert draw.beacon.signature == signature(draw.beacon.round).hex()


@pytest.mark.parametrize("says", ['{"signature": "' + "00" * 48 + '"}', "<html>"])
async def test_a_relay_that_lies_draws_nothing(scene: Scene, relay: Relay, says: str) -> None:
    """A relay that lies draws nothing."""
    await _due(scene)
    relay.says = says
    async with keeping(scene, Specs(), relay.url):
        await eventually(lambda: len(relay.asked) >= 2)
        assert scene.draws.pending(ROOM)
        relay.says = ""
        await eventually(lambda: not scene.draws.pending(ROOM))
