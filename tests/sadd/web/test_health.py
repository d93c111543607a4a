"""Liveness and readiness."""

import asyncio

from structlog.testing import capture_logs

from sadd.web.health import Health, endpoints
from tests.sadd.web.served import served
from tests.waiting import eventually


class Store:
    """A probe that says what it is told to."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.hangs = False
        self.asked = 0

    async def probe(self) -> None:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure


async def test_a_worker_is_not_ready_before_its_stores_answered() -> None:
    """Ready is a statement about stores that were asked."""
    health = Health({"valkey": Store().probe})
    before = health.readiness
    await health.probe()

    assert (before.status, health.readiness.status) == ("not-ready", "ready")


async def test_readyz_says_which_store_is_away_and_recovers() -> None:
    """503 with the store's name while it is away; 200 again without a restart."""
    valkey, postgres = Store(), Store()
    health = Health({"valkey": valkey.probe, "postgres": postgres.probe}, period_seconds=0.01)
    async with served(endpoints(health)) as site, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(health.run())

        async def answer() -> tuple[int, dict[str, str]]:
            async with site.client.get("/readyz") as response:
                return response.status, (await response.json())["stores"]

        async def answers(status: int, valkey: str) -> bool:
            return await answer() == (status, {"valkey": valkey, "postgres": "ok"})

        await eventually(lambda: answers(200, "ok"))
        valkey.failure = ConnectionRefusedError("redis://:hunter2@10.0.0.1")
        await eventually(lambda: answers(503, "away: ConnectionRefusedError"))
        valkey.failure = None
        await eventually(lambda: answers(200, "ok"))
        running.cancel()


async def test_a_probe_that_hangs_is_away_in_time() -> None:
    """One slow store delays neither the others nor the answer."""
    store = Store()
    store.hangs = True
    health = Health({"valkey": store.probe}, timeout_seconds=0.05)

    await health.probe()
    assert health.readiness.stores == {"valkey": "away: no answer in time"}


async def test_readyz_asks_no_store() -> None:
    """However often it is called, the stores are asked by the period only."""
    store = Store()
    health = Health({"valkey": store.probe})
    await health.probe()
    async with served(endpoints(health)) as site:
        for _ in range(5):
            assert (await site.client.get("/readyz")).status == 200
    assert store.asked == 1


async def test_a_change_is_logged_once() -> None:
    """A store that stays away is one line, not two a second; the scrapes of /readyz are none."""
    store = Store()
    store.failure = ConnectionError()
    health = Health({"valkey": store.probe})
    with capture_logs() as lines:
        async with served(endpoints(health)) as site:
            for _ in range(3):
                await health.probe()
                await (await site.client.get("/readyz")).read()
    assert [(line["event"], line["state"]) for line in lines] == [("store", "away: ConnectionError")]


async def test_draining_is_not_ready_but_alive() -> None:
    """A draining worker wants no new work, and no restart either."""
    health = Health({})
    health.drain()
    async with served(endpoints(health)) as site:
        assert (await site.client.get("/readyz")).status == 503
        assert (await site.client.get("/livez")).status == 200
