"""The right to load, for callers who load by themselves: one has it, the others wait, or take stale."""

import asyncio

import pytest

from cache.answers import Busy, Lease, Miss, Stored, Superseded
from cache.cache import BATCH_MAX, Cache, TooLarge
from cache.entry import Content, Entry
from cache.policy import Times
from cache.space import Space
from cache.valkey import ValkeyStore
from tests.cache.scene import LIVES, workers
from tests.waiting import eventually

SPACE = Space("moe", "results", lease_ms=60_000)
QUICK = Space("moe", "results", lease_ms=100)


async def test_one_gets_it(store: ValkeyStore) -> None:
    """Of 50 who ask at once; the others are told how long it may last."""
    cache = Cache(store)
    found = await asyncio.gather(*(cache.get_or_lease(SPACE, "k") for _ in range(50)))
    leases = [one for one in found if isinstance(one, Lease)]
    busy = [one for one in found if isinstance(one, Busy)]
    assert (len(leases), len(busy)) == (1, 49)
    assert all(0 < one.retry_after_ms <= 60_000 for one in busy)
    assert leases[0].shared
    assert isinstance(await cache.fill(SPACE, "k", leases[0].token, Content(b"v"), LIVES), Stored)
    assert isinstance(await cache.get_or_lease(SPACE, "k"), Entry)


async def test_who_waits_gets_what_is_filled(valkey_url: str) -> None:
    """100 callers of another worker wait and are all answered by the one fill."""
    async with workers(valkey_url, 2) as (here, there):
        lease = await here.cache.get_or_lease(SPACE, "k")
        assert isinstance(lease, Lease)
        waiting = [
            asyncio.ensure_future(there.cache.get_or_lease(SPACE, "k", wait_ms=60_000)) for _ in range(100)
        ]
        await eventually(lambda: there.cache.stats().waits >= 100)
        await here.cache.fill(SPACE, "k", lease.token, Content(b"v"), LIVES)
        assert all(isinstance(one, Entry) for one in await asyncio.gather(*waiting))
        assert there.cache.stats().leases == 0


async def test_who_waits_in_vain_is_told(store: ValkeyStore) -> None:
    """After its time, and not before the lease's end if that comes first: then it gets the lease."""
    cache = Cache(store)
    await cache.get_or_lease(SPACE, "k")
    assert isinstance(await cache.get_or_lease(SPACE, "k", wait_ms=50), Busy)
    await cache.get_or_lease(QUICK, "other")
    assert isinstance(await cache.get_or_lease(QUICK, "other", wait_ms=60_000), Lease)


async def test_given_back_it_goes_to_who_waits(valkey_url: str) -> None:
    """At once, and to one of them."""
    async with workers(valkey_url, 2) as (here, there):
        lease = await here.cache.get_or_lease(SPACE, "k")
        assert isinstance(lease, Lease)
        waiting = [
            asyncio.ensure_future(there.cache.get_or_lease(SPACE, "k", wait_ms=60_000)) for _ in range(10)
        ]
        await eventually(lambda: there.cache.stats().waits >= 10)
        assert await here.cache.release(SPACE, "k", lease.token)
        done, left = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert [type(task.result()) for task in done] == [Lease]
        for task in left:
            task.cancel()
        await asyncio.wait(left)
        assert not await here.cache.release(SPACE, "k", lease.token)


async def test_what_is_uncacheable_makes_nobody_wait(store: ValkeyStore) -> None:
    """Everybody may load, none of them alone; and the first that can share it again does."""
    cache = Cache(store)
    lease = await cache.get_or_lease(SPACE, "k")
    assert isinstance(lease, Lease)
    await cache.release(SPACE, "k", lease.token, uncacheable_for_ms=60_000)
    some = [await cache.get_or_lease(SPACE, "k") for _ in range(3)]
    for one in some:
        assert isinstance(one, Lease)
        assert not one.shared
    told = await cache.explain(SPACE, "k")
    assert 0 < told.uncacheable_for_ms <= 60_000
    assert isinstance(some[1], Lease)
    assert isinstance(await cache.fill(SPACE, "k", some[1].token, Content(b"v"), LIVES), Stored)
    assert isinstance(await cache.get_or_lease(SPACE, "k"), Entry)
    assert isinstance(some[2], Lease)
    late = await cache.fill(SPACE, "k", some[2].token, Content(b"late"), LIVES)
    assert isinstance(late, Superseded)


async def test_stale_is_served_to_all_but_one(store: ValkeyStore) -> None:
    """That one gets the right to load, with the entry to serve or to validate meanwhile."""
    cache = Cache(store)
    await cache.put(SPACE, "k", Content(b"old"), LIVES)
    await cache.purge(SPACE, keys=["k"], soft=True)
    first, second = await cache.get_or_lease(SPACE, "k"), await cache.get_or_lease(SPACE, "k")
    assert isinstance(first, Lease)
    assert first.stale is not None
    assert first.stale.content.body == b"old"
    assert isinstance(second, Entry)
    assert isinstance(await cache.get_or_lease(SPACE, "k", stale=False), Busy)
    assert await cache.get(SPACE, "k", may_be_stale=False) == Miss()


async def test_a_purge_ends_leases(store: ValkeyStore) -> None:
    """Of its key and of everything: who asks after it need not wait for a load that began before it."""
    cache = Cache(store)
    for purge in ({"keys": ["k"]}, {"everything": True}, {"keys": ["k"], "soft": True}):
        lease = await cache.get_or_lease(SPACE, "k")
        assert isinstance(lease, Lease)
        await cache.purge(SPACE, **purge)
        assert isinstance(await cache.fill(SPACE, "k", lease.token, Content(b"old"), LIVES), Superseded)
        again = await cache.get_or_lease(SPACE, "k")
        assert isinstance(again, Lease)
        assert again.token > lease.token
        await cache.release(SPACE, "k", again.token)


async def test_it_is_renewed_by_its_holder_only(store: ValkeyStore) -> None:
    """Another token moves nothing."""
    cache = Cache(store)
    lease = await cache.get_or_lease(SPACE, "k", lease_ms=20_000)
    assert isinstance(lease, Lease)
    assert await cache.renew(SPACE, "k", lease.token, 60_000)
    assert not await cache.renew(SPACE, "k", lease.token - 1, 20_000)
    assert (await cache.explain(SPACE, "k")).lease_ends_in_ms > 30_000


async def test_the_same_fill_again_is_answered_alike(store: ValkeyStore) -> None:
    """Its first answer was lost on the way: it must not seem superseded."""
    cache = Cache(store)
    lease = await cache.get_or_lease(SPACE, "k")
    assert isinstance(lease, Lease)
    first = await cache.fill(SPACE, "k", lease.token, Content(b"v"), LIVES)
    assert await cache.fill(SPACE, "k", lease.token, Content(b"v"), LIVES) == first


async def test_many_at_once(store: ValkeyStore) -> None:
    """Each by itself, in the order of asking; more than BATCH_MAX are refused, as is one too large."""
    cache, small = Cache(store), Space("moe", "few", entries_max=2, body_bytes_max=10)
    stored = await cache.put_many(small, [(key, Content(key.encode()), LIVES) for key in "abc"])
    assert [type(one).__name__ for one in stored] == ["Stored", "Stored", "Full"]
    found = await cache.get_many(small, ["b", "x", "a", "b"])
    assert [one.content.body if isinstance(one, Entry) else None for one in found] == [b"b", None, b"a", b"b"]
    with pytest.raises(ValueError, match="at most"):
        await cache.get_many(small, ["k"] * (BATCH_MAX + 1))
    with pytest.raises(TooLarge):
        await cache.put_many(small, [("d", Content(b"v"), LIVES), ("e", Content(bytes(11)), LIVES)])
    assert await cache.get(small, "d") == Miss()
    assert len(await cache.get_many(small, [f"k{number}" for number in range(BATCH_MAX)])) == BATCH_MAX


async def test_why_is_explained(store: ValkeyStore) -> None:
    """Each reason has a word, and looking changes nothing."""
    cache = Cache(store)
    assert (await cache.explain(SPACE, "k")).verdict == "none"
    await cache.put(SPACE, "k", Content(b"v", tags=("x",)), LIVES)
    assert (await cache.explain(SPACE, "k")).verdict == "fresh"
    assert cache.stats().misses == cache.stats().hits == 0
    await cache.purge(SPACE, tags=["x"], soft=True)
    assert (await cache.explain(SPACE, "k")).verdict == "stale"
    await cache.purge(SPACE, tags=["x"])
    assert (await cache.explain(SPACE, "k")).verdict == "tag-purged"
    await cache.put(SPACE, "spare", Content(b"v"), Times(1, 1, 600_000))
    await eventually(lambda: _is(cache, "spare", "spare"))
    await cache.put(SPACE, "kept", Content(b"v"), Times(1, 1, 1, 600_000))
    await eventually(lambda: _is(cache, "kept", "kept"))
    assert await cache.get(SPACE, "kept") == Miss()


async def _is(cache: Cache, key: str, verdict: str) -> bool:
    return (await cache.explain(SPACE, key)).verdict == verdict
