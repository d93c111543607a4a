"""A worker's memory answers nothing that was purged longer ago than the bound, whatever the feed suffers."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.servers import Server, free_ports
from cache.entry import Content, Entry
from cache.policy import Times
from cache.space import Space
from sadd.feed.feed import Feed
from tests.cache.scene import Worker, worker
from tests.sadd.feed.relay import relay_to
from tests.stores import connected
from tests.waiting import eventually

SPACE = Space("moe", "results")
LIVES = Times(600_000, 600_000)
BOUND_MS = 250


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One that the test may freeze and kill; it keeps what it has on disk."""
    words = ["--appendonly", "yes", "--appendfsync", "always"]
    with Server(tmp_path / "valkey", free_ports(1)[0], words) as one:
        yield one


class Watch:
    """Asks a worker's memory all the time, and notes the oldest that it answered."""

    def __init__(self, one: Worker) -> None:
        self._one = one
        self.acknowledged: list[float] = []
        """When each value was, monotonic seconds; a little later than it was in truth."""
        self.oldest_ms = 0.0
        self.answers = 0

    def look(self) -> Entry | None:
        """The time is taken before the question: what is answered is not older than it seems."""
        now = time.monotonic()
        known = self._one.cache.known(SPACE, "k")
        if known is not None:
            self.answers += 1
            value = int(known.content.body)
            if value + 1 < len(self.acknowledged):
                self.oldest_ms = max(self.oldest_ms, (now - self.acknowledged[value + 1]) * 1000)
        return known

    async def put(self, writer: Worker) -> None:
        value = len(self.acknowledged)
        await writer.cache.put(SPACE, "k", Content(str(value).encode()), LIVES)
        self.acknowledged.append(time.monotonic())
        self.look()

    async def until_silent(self) -> None:
        await eventually(lambda: self.look() is None and not self._one.cache.stats().feed_proven, 20)

    async def until_known(self) -> None:
        await eventually(self._known, 20)

    async def _known(self) -> bool:
        await self._one.cache.get(SPACE, "k")
        return self.look() is not None


async def test_a_purge_reaches_every_memory(valkey_url: str) -> None:
    """Keys, tags and namespaces: what was purged is gone from the other worker's memory too."""
    async with worker(valkey_url) as here, worker(valkey_url) as there:
        for purge in ({"keys": ["k"]}, {"tags": ["x"]}, {"everything": True}, {"tags": ["x"], "soft": True}):
            await here.cache.put(SPACE, "k", Content(b"old", tags=("x",)), LIVES)
            await there.cache.get(SPACE, "k")
            await eventually(lambda: there.cache.known(SPACE, "k") is not None)
            await here.cache.purge(SPACE, **purge)
            await eventually(lambda: there.cache.known(SPACE, "k") is None)
            assert there.cache.stats().feed_proven


async def test_a_flood_of_puts_is_followed(valkey_url: str) -> None:
    """500 values in a row: the other worker answers none that was replaced longer ago than the bound."""
    async with worker(valkey_url, bound_ms=BOUND_MS) as here, worker(valkey_url, bound_ms=BOUND_MS) as there:
        watch = Watch(there)
        for number in range(500):
            await watch.put(here)
            if number % 5 == 0:
                await there.cache.get(SPACE, "k")
            watch.look()
        await watch.until_known()
        assert watch.oldest_ms <= BOUND_MS


async def test_a_frozen_store_silences_the_memory(server: Server) -> None:
    """SIGSTOP: no answer later than the bound after it. Awake again, it answers anew."""
    async with worker(server.url, bound_ms=BOUND_MS) as one:
        watch = Watch(one)
        await watch.put(one)
        await watch.until_known()
        server.freeze()
        await eventually(lambda: ") T " in Path(f"/proc/{server.pid}/stat").read_text())
        frozen_at = time.monotonic()
        last = 0.0
        while one.cache.stats().feed_proven:
            now = time.monotonic()
            if one.cache.known(SPACE, "k") is not None:
                last = now
            await asyncio.sleep(0)
        assert last <= frozen_at + BOUND_MS / 1000
        assert watch.look() is None
        server.thaw()
        await watch.until_known()


async def test_a_half_open_feed_silences_the_memory(server: Server) -> None:
    """Its subscription delivers nothing more, and does not say so; another is made and all is forgotten."""
    async with (
        relay_to(server.port) as relay,
        worker(server.url) as here,
        worker(relay.url, bound_ms=BOUND_MS) as there,
    ):
        watch = Watch(there)
        await watch.put(here)
        await watch.until_known()
        relay.held = True
        for _ in range(20):
            await watch.put(here)
        await watch.until_silent()
        assert watch.oldest_ms <= BOUND_MS
        await eventually(lambda: relay.opened == 2, 20)
        await there.proven()
        assert watch.look() is None
        await watch.until_known()
        assert watch.oldest_ms <= BOUND_MS


async def test_a_killed_feed_empties_the_memory(server: Server) -> None:
    """Its subscription is cut: the memory is empty at once, and fills again when another is there."""
    async with (
        relay_to(server.port) as relay,
        worker(server.url) as here,
        worker(relay.url, bound_ms=BOUND_MS) as there,
    ):
        watch = Watch(there)
        await watch.put(here)
        await watch.until_known()
        losses = there.cache.stats().feed_losses
        relay.cut()
        await eventually(lambda: there.cache.stats().feed_losses > losses)
        assert there.cache.stats().near_entries == 0
        await watch.put(here)
        await watch.until_known()
        assert watch.oldest_ms <= BOUND_MS


async def test_a_store_that_came_back_is_not_believed(server: Server) -> None:
    """Restarted with its files: it may have lost a purge, so what it held is gone and can be put anew."""
    async with worker(server.url) as one:
        await one.cache.put(SPACE, "k", Content(b"0"), LIVES)
        server.kill()
        server.start()
        await eventually(lambda: _verdict(one, "namespace-purged"), 20)
        await one.cache.put(SPACE, "k", Content(b"1"), LIVES)
        assert await _verdict(one, "fresh")


async def _verdict(one: Worker, verdict: str) -> bool:
    return (await one.cache.explain(SPACE, "k")).verdict == verdict


async def test_a_gap_empties_the_memory(valkey_url: str) -> None:
    """A notice whose number does not follow on the last: something was missed."""
    async with worker(valkey_url) as one:
        await one.cache.put(SPACE, "k", Content(b"0"), LIVES)
        await eventually(lambda: one.cache.known(SPACE, "k") is not None)
        await one.client.command("PUBLISH", b"cache:feed", b"t 900 1 moe:results x")
        await eventually(lambda: one.cache.stats().feed_gaps == 1)
        assert one.cache.known(SPACE, "k") is None


async def test_what_is_no_notice_harms_nobody(valkey_url: str) -> None:
    """Anybody who may publish may publish rubbish; what comes after it is heard."""
    async with worker(valkey_url) as one:
        for rubbish in (b"", b"x", b"k 1 2", b"\xff\xfe 1 1 a b", b"k x y moe:results k"):
            await one.client.command("PUBLISH", b"cache:feed", rubbish)
        await one.cache.put(SPACE, "k", Content(b"0"), LIVES)
        await eventually(lambda: one.cache.stats().notices >= 1)
        assert one.feed.stats().connections == 1


@pytest.mark.parametrize("bound_ms", [0, -1, 1_001])
async def test_a_bound_that_is_none_is_refused(valkey_url: str, bound_ms: int) -> None:
    """A bound is a time that a canary can keep."""
    async with connected(valkey_url) as client:
        with pytest.raises(ValueError, match="a proof lasts"):
            Feed(client, bound_ms=bound_ms)
