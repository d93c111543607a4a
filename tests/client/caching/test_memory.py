"""This process's memory: it answers what is valid and proven, and else it is silent."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sadd_client import AsyncCache, AsyncClient, Times
from sadd_client.caching.entry import Entry
from sadd_client.caching.memory import Memory
from sadd_client.clock import now
from sadd_client.sse import Event
from tests.client.caching.callers import Caller, Origin
from tests.client.caching.conftest import Open
from tests.client.caching.model import Model
from tests.client.doors import KEY
from tests.waiting import eventually

KEPT = Times(60)
ROOM = 1_000_000
LONG = 60.0
"""A bound that no busy machine reaches by itself."""


async def test_a_hit_asks_nobody(opened: Open, platform: Model) -> None:
    """Once it was read, and as long as the feed is heard."""
    caller, origin = opened(platform.url, memory_bytes_max=ROOM, stale_bound_seconds=LONG), Origin()
    await caller.load("key", origin, times=KEPT)
    await eventually(lambda: caller.stats().proven)
    await eventually(lambda: _remembers(caller, origin))
    asked = platform.calls.total()
    found = [await caller.load("key", origin) for _ in range(100)]

    assert {(entry.body, entry.source) for entry in found} == {(b"new", "memory")}
    assert platform.calls.total() == asked
    assert caller.stats().memory_entries == 1


async def test_what_others_change_is_forgotten(opened: Open, platform: Model) -> None:
    """By key, by tag, by namespace: soon after it happened, the memory does not answer with the old one."""
    caller = opened(platform.url, memory_bytes_max=ROOM, stale_bound_seconds=LONG)
    for kind, name in (("key", "key"), ("tag", "year-2026"), ("namespace", "")):
        origin = Origin(kind.encode())
        await caller.load("key", origin, times=KEPT, tags=("year-2026",))
        await eventually(partial(_remembers, caller, origin))
        platform.bump(kind, name)
        await eventually(lambda: caller.known("key") is None)
        assert await caller.ask("get", "key") is None


async def test_another_namesakes_tag_concerns_it_not(opened: Open, platform: Model) -> None:
    """What is not meant stays."""
    caller, origin = opened(platform.url, memory_bytes_max=ROOM, stale_bound_seconds=LONG), Origin()
    await caller.load("key", origin, times=KEPT, tags=("year-2026",))
    await eventually(lambda: _remembers(caller, origin))
    platform.bump("tag", "year-2025")
    platform.bump("key", "other")
    platform.change("third", b"x")
    await caller.ask("get", "third")

    assert caller.known("key") is not None


async def test_an_unproven_feed_silences_it(opened: Open, platform: Model) -> None:
    """The stream is open, and beats stopped: after the bound the platform is asked, until they come again."""
    caller, origin = opened(platform.url, memory_bytes_max=ROOM, stale_bound_seconds=0.3), Origin()
    await caller.load("key", origin, times=KEPT)
    await eventually(lambda: _remembers(caller, origin))
    platform.beats = False
    await eventually(lambda: not caller.stats().proven)
    asked = platform.calls["lease"]
    assert caller.known("key") is None
    assert (await caller.load("key", origin)).source == "cache"
    assert platform.calls["lease"] == asked + 1

    platform.beats = True
    await eventually(lambda: _remembers(caller, origin))


async def test_a_lost_stream_empties_it(opened: Open, platform: Model) -> None:
    """What happened meanwhile nobody told us; another stream begins, and the memory with it."""
    caller, origin = opened(platform.url, memory_bytes_max=ROOM, stale_bound_seconds=LONG), Origin()
    await caller.load("key", origin, times=KEPT)
    await eventually(lambda: _remembers(caller, origin))
    streams = caller.stats().streams
    platform.cut()
    await eventually(lambda: caller.stats().streams > streams)
    platform.change("key", b"changed")
    found = await caller.load("key", origin)

    assert found.body in (b"new", b"changed")
    await eventually(lambda: _remembers(caller, Origin(b"changed")))


async def test_it_is_off_unless_wanted(opened: Open, platform: Model) -> None:
    """Without bytes for it nobody listens, and each answer is the platform's."""
    caller, origin = opened(platform.url), Origin()
    for _ in range(3):
        await caller.load("key", origin, times=KEPT)

    assert platform.calls["lease"] == 3
    assert caller.stats().streams == platform.listeners() == 0


async def test_a_closed_client_listens_no_more(opened: Open, platform: Model) -> None:
    """Its stream ends with it."""
    caller = opened(platform.url, memory_bytes_max=ROOM)
    await caller.ask("get", "key")
    await eventually(lambda: platform.listeners() == 1)
    await caller.client.close() if isinstance(caller.client, AsyncClient) else await asyncio.to_thread(
        caller.client.close
    )
    await eventually(lambda: platform.listeners() == 0)


async def test_a_forked_child_remembers_nothing(platform: Model) -> None:
    """The stream is its parent's: what it does not hear it cannot answer with."""
    async with AsyncClient(platform.url, key=KEY, on_loss="closed", deadline_seconds=5) as client:
        cache = client.cache("pages", memory_bytes_max=ROOM, stale_bound_seconds=LONG)
        await cache.put("key", b"new", times=KEPT)
        await eventually(lambda: _got(cache))
        client._core.stores[next(iter(client._core.stores))].forget()

        assert cache.known("key") is None
        assert not cache.stats().proven
        await eventually(lambda: _got(cache))


async def _got(cache: AsyncCache) -> bool:
    entry = await cache.get("key")
    return entry is not None and entry.source == "memory"


async def _remembers(caller: Caller, origin: Origin) -> bool:
    entry = await caller.load("key", origin)
    return entry.source == "memory" and entry.body == origin.body


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from("ab")),
        st.tuples(st.just("change"), st.sampled_from("ab")),
        st.tuples(st.just("tag"), st.sampled_from("xy")),
        st.tuples(st.just("hear"), st.just("")),
        st.tuples(st.just("answer"), st.just("")),
        st.tuples(st.just("gap"), st.just("")),
        st.tuples(st.just("look"), st.sampled_from("ab")),
    ),
    max_size=40,
)
TAGS = {"a": ("x",), "b": ("x", "y")}


@settings(max_examples=600)
@given(STEPS)
def test_no_interleaving_answers_with_what_was_heard_to_be_gone(steps: list[tuple[str, str]]) -> None:
    """Reads are under way while changes happen, are heard late, and answers come late: never an old value."""
    memory = _memory()
    truth, heard = {"a": 0, "b": 0}, {"a": 0, "b": 0}
    on_the_way: list[tuple[str, str]] = []
    asked: list[tuple[str, int, int]] = []
    for word, name in steps:
        match word:
            case "ask":
                asked.append((name, memory.position(), truth[name]))
            case "answer" if asked:
                key, position, value = asked.pop(0)
                memory.keep(key, _entry(value, TAGS[key]), position)
            case "change" | "tag":
                on_the_way.append((word, name))
                for key in [name] if word == "change" else [key for key in truth if name in TAGS[key]]:
                    truth[key] += 1
            case "hear" if on_the_way:
                kind, about = on_the_way.pop(0)
                for key in [about] if kind == "change" else [key for key in heard if about in TAGS[key]]:
                    heard[key] += 1
                memory.feed._bump("key" if kind == "change" else "tag", about)
            case "gap":
                on_the_way.clear()
                heard = dict(truth)
                memory.feed._forget_all()
            case "look":
                found = memory.known(name)
                assert found is None or int(found.body) >= heard[name]


def test_what_was_asked_for_before_a_stream_began_does_not_count() -> None:
    """It may have ended between the answer and the hello: proofs of this stream say nothing about that."""
    memory = _memory()
    position = memory.position()
    memory.keep("a", _entry(1, ()), position)
    assert memory.known("a") is not None
    memory.feed._take(Event("hello", '{"now_ms": 5}'), now())
    memory.feed._take(Event("alive", '{"proven_ms": 6}'), now())
    assert memory.proven()
    assert memory.known("a") is None

    memory.keep("a", _entry(1, ()), position)
    assert memory.known("a") is None


def _memory() -> Memory:
    class Deaf:
        """No task is begun: what is heard comes from the test."""

        def attend(self, work: Coroutine[Any, Any, None]) -> object:
            work.close()
            return lambda: None

        def mutex(self) -> object:
            from contextlib import nullcontext

            return nullcontext()

    memory = Memory(None, Deaf(), "/", 1.0, ROOM, 60.0)  # type: ignore[arg-type]  # nobody is asked
    memory.feed.proof.hello(now(), 0)
    memory.feed.proof.alive(0)
    return memory


def _entry(value: int, tags: tuple[str, ...]) -> Entry:
    entry = Entry(str(value).encode(), "t", "", (), "cache", now(), now() + 60)
    return replace(entry, tags=tags)
