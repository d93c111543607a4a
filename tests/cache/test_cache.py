"""The façade on a real store, beside a plain model."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache.answers import Miss, Stored
from cache.cache import Cache, TooLarge
from cache.entry import Content, Entry, entry_of
from cache.policy import DEFAULT, Times
from cache.space import Space
from cache.store import StoreUnavailable
from cache.valkey import ValkeyStore
from tests.stores import StoppableValkey, connected
from tests.waiting import eventually

START_MS = 1_795_507_745_123
SPACE = Space("moe", "results")
HERE = (SPACE, "page/1")
HELLO = Content(b"hello", "text/plain")

contents = st.builds(Content, st.binary(max_size=40), st.sampled_from(["text/html", "application/json"]))
lives = st.tuples(st.integers(1, 500), st.integers(0, 500)).map(lambda t: Times(t[0], t[0] + t[1]))
actions = st.one_of(
    st.tuples(st.just("put"), contents, lives),
    st.tuples(st.just("get")),
    st.tuples(st.just("delete")),
    st.tuples(st.just("wait"), st.integers(0, 600)),
)


@given(script=st.lists(st.tuples(st.sampled_from("ab"), actions), max_size=20))
@settings(max_examples=60)
def test_store_and_model_agree_at_every_step(
    valkey_url: str, script: list[tuple[str, tuple[Any, ...]]]
) -> None:
    """Any order of puts, gets, deletes and pauses: same content, same times, gone at the hard expiry."""

    async def play() -> None:
        async with connected(valkey_url) as client:
            store, held, now = ValkeyStore(client), dict[str, Entry](), START_MS
            await client.command("FLUSHALL")
            for key, (action, *rest) in script:
                if action == "put":
                    content, life = rest
                    stored = await store.fill(SPACE, key, None, content, life, now_ms=now)
                    assert isinstance(stored, Stored)
                    held[key] = entry_of(content, life, now, stored.stamp, 0)
                elif action == "delete":
                    _, ended = await store.purge(SPACE, (key,), (), now_ms=now)
                    was = held.pop(key, None)
                    assert ended == (was is not None and now < was.hard_ms)
                elif action == "wait":
                    now += rest[0]
                else:
                    _, (seen,) = await store.lookup(SPACE, (key,), now)
                    entry = held.get(key)
                    assert seen.entry == (entry if entry is not None and now < entry.hard_ms else None)

    asyncio.run(play())


async def test_what_is_put_is_got(store: ValkeyStore) -> None:
    """Bytes, type and age come back, and both are counted."""
    cache = Cache(store)
    assert await cache.get(*HERE) == Miss()
    await cache.put(*HERE, HELLO, DEFAULT)
    found = await cache.get(*HERE)
    assert isinstance(found, Entry)
    assert found.content == HELLO
    assert found.age_ms(cache.now_ms()) < 5_000
    assert (cache.stats().hits, cache.stats().misses, cache.stats().puts) == (1, 1, 1)


async def test_tenants_do_not_see_each_other(store: ValkeyStore) -> None:
    """The same namespace and key of another agency is another entry."""
    cache = Cache(store)
    await cache.put(*HERE, HELLO, DEFAULT)
    assert await cache.get(Space("moi", "results"), "page/1") == Miss()


async def test_a_deleted_entry_is_gone(store: ValkeyStore) -> None:
    """Delete tells whether there was one, and is harmless when there was none."""
    cache = Cache(store)
    await cache.put(*HERE, HELLO, DEFAULT)
    assert await cache.delete(*HERE)
    assert not await cache.delete(*HERE)
    assert await cache.get(*HERE) == Miss()


async def test_an_entry_is_bounded(store: ValkeyStore) -> None:
    """A body above the bound is refused and nothing is kept."""
    cache, small = Cache(store), Space("moe", "results", body_bytes_max=4)
    with pytest.raises(TooLarge):
        await cache.put(small, "page/1", HELLO, DEFAULT)
    assert await cache.get(*HERE) == Miss()


async def test_the_store_forgets_by_itself(store: ValkeyStore, valkey_url: str) -> None:
    """An entry's key has the hard expiry as its time to live."""
    await Cache(store).put(*HERE, HELLO, Times(1_000, 90_000))
    async with connected(valkey_url) as client:
        left_ms = await client.command("PTTL", b"cache:{moe:results}:e:page/1")
    assert isinstance(left_ms, int)
    assert 85_000 < left_ms <= 90_001


async def test_a_foreign_record_is_a_miss(store: ValkeyStore, valkey_url: str) -> None:
    """Bytes of another version under an entry's key are not served."""
    async with connected(valkey_url) as client:
        await client.command("SET", b"cache:{moe:results}:e:page/1", b"\x09" + b"\xff" * 30)
    assert await Cache(store).get(*HERE) == Miss()


async def test_the_cache_shrugs_when_the_store_is_gone(own_valkey: StoppableValkey) -> None:
    """Store killed: a get is a counted miss that says why; a put and a delete are refused; all recovers."""
    async with connected(own_valkey.url, deadline_ms=300) as client:
        cache = Cache(ValkeyStore(client))
        await cache.put(*HERE, HELLO, DEFAULT)
        own_valkey.stop()
        assert await cache.get(*HERE) == Miss(store_away=True)
        with pytest.raises(StoreUnavailable):
            await cache.put(*HERE, HELLO, DEFAULT)
        with pytest.raises(StoreUnavailable):
            await cache.delete(*HERE)
        assert (cache.stats().misses, cache.stats().unavailable) == (1, 1)

        own_valkey.start()
        await eventually(lambda: _is_miss(cache))


async def _is_miss(cache: Cache) -> bool:
    return await cache.get(*HERE) == Miss(store_away=False)


def test_the_package_holds_its_scripts() -> None:
    """One file, one operation, and two that stand in front: what valkey.py loads is what is there."""
    folder = Path(__file__).parents[2] / "cache"
    names = ["counted", "fill", "hold", "lease", "lookup", "namespace", "purge"]
    assert sorted(path.stem for path in folder.glob("*.lua")) == names
