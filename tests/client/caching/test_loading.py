"""One load for all who miss, in a process and in a fleet, whatever becomes of any caller."""

import asyncio

import pytest

from sadd_client import CacheBusy, Loaded, PlatformAway, Times
from tests.client.caching.callers import AsyncCaller, Origin
from tests.client.caching.conftest import Open
from tests.client.caching.model import Model
from tests.conftest import free_port
from tests.waiting import eventually

KEPT = Times(60, stale_seconds=60, stale_on_error_seconds=600)


async def test_a_crowd_is_one_load(opened: Open, platform: Model) -> None:
    """Fifty callers of two processes miss one key: the origin is asked once, and each gets the answer."""
    one, other, origin = opened(platform.url), opened(platform.url), Origin(opened=False)
    crowd = [asyncio.create_task(who.load("key", origin, times=KEPT)) for who in (one, other) * 25]
    await eventually(lambda: platform.calls["lease"] >= 2 and origin.calls == 1, 10)
    origin.gate.set()
    found = await asyncio.gather(*crowd)

    assert origin.calls == 1
    assert {entry.body for entry in found} == {b"new"}


async def test_whoever_leaves_harms_nobody(platform: Model) -> None:
    """The caller who began the load is cancelled: the others get what it finds, by one load."""
    async with AsyncCallerOf(platform.url) as caller:
        origin = Origin(opened=False)
        first = asyncio.create_task(caller.load("key", origin, times=KEPT))
        await eventually(lambda: origin.calls == 1)
        others = [asyncio.create_task(caller.load("key", origin, times=KEPT)) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        others[0].cancel()
        await asyncio.gather(first, others[0], return_exceptions=True)
        origin.gate.set()

        assert {entry.body for entry in await asyncio.gather(*others[1:])} == {b"new"}
        assert origin.calls == 1


async def test_a_load_whose_callers_left_is_for_the_cache(platform: Model) -> None:
    """Nobody waits any more, and what was begun is still stored: the origin has done the work."""
    async with AsyncCallerOf(platform.url) as caller:
        origin = Origin(opened=False)
        only = asyncio.create_task(caller.load("key", origin, times=KEPT))
        await eventually(lambda: origin.calls == 1)
        only.cancel()
        await asyncio.gather(only, return_exceptions=True)
        origin.gate.set()

        await eventually(lambda: platform.calls["put"] == 1)
        assert (await caller.load("key", origin)).source == "cache"


async def test_what_fails_fails_for_all_who_waited(opened: Open, platform: Model) -> None:
    """With the loader's own error, after one call; and the next caller may load at once."""
    caller, origin = opened(platform.url), Origin(opened=False)
    origin.body = LookupError("no such year")
    crowd = [asyncio.create_task(caller.load("key", origin)) for _ in range(5)]
    await eventually(lambda: origin.calls == 1)
    await eventually(lambda: all(not task.done() for task in crowd))
    origin.gate.set()
    failures = await asyncio.gather(*crowd, return_exceptions=True)

    assert {str(failure) for failure in failures} == {"no such year"}
    origin.body = b"found"
    assert (await caller.load("key", origin)).body == b"found"


async def test_what_is_stale_is_served_while_one_loads(opened: Open, platform: Model) -> None:
    """Nobody waits for the new one, and it is loaded once."""
    caller, origin = opened(platform.url), Origin(b"old")
    await caller.load("key", origin, times=KEPT)
    platform.skip(90)
    origin.gate.clear()
    origin.body = b"new"
    found = await asyncio.gather(*(caller.load("key", origin, times=KEPT) for _ in range(5)))

    assert {(entry.body, entry.source) for entry in found} == {(b"old", "stale")}
    origin.gate.set()
    await eventually(lambda: platform.calls["put"] == 2)
    assert origin.calls == 2
    assert (await caller.load("key", origin)).body == b"new"


async def test_what_is_kept_for_errors_is_served_on_errors(opened: Open, platform: Model) -> None:
    """Past its stale time, when loading fails; nobody sees the error."""
    caller, origin = opened(platform.url), Origin(b"old")
    await caller.load("key", origin, times=KEPT)
    platform.skip(200)
    origin.body = OSError("the origin is down")
    found = await caller.load("key", origin, times=KEPT)

    assert (found.body, found.source) == (b"old", "stale")
    assert caller.stats().load_errors == 1


async def test_a_load_that_began_before_a_bump_is_not_stored(opened: Open, platform: Model) -> None:
    """Its caller gets what he loaded, as he would have without a cache; nobody after him does."""
    caller, origin = opened(platform.url), Origin(b"old", opened=False)
    loading = asyncio.create_task(caller.load("key", origin, times=KEPT))
    await eventually(lambda: origin.calls == 1)
    platform.bump("key", "key")
    origin.gate.set()

    assert (await loading).body == b"old"
    assert caller.stats().unstored == 1
    assert await caller.ask("get", "key") is None


async def test_what_is_not_shared_is_each_callers_own(opened: Open, platform: Model) -> None:
    """Nobody gets another's; the crowd waits for one load at most, and then loads side by side."""
    caller, origin = opened(platform.url), Origin(opened=False)
    origin.body = Loaded(b"mine", shared=False)
    crowd = [asyncio.create_task(caller.load("key", origin)) for _ in range(20)]
    await eventually(lambda: origin.calls == 1)
    origin.gate.set()
    await asyncio.gather(*crowd)
    assert origin.calls == 20
    assert platform.calls["put"] == 0

    origin.gate.clear()
    again = [asyncio.create_task(caller.load("key", origin)) for _ in range(10)]
    await eventually(lambda: origin.within == 10)
    origin.gate.set()
    await asyncio.gather(*again)
    assert caller.stats().loads_alone == 30


async def test_another_process_knows_what_is_not_shared(opened: Open, platform: Model) -> None:
    """By the platform, so that its crowd does not wait in line either."""
    one, other, origin = opened(platform.url), opened(platform.url), Origin()
    origin.body = Loaded(b"mine", shared=False)
    await one.load("key", origin)
    await asyncio.gather(*(other.load("key", origin) for _ in range(5)))

    assert other.stats().loads_alone == 5


async def test_no_herd_goes_past_a_slow_load(opened: Open, platform: Model) -> None:
    """Patience ends with CacheBusy, in the same process and in another, and never with a second load."""
    one, other, origin = opened(platform.url), opened(platform.url), Origin(opened=False)
    leading = asyncio.create_task(one.load("key", origin))
    await eventually(lambda: origin.calls == 1)
    for caller in (one, other):
        with pytest.raises(CacheBusy):
            await caller.load("key", origin, patience_seconds=0.1)
    assert other.stats().busy == 1
    origin.gate.set()
    await leading

    assert origin.calls == 1


async def test_a_load_longer_than_its_lease_is_still_the_only_one(opened: Open, platform: Model) -> None:
    """Its holder says that it goes on; the other process waits, however often the lease would have ended."""
    platform.lease_seconds = 0.9
    one, other, origin = opened(platform.url), opened(platform.url), Origin(opened=False)
    loading = [asyncio.create_task(who.load("key", origin, times=KEPT)) for who in (one, other)]
    await eventually(lambda: platform.calls["renew"] >= 4, 20)
    origin.gate.set()

    assert {entry.body for entry in await asyncio.gather(*loading)} == {b"new"}
    assert origin.calls == 1


async def test_loads_of_a_process_have_a_bound(opened: Open, platform: Model) -> None:
    """Whatever the keys are: the origin never sees more at once."""
    caller, origin = opened(platform.url, loads_max=3), Origin(opened=False)
    crowd = [asyncio.create_task(caller.load(f"key-{number}", origin)) for number in range(9)]
    await eventually(lambda: origin.within == 3)
    origin.gate.set()
    await asyncio.gather(*crowd)

    assert (origin.calls, origin.most) == (9, 3)


async def test_no_platform_is_a_load_and_is_said(opened: Open) -> None:
    """The site goes on; each answer says that it is not from the cache, and the count is for an alarm."""
    caller, origin = opened(f"http://127.0.0.1:{free_port()}"), Origin(opened=False)
    crowd = [asyncio.create_task(caller.load("key", origin, times=KEPT)) for _ in range(5)]
    await eventually(lambda: origin.calls == 1)
    origin.gate.set()
    found = await asyncio.gather(*crowd)

    assert {entry.source for entry in found} == {"away"}
    assert caller.stats().loads_away == caller.stats().loads >= 1
    with pytest.raises(PlatformAway):  # no miss: nobody knows
        await caller.ask("get", "key")


async def test_what_cannot_be_a_key_is_refused(opened: Open, platform: Model) -> None:
    """Before anything is sent or loaded."""
    caller, origin = opened(platform.url), Origin()
    for key in ("", "a b", "a" * 300, "a?b", "%2F"):
        with pytest.raises(ValueError, match="a key is"):
            await caller.load(key, origin)
    with pytest.raises(ValueError, match="a tag is"):
        await caller.load("key", origin, tags=("two words",))
    assert not platform.calls["put"]


class AsyncCallerOf:
    """An AsyncCaller that is closed at the end."""

    def __init__(self, url: str) -> None:
        from sadd_client import AsyncClient
        from tests.client.doors import KEY

        client = AsyncClient(url, key=KEY, on_loss="closed", deadline_seconds=5)
        self._caller = AsyncCaller(client)

    async def __aenter__(self) -> AsyncCaller:
        return self._caller

    async def __aexit__(self, *_: object) -> None:
        await self._caller.close()
