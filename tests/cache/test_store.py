"""The scripts on a real Valkey, beside the plain model, step by step."""

import asyncio
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cache.entry import Content
from cache.policy import Times
from cache.space import Space
from cache.store import Seen
from cache.valkey import ValkeyStore
from tests.cache.plain import PlainStore
from tests.stores import connected

START_MS = 1_795_507_745_123
SPACE = Space("t", "n")

keys = st.sampled_from("ab")
tag_sets = st.sampled_from([(), ("x",), ("x", "y")])
contents = st.builds(Content, st.binary(max_size=40), st.sampled_from(["text/html", ""]), tag_sets)
ends = st.integers(0, 400)
lives = st.builds(
    lambda soft, stale, error, keep: Times(soft, soft + stale, error, keep),
    st.integers(1, 400),
    ends,
    ends,
    ends,
)
steps = st.one_of(
    st.tuples(st.just("put"), keys, contents, lives),
    st.tuples(st.just("lookup"), keys),
    st.tuples(st.just("lease"), keys, st.integers(1, 300), st.booleans()),
    st.tuples(st.just("fill"), st.integers(0, 3), contents, lives),
    st.tuples(st.just("hold"), st.integers(0, 3), st.sampled_from([0, 200]), st.sampled_from([0, 0, 200])),
    st.tuples(st.just("purge"), st.lists(keys, max_size=2), tag_sets, st.booleans(), st.booleans()),
    st.tuples(st.just("wait"), st.integers(0, 300)),
)


class Both:
    """The same question to store and model; the answers must be equal."""

    def __init__(self, store: ValkeyStore) -> None:
        self._store = store
        self._plain = PlainStore(START_MS)
        self._tokens: list[tuple[str, int]] = []

    async def play(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("wait", ms):
                self._plain.now_ms += ms
            case ("lookup", key):
                now_ms, (seen,) = await self._store.lookup(SPACE, (key,), self._plain.now_ms)
                assert (now_ms, _alive(seen)) == (self._plain.now_ms, _alive(self._plain.lookup(key)))
            case ("put", key, content, life):
                await self._fill(key, None, content, life)
            case ("fill", place, content, life) if place < len(self._tokens):
                key, token = self._tokens[-1 - place]
                await self._fill(key, token, content, life)
            case ("lease", key, ms, early):
                asked = await self._store.lease(SPACE, key, ms, early=early, now_ms=self._plain.now_ms)
                plain = self._plain.lease(key, ms, early=early)
                assert replace(asked, seen=_alive(asked.seen)) == replace(plain, seen=_alive(plain.seen))
                self._tokens += [(key, asked.token)] if asked.token else []
            case ("hold", place, ms, open_ms) if place < len(self._tokens):
                key, token = self._tokens[-1 - place]
                now_ms = self._plain.now_ms
                held = await self._store.hold(SPACE, key, token, ms, open_ms=open_ms, now_ms=now_ms)
                assert held == self._plain.hold(key, token, ms, open_ms=open_ms)
            case ("purge", names, tags, everything, soft):
                words: dict[str, bool] = {"everything": everything, "soft": soft}
                purged = await self._store.purge(SPACE, names, tags, now_ms=self._plain.now_ms, **words)
                assert purged == self._plain.purge(names, tags, **words)

    async def _fill(self, key: str, token: int | None, content: Content, life: Times) -> None:
        now_ms = self._plain.now_ms
        if token is not None and getattr(self._plain.entries.get(key), "stamp", None) == token:
            return  # the same fill again is answered as the first was: see test_store_faults
        stored = await self._store.fill(SPACE, key, token, content, life, cost_ms=7, now_ms=now_ms)
        assert stored == self._plain.fill(key, token, content, life, 7)


def _alive(seen: Seen) -> Seen:
    """Of what is dead the store removes a little at each fill, and may not know any more why it is."""
    return seen if seen.entry is not None else Seen("gone")


@given(script=st.lists(steps, max_size=25))
@settings(max_examples=150)
def test_scripts_and_model_agree_at_every_step(valkey_url: str, script: list[tuple[Any, ...]]) -> None:
    """Any order of puts, leases, fills, releases, purges and pauses: the same answers, stamps and times."""

    async def play() -> None:
        async with connected(valkey_url) as client:
            await client.command("FLUSHALL")
            both = Both(ValkeyStore(client))
            for step in script:
                await both.play(step)

    asyncio.run(play())
