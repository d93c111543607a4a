"""The cache of a real platform with two workers, asked by clients of both kinds."""

import asyncio
import logging
from functools import partial
from typing import Any

import pytest

from sadd_client import Busy, Entry, Forbidden, InvalidRequest, Lease, Times
from tests.client.caching.callers import Caller, Origin
from tests.client.caching.conftest import Open
from tests.client.catalogue import AGENCY
from tests.e2e.platform import Platform
from tests.waiting import eventually

KEPT = Times(600, stale_seconds=600)
ROOM = 1_000_000


@pytest.fixture(scope="module")
def cache_key(running: Platform) -> str:
    return running.key("cache:read", "cache:write", agency=AGENCY)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A key that no other test uses."""
    return str(request.node.name).replace("[", ":").replace("]", "")


async def test_what_is_put_is_got(opened: Open, running: Platform, cache_key: str, name: str) -> None:
    """With its type, its tags and its times; and it is gone once it is deleted."""
    caller = opened(running.url, key=cache_key)
    assert await caller.ask("get", name) is None
    await caller.ask("put", name, b"\0\xff", content_type="image/png", times=KEPT, tags=("a", "b"))
    entry: Entry = await caller.ask("get", name)

    assert (entry.body, entry.content_type, set(entry.tags)) == (b"\0\xff", "image/png", {"a", "b"})
    assert (entry.source, entry.fresh, entry.etag[0]) == ("cache", True, '"')
    await caller.ask("delete", name)
    await eventually(partial(_has_none, caller, name), 30)


@pytest.mark.parametrize("purge", [{"tags": ("year-2026",)}, {"everything": True}, {"keys": "name"}])
async def test_purges_end_what_is_meant(
    opened: Open, running: Platform, cache_key: str, name: str, purge: dict[str, Any]
) -> None:
    """By tag, by key, by namespace."""
    caller, key = opened(running.url, key=cache_key), name.replace("{", "").replace("'", "")
    await caller.ask("put", key, b"old", times=KEPT, tags=("year-2026",))
    said = {"keys": (key,)} if purge == {"keys": "name"} else purge
    await caller.ask("purge", **said)

    await eventually(partial(_has_none, caller, key), 30)


async def test_a_soft_purge_leaves_what_is_stale(
    opened: Open, running: Platform, cache_key: str, name: str
) -> None:
    """It is served once more while it is loaded anew."""
    caller, origin = opened(running.url, key=cache_key), Origin(b"new")
    await caller.ask("put", name, b"old", times=KEPT)
    await caller.ask("purge", keys=(name,), soft=True)
    await eventually(partial(_serves_stale, caller, name, origin), 30)
    await eventually(partial(_gives, caller, name, b"new"), 30)
    assert origin.calls == 1


async def test_crowds_of_two_processes_are_one_load(
    opened: Open, running: Platform, cache_key: str, name: str
) -> None:
    """Whichever workers they ask."""
    callers, origin = [opened(running.url, key=cache_key) for _ in range(4)], Origin(opened=False)
    crowd = [asyncio.create_task(one.load(name, origin, times=KEPT)) for one in callers * 10]
    await eventually(lambda: origin.calls == 1, 30)
    origin.gate.set()

    assert {entry.body for entry in await asyncio.gather(*crowd)} == {b"new"}
    assert origin.calls == 1


async def test_a_lease_is_for_one(opened: Open, running: Platform, cache_key: str, name: str) -> None:
    """The next one is to wait; what was purged since is not filled; what is given back goes on at once."""
    caller = opened(running.url, key=cache_key)
    lease = await caller.ask("get_or_lease", name)
    assert isinstance(lease, Lease)
    assert isinstance(await caller.ask("get_or_lease", name), Busy)
    await caller.ask("purge", keys=(name,))
    assert not await caller.ask("fill", lease, b"old", times=KEPT)

    again = await caller.ask("get_or_lease", name)
    await caller.ask("release", again)
    third = await caller.ask("get_or_lease", name)
    assert isinstance(third, Lease)
    assert await caller.ask("fill", third, b"new", times=KEPT)
    await eventually(partial(_gives, caller, name, b"new"), 30)


async def test_a_memory_hears_what_others_change(
    opened: Open, running: Platform, cache_key: str, name: str
) -> None:
    """The whole way: the store's feed, a worker, a stream; it answers with the old one no more."""
    reader = opened(running.url, key=cache_key, memory_bytes_max=ROOM)
    writer = opened(running.url, key=cache_key)
    for body in (b"1", b"2", b"3"):
        await writer.ask("put", name, body, times=KEPT, tags=("all",))
        await eventually(partial(_remembers, reader, name, body), 30)
    await writer.ask("purge", tags=("all",))
    await eventually(lambda: reader.known(name) is None, 30)

    assert await reader.ask("get", name) is None  # with a memory of its own it asks the store


async def test_what_the_platform_refuses_is_an_error(
    opened: Open, running: Platform, cache_key: str, key: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Too large, or with a key that may not: to whoever puts. A site's pages come from its origin then.

    The log says so in words of the cache.
    """
    caplog.set_level(logging.ERROR, "sadd_client")
    caller, other = opened(running.url, key=cache_key), opened(running.url, key=key)
    with pytest.raises(InvalidRequest):
        await caller.ask("put", name, bytes(2_000_000), times=KEPT)
    with pytest.raises(Forbidden):
        await other.ask("get", name)
    entry = await other.load(name, Origin(), times=KEPT)
    large = await caller.load(name, Origin(bytes(2_000_000)), times=KEPT)

    assert (entry.source, other.stats().loads_away) == ("away", 1)
    assert (large.source, caller.stats().unstored) == ("loaded", 1)
    assert "the platform refuses calls about the cache pages: 403" in caplog.text
    assert "what was loaded for the cache pages is not kept: 413" in caplog.text
    assert "limits of" not in caplog.text


async def _has_none(caller: Caller, key: str) -> bool:
    """A worker's memory may answer for a moment more, within its bound."""
    return await caller.ask("get", key) is None


async def _serves_stale(caller: Caller, key: str, origin: Origin) -> bool:
    entry = await caller.load(key, origin, times=KEPT)
    assert entry.body == b"old" or origin.calls
    return entry.source == "stale" or origin.calls == 1


async def _gives(caller: Caller, key: str, body: bytes) -> bool:
    entry: Entry | None = await caller.ask("get", key)
    return entry is not None and entry.body == body


async def _remembers(caller: Caller, key: str, body: bytes) -> bool:
    entry: Entry | None = await caller.ask("get", key)
    return entry is not None and (entry.body, entry.source) == (body, "memory")
