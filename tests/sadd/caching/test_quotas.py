"""How much an agency keeps over all its namespaces: on a real store, with a clock that a test moves."""

from collections.abc import AsyncIterator

import pytest

from cache.cache import Cache
from cache.entry import Content
from cache.policy import Times
from cache.valkey import ValkeyStore
from sadd.caching.quotas import CHECK_SECONDS, LOOK_SECONDS, OverQuota, Quotas
from sadd.caching.register import Register
from sadd.caching.spaces import Spaces
from sadd.valkey.client import ValkeyClient
from tests.sadd.catalogue.scene import small
from tests.sadd.web.callers import View
from tests.stores import connected

BODY = Content(b"x" * 1_000)
LIFE = Times(60_000, 60_000)
BOUND = 5_000


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """An agency that puts entries of 1,000 bytes, by one worker or another."""

    def __init__(self, client: ValkeyClient) -> None:
        self.clock = Clock()
        self.cache = Cache(ValkeyStore(client))
        self.spaces = Spaces(View(small()))
        self.client = client
        self.quotas = self.worker()

    def worker(self, *, workers: int = 1, namespaces_max: int = 3) -> Quotas:
        register = Register(self.client, namespaces_max=namespaces_max)
        return Quotas(
            self.cache, self.spaces, register, agency_bytes_max=BOUND, workers=workers, clock=self.clock
        )

    async def put(self, key: str, namespace: str = "pages", quotas: Quotas | None = None) -> OverQuota | None:
        space = self.spaces.of("moehe", namespace)
        refused = await (quotas or self.quotas).admit(space, len(BODY.body))
        if refused is None:
            await self.cache.put(space, key, BODY, LIFE)
        return refused

    async def used(self) -> int:
        return sum(one.bytes_used for one in (await self.quotas.usages("moehe")).values())


@pytest.fixture
async def bench(valkey_url: str) -> AsyncIterator[Bench]:
    async with connected(valkey_url) as client:
        yield Bench(client)


async def test_an_agency_is_refused_at_its_bound(bench: Bench) -> None:
    """Over all its namespaces, with numbers; another agency goes on."""
    refused = [await bench.put(f"k{number}", f"n{number % 3}") for number in range(8)]
    kept = refused.index(next(one for one in refused if one))
    assert kept == 5
    last = refused[-1]
    assert last is not None
    assert (last.of, last.bound) == ("bytes", BOUND)
    assert await bench.quotas.admit(bench.spaces.of("moph", "pages"), 1_000) is None


async def test_what_was_purged_makes_room(bench: Bench) -> None:
    """Once the store was asked again."""
    for number in range(6):
        await bench.put(f"k{number}")
    assert await bench.put("more")
    await bench.cache.purge(bench.spaces.of("moehe", "pages"), keys=[f"k{number}" for number in range(6)])
    bench.clock.now += CHECK_SECONDS
    assert await bench.put("more") is None


async def test_what_other_workers_put_is_counted(bench: Bench) -> None:
    """Once a worker looks: after LOOK_SECONDS at the latest, sooner where its like could have filled it."""
    other, one_of_many = bench.worker(), bench.worker(workers=8)
    for worker in (one_of_many, bench.quotas):
        await bench.put("mine", quotas=worker)
    for number in range(4):
        await bench.put(f"k{number}", quotas=other)
    bench.clock.now += CHECK_SECONDS
    assert await bench.put("more", quotas=one_of_many)
    bench.clock.now += LOOK_SECONDS - CHECK_SECONDS
    assert await bench.put("more")


async def test_nothing_is_refused_below_the_bound(bench: Bench) -> None:
    """However many workers there may be."""
    one_of_many = bench.worker(workers=64)
    assert [await bench.put(f"k{number}", quotas=one_of_many) for number in range(4)] == [None] * 4


async def test_the_store_is_not_asked_for_each_put(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far from the bound once in a while; at it once a second."""
    asked = []
    usage = bench.cache.usage

    async def counted(space: object) -> object:
        asked.append(space)
        return await usage(space)  # type: ignore[arg-type]  # whatever it is given

    monkeypatch.setattr(bench.cache, "usage", counted)
    for number in range(4):
        await bench.put(f"k{number}")
    assert len(asked) == 1
    for _ in range(20):
        await bench.put("more")
    assert len(asked) <= 2


async def test_namespaces_are_bounded(bench: Bench) -> None:
    """A fourth is refused; one that holds nothing makes room for it."""
    for name in ("a", "b", "c"):
        assert await bench.put("k", name) is None
    refused = await bench.put("k", "d")
    assert refused is not None
    assert (refused.of, refused.bound) == ("namespaces", 3)
    await bench.cache.delete(bench.spaces.of("moehe", "b"), "k")
    assert await bench.put("k", "d") is None
    assert set(await bench.quotas.usages("moehe")) == {"a", "c", "d"}


async def test_a_namespace_that_was_struck_out_comes_back(bench: Bench) -> None:
    """By the next put of a worker that had noted it, once it has looked."""
    await bench.put("k", "a")
    await bench.cache.delete(bench.spaces.of("moehe", "a"), "k")
    await bench.quotas.register.strike("moehe", "a")
    bench.clock.now += LOOK_SECONDS
    await bench.put("k", "a")
    await bench.put("k2", "a")
    assert "a" in await bench.quotas.usages("moehe")
