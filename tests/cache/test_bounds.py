"""What a namespace may hold: counted exactly, refused clearly, freed when it is dead."""

import pytest

from cache.answers import Busy, Full, Stored
from cache.cache import Cache
from cache.entry import Content, Entry
from cache.policy import Times
from cache.space import Space
from cache.valkey import ValkeyStore
from tests.stores import connected

LIVES = Times(600_000, 600_000)
START_MS = 1_795_507_745_123
BODY = bytes(1_000)
ENTRY_BYTES = 1_051
"""Head 46, length of the type 1, of meta 4, and the body."""
SMALL = Space("moe", "results", bytes_max=5 * ENTRY_BYTES)
FEW = Space("moe", "results", entries_max=3)
EVICTS = Space("moe", "results", bytes_max=5 * ENTRY_BYTES, evicts=True)


def content(body: bytes = BODY, *tags: str) -> Content:
    return Content(body, "", tags)


async def test_what_is_full_refuses(store: ValkeyStore) -> None:
    """Bytes as stored; the refusal says how much; what was there stays; a smaller one goes in its place."""
    cache = Cache(store)
    for key in "abcde":
        assert isinstance(await cache.put(SMALL, key, content(), LIVES), Stored)
    assert await cache.put(SMALL, "f", content(b""), LIVES) == Full(
        5 * ENTRY_BYTES, 5 * ENTRY_BYTES, 5, SMALL.entries_max
    )
    assert isinstance(await cache.put(SMALL, "a", content(bytes(1_000)), LIVES), Stored)
    assert isinstance(await cache.put(SMALL, "a", content(bytes(1_001)), LIVES), Full)
    found = await cache.get(SMALL, "a")
    assert isinstance(found, Entry)
    assert found.content.body == bytes(1_000)
    assert (await cache.usage(SMALL)).bytes_used == 5 * ENTRY_BYTES
    assert cache.stats().full == 2


async def test_entries_are_counted_too(store: ValkeyStore) -> None:
    """Empty ones cost the store as well."""
    cache = Cache(store)
    for key in "abc":
        assert isinstance(await cache.put(FEW, key, content(b""), LIVES), Stored)
    assert isinstance(await cache.put(FEW, "d", content(b""), LIVES), Full)
    assert isinstance(await cache.put(FEW, "a", content(), LIVES), Stored)
    await cache.delete(FEW, "b")
    assert isinstance(await cache.put(FEW, "d", content(b""), LIVES), Stored)


async def test_a_refused_fill_gives_the_lease_back(store: ValkeyStore) -> None:
    """The next one may load at once."""
    cache = Cache(store)
    for key in "abc":
        await cache.put(FEW, key, content(b""), LIVES)
    lease = await cache.get_or_lease(FEW, "d")
    assert not isinstance(lease, Entry | Busy)
    assert isinstance(await cache.fill(FEW, "d", lease.token, content(b""), LIVES), Full)
    assert not isinstance(await cache.get_or_lease(FEW, "d"), Entry | Busy)


async def test_what_ended_is_not_counted(store: ValkeyStore) -> None:
    """An entry that ended by itself makes room, though nobody was told."""
    for key in "abcde":
        await store.fill(SMALL, key, None, content(), Times(1_000, 1_000), now_ms=START_MS)
    late = START_MS + 1_000
    assert isinstance(await store.fill(SMALL, "f", None, content(), LIVES, now_ms=late), Stored)
    assert (await store.usage(SMALL)).entries == 1


@pytest.mark.parametrize("by", ["keys", "everything", "tags"])
async def test_what_was_purged_makes_room(store: ValkeyStore, valkey_url: str, by: str) -> None:
    """However it was purged; and the store is rid of it bit by bit."""
    cache = Cache(store)
    for key in "abcde":
        await cache.put(SMALL, key, content(bytes(998), "x"), LIVES)
    await cache.purge(
        SMALL,
        keys=list("abcde") * (by == "keys"),
        tags=["x"] * (by == "tags"),
        everything=by == "everything",
    )
    for key in "fghij":
        assert isinstance(await cache.put(SMALL, key, content(), LIVES), Stored)
    assert (await cache.usage(SMALL)).bytes_used == 5 * ENTRY_BYTES
    async with connected(valkey_url) as client:
        assert await client.command("EXISTS", *(SMALL.place(key) for key in "abcde")) == 0


async def test_what_was_put_again_survives_the_tidying(store: ValkeyStore) -> None:
    """A key of a former time that lives again is not removed with the dead."""
    cache = Cache(store)
    for key in "abcde":
        await cache.put(SMALL, key, content(), LIVES)
    await cache.purge(SMALL, everything=True)
    for key in "edcba":
        await cache.put(SMALL, key, content(), LIVES)
    assert all(isinstance(found, Entry) for found in await cache.get_many(SMALL, list("abcde")))


async def test_who_evicts_ends_the_soonest(store: ValkeyStore) -> None:
    """Instead of a refusal: what would end first makes room."""
    cache = Cache(store)
    for number, key in enumerate("cabed"):
        await cache.put(EVICTS, key, content(), Times(100_000 + number, 100_000 + number))
    assert isinstance(await cache.put(EVICTS, "new", content(), LIVES), Stored)
    found = await cache.get_many(EVICTS, [*"cabed", "new"])
    assert [isinstance(one, Entry) for one in found] == [False, True, True, True, True, True]
    assert isinstance(await cache.put(EVICTS, "huge", content(bytes(6_000)), LIVES), Full)


async def test_tags_are_remembered_up_to_a_bound(store: ValkeyStore) -> None:
    """The oldest purge is forgotten, and with it all that it could have ended; what was put since stays."""
    cache, space = Cache(store), Space("moe", "tags")
    await cache.put(space, "old", content(), LIVES)
    for at in range(17):
        await cache.purge(space, tags=[f"{at}-{number}" for number in range(1_000)])
        if at == 8:
            await cache.put(space, "new", content(), LIVES)
    assert (await cache.usage(space)).tags_remembered == 16_384
    assert (await cache.explain(space, "old")).verdict == "namespace-purged"
    assert (await cache.explain(space, "new")).verdict == "fresh"


async def test_all_of_a_namespace_has_an_end(store: ValkeyStore, valkey_url: str) -> None:
    """No key of the cache is left in the store for ever."""
    cache = Cache(store)
    await cache.put(SMALL, "k", content(b"", "x"), LIVES)
    await cache.get_or_lease(SMALL, "other")
    await cache.purge(SMALL, tags=["x"])
    await cache.purge(SMALL, everything=True)
    async with connected(valkey_url) as client:
        keys = await client.command("KEYS", "*")
        assert isinstance(keys, list)
        assert len(keys) >= 5
        for key in keys:
            assert isinstance(key, bytes)
            left_ms = await client.command("PTTL", key)
            assert isinstance(left_ms, int)
            assert 0 < left_ms <= 32 * 24 * 3_600_000 + 1, key
