"""One load for all who miss: on a real store, over several workers."""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

import pytest

from cache.answers import Busy, Loaded
from cache.cache import Cache
from cache.entry import Content, Entry
from cache.policy import Times
from cache.space import Space
from cache.valkey import ValkeyStore
from tests.cache.scene import LIVES, Origin, Worker, workers
from tests.stores import StoppableValkey, connected
from tests.waiting import eventually

SPACE = Space("moe", "results", lease_ms=2_000)
QUICK = Space("moe", "results", lease_ms=200)
PATIENCE_MS = 60_000
Task: TypeAlias = "asyncio.Task[Entry | Loaded | Busy]"


def value(found: object) -> bytes:
    assert isinstance(found, Entry | Loaded)
    return found.content.body


def asking(some: Sequence[Worker], origin: Origin, times: int, key: str = "k") -> list[Task]:
    return [
        asyncio.ensure_future(one.cache.get_or_load(SPACE, key, origin.load, patience_ms=PATIENCE_MS))
        for _ in range(times)
        for one in some
    ]


async def test_a_stampede_is_one_call(valkey_url: str) -> None:
    """10,000 callers over four workers miss one key; the origin outlives its lease; it is called once."""
    origin = Origin()
    async with workers(valkey_url, 4) as some:
        callers = asking(some, origin, 2_500)
        await eventually(lambda: origin.calls == 1)
        first_end = await lease_end(some[0].cache)
        await eventually(lambda: _later(some[0].cache, first_end + SPACE.lease_ms), deadline_seconds=20)
        assert origin.calls == 1
        origin.gate.set()
        assert {value(found) for found in await asyncio.gather(*callers)} == {b"value"}
    assert origin.calls == 1


async def lease_end(cache: Cache) -> int:
    told = await cache.explain(SPACE, "k")
    return told.now_ms + told.lease_ends_in_ms


async def _later(cache: Cache, end_ms: int) -> bool:
    return await lease_end(cache) > end_ms


async def test_what_cannot_be_shared_holds_nobody_up(valkey_url: str) -> None:
    """50 callers of two workers: when the first load proves private, the 49 others load all at once."""
    origin = Origin(times=None)
    async with workers(valkey_url, 2) as some:
        callers = asking(some, origin, 25)
        await eventually(lambda: origin.calls == 1)
        origin.gate.set()
        found = await asyncio.gather(*callers)
        assert all(isinstance(one, Loaded) for one in found)
        assert origin.calls == 50

        origin.gate.clear()
        again = asking(some, origin, 10)
        await eventually(lambda: origin.calls == 70)  # all of them, though none has been answered
        origin.gate.set()
        await asyncio.gather(*again)


async def test_a_purge_under_way_is_heeded(valkey_url: str) -> None:
    """Who asked before the purge gets the old value, who asked after it the new one; the old is not kept."""
    origin = Origin(value=b"old", tags=("pages",))
    async with workers(valkey_url, 2) as (here, there):
        (before,) = asking([here], origin, 1)
        await eventually(lambda: origin.calls == 1)
        origin.value = b"new"
        await there.cache.purge(SPACE, tags=["pages"])
        (after,) = asking([here], origin, 1)
        await eventually(lambda: here.cache.stats().collapsed == 1)
        origin.gate.set()
        assert value(await before) == b"old"
        assert value(await after) == b"new"
        assert value(await there.cache.get(SPACE, "k")) == b"new"
        assert (origin.calls, here.cache.stats().superseded) == (2, 1)


async def test_the_waiters_of_another_worker_are_told(valkey_url: str) -> None:
    """A worker that waits for another's load gets what that one filled, and loads nothing."""
    origin = Origin()
    async with workers(valkey_url, 2) as (here, there):
        (first,) = asking([here], origin, 1)
        await eventually(lambda: origin.calls == 1)
        (second,) = asking([there], origin, 1)
        await eventually(lambda: there.cache.stats().waits >= 1)
        origin.gate.set()
        assert value(await first) == value(await second) == b"value"
    assert origin.calls == 1


async def test_stale_is_served_while_one_loads(valkey_url: str) -> None:
    """Softly purged: everybody is served at once, one load follows, and then what it gave."""
    origin = Origin(value=b"new")
    async with workers(valkey_url, 2) as (here, there):
        await here.cache.put(SPACE, "k", Content(b"old"), LIVES)
        await there.cache.purge(SPACE, everything=True, soft=True)
        callers = asking([here, there], origin, 20)
        assert {value(found) for found in await asyncio.gather(*callers)} == {b"old"}
        await eventually(lambda: origin.calls == 1)
        (kept,) = origin.validated
        assert kept is not None
        assert kept.content.body == b"old"
        origin.gate.set()
        await eventually(lambda: _is(here.cache, b"new"))
        assert origin.calls == 1


async def _is(cache: Cache, wanted: bytes) -> bool:
    return value(await cache.get(SPACE, "k")) == wanted


async def test_who_forbids_stale_waits(valkey_url: str) -> None:
    """Without leave for stale a caller gets what the load gives."""
    origin = Origin(value=b"new")
    origin.gate.set()
    async with workers(valkey_url, 1) as (here,):
        await here.cache.put(SPACE, "k", Content(b"old"), LIVES)
        await here.cache.purge(SPACE, keys=["k"], soft=True)
        found = await here.cache.get_or_load(SPACE, "k", origin.load, patience_ms=PATIENCE_MS, stale=False)
        assert value(found) == b"new"


async def test_patience_ends_and_the_load_goes_on(valkey_url: str) -> None:
    """A caller with little patience is told so; the load is finished for the cache."""
    origin = Origin()
    async with workers(valkey_url, 1) as (here,):
        found = await here.cache.get_or_load(SPACE, "k", origin.load, patience_ms=100)
        assert isinstance(found, Busy)
        origin.gate.set()
        await eventually(lambda: _kept(here.cache))
    assert origin.calls == 1


async def _kept(cache: Cache) -> bool:
    return isinstance(await cache.get(SPACE, "k"), Entry)


async def test_a_load_that_nobody_wants_is_ended(valkey_url: str) -> None:
    """Without ``finish`` the origin's call ends with its last caller, and the next one may load at once."""
    origin = Origin()
    async with workers(valkey_url, 1) as (here,):
        asking = [
            asyncio.ensure_future(
                here.cache.get_or_load(SPACE, "k", origin.load, patience_ms=PATIENCE_MS, finish=False)
            )
            for _ in range(2)
        ]
        await eventually(lambda: origin.calls == 1)
        asking[0].cancel()
        await eventually(asking[0].cancelled)
        assert origin.ended == 0
        asking[1].cancel()
        await eventually(lambda: origin.ended == 1)
        origin.gate.set()
        found = await here.cache.get_or_load(SPACE, "k", origin.load, patience_ms=PATIENCE_MS)
        assert value(found) == b"value"
        assert origin.calls == 2


async def test_an_origin_that_fails(valkey_url: str) -> None:
    """Its error is told to all who wait; with a spare entry they get that; the lease is given back."""
    origin = Origin(failing=True)
    origin.gate.set()
    async with workers(valkey_url, 1) as (here,):
        asked = [here.cache.get_or_load(SPACE, "k", origin.load, patience_ms=PATIENCE_MS) for _ in range(5)]
        errors = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(one) for one in errors] == [OSError] * 5
        assert len({id(one) for one in errors}) == 5, "one object for each: tracebacks grow on it"

        await here.cache.put(SPACE, "k", Content(b"old"), Times(1, 1, 600_000))
        await eventually(lambda: _worth(here.cache, "spare"))
        spared = await here.cache.get_or_load(SPACE, "k", origin.load, patience_ms=PATIENCE_MS)
        assert value(spared) == b"old"
        assert here.cache.stats().spared == 1
        origin.failing = False
        await eventually(lambda: here.cache.stats().loading == 0)
        assert (
            value(await here.cache.get_or_load(SPACE, "k", origin.load, patience_ms=PATIENCE_MS)) == b"value"
        )


async def _worth(cache: Cache, verdict: str) -> bool:
    return (await cache.explain(SPACE, "k")).verdict == verdict


async def test_a_crashed_loader_costs_one_lease(valkey_url: str) -> None:
    """A lease that nobody renews ends; whoever waits loads then."""
    origin = Origin()
    origin.gate.set()
    async with workers(valkey_url, 1) as (here,):
        await here.cache.get_or_lease(QUICK, "k")  # and never heard of again
        found = await here.cache.get_or_load(QUICK, "k", origin.load, patience_ms=PATIENCE_MS)
        assert value(found) == b"value"
        assert here.cache.stats().waits >= 1


async def test_the_store_away_is_one_load_for_a_process(own_valkey: StoppableValkey) -> None:
    """Nothing is kept and nobody is refused; those who ask together share a load."""
    origin = Origin()
    async with connected(own_valkey.url, deadline_ms=300) as client:
        cache = Cache(ValkeyStore(client))
        own_valkey.stop()
        asking = [
            asyncio.ensure_future(cache.get_or_load(SPACE, "k", origin.load, patience_ms=PATIENCE_MS))
            for _ in range(100)
        ]
        await eventually(lambda: origin.calls == 1)
        origin.gate.set()
        assert {value(found) for found in await asyncio.gather(*asking)} == {b"value"}
        assert origin.calls == 1
        await cache.aclose()


async def test_early_recompute_where_stale_is_forbidden(valkey_url: str) -> None:
    """Near its end an entry that may never be stale is loaded anew by one caller, and served meanwhile."""
    origin = Origin(times=Times(60_000, 60_000))
    origin.gate.set()
    async with connected(valkey_url) as client:
        cache = Cache(ValkeyStore(client))
        eager = Space("moe", "results", early=1e9)
        await cache.get_or_load(eager, "k", origin.load, patience_ms=PATIENCE_MS)
        assert origin.calls == 1
        lease = await cache.get_or_lease(eager, "other")
        assert not isinstance(lease, Entry | Busy)
        await cache.fill(eager, "other", lease.token, Content(b"old"), Times(60_000, 60_000), cost_ms=1_000)
        found = await cache.get_or_load(eager, "other", origin.load, patience_ms=PATIENCE_MS)
        assert value(found) == b"old"
        await eventually(lambda: _new(cache, eager))
        await cache.aclose()


async def _new(cache: Cache, space: Space) -> bool:
    return value(await cache.get(space, "other")) == b"value"


@pytest.mark.parametrize("finish", [True, False])
async def test_an_own_error_of_cancellation_is_not_the_callers(valkey_url: str, finish: bool) -> None:
    """A load that ends by a cancellation of its own fails its callers; it does not cancel them."""

    async def ended(_: Entry | None) -> Loaded:
        raise asyncio.CancelledError

    async with connected(valkey_url) as client:
        cache = Cache(ValkeyStore(client))
        with pytest.raises(Exception, match="cancelled"):
            await cache.get_or_load(SPACE, "k", ended, patience_ms=PATIENCE_MS, finish=finish)
        await cache.aclose()
