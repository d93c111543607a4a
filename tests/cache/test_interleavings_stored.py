"""Some of the orders of ``test_interleavings``, drawn at random, on the scripts and a real feed."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from cache.answers import Full, Stored, Superseded
from cache.entry import Content, Entry
from cache.notice import CHANNEL, Notice
from cache.policy import Times
from cache.store import Asked, Seen
from cache.valkey import ValkeyStore
from sadd.valkey.topology import open_client
from tests.cache.plain import PlainStore
from tests.cache.test_interleavings import (
    KEY,
    NOW_MS,
    SPACE,
    Actor,
    World,
    feed,
    lease_time,
    loader,
    loss,
    play,
    reader,
    writer,
)

ORDERS = 40
"""Of each play."""


class StoredWorld(PlainStore):
    """The model's questions, answered by the scripts; what they told is read from their channel."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        super().__init__(NOW_MS)
        self._runner = runner
        self._redis = redis.Redis.from_url(url)
        self._ears = self._redis.pubsub(  # type: ignore[no-untyped-call]  # redis-py's
            ignore_subscribe_messages=True
        )
        self._ears.subscribe(CHANNEL)
        client = runner.run(open_client(url, deadline_ms=5_000, max_in_flight=100))
        self._client, self._store = client, ValkeyStore(client)

    def begin(self) -> None:
        self._redis.flushall()
        self.now_ms = NOW_MS
        self.told.clear()

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._ears.close()
        self._redis.close()

    def _asked(self, question: Any) -> Any:
        """The answer, once all that was told up to it has been read: a mark behind it says so."""
        answer = self._runner.run(question)
        self._redis.publish(CHANNEL, b"mark")
        while True:
            message = self._ears.get_message(timeout=5)
            if message is None:
                continue
            if message["data"] == b"mark":
                return answer
            notice = Notice.parsed(message["data"])
            self.told.append((notice.kind, notice.stamp, notice.name))

    def lookup(self, key: str) -> Seen:
        seen: Seen = self._asked(self._store.lookup(SPACE, (key,), self.now_ms))[1][0]
        return seen

    def lease(self, key: str, lease_ms: int, *, early: bool = False) -> Asked:
        asked: Asked = self._asked(self._store.lease(SPACE, key, lease_ms, early=early, now_ms=self.now_ms))
        return asked

    def hold(self, key: str, token: int, lease_ms: int, *, open_ms: int = 0) -> bool:
        return bool(
            self._asked(self._store.hold(SPACE, key, token, lease_ms, open_ms=open_ms, now_ms=self.now_ms))
        )

    def fill(
        self, key: str, token: int | None, content: Content, times: Times, cost_ms: int = 0
    ) -> Stored | Superseded:
        filled: Stored | Superseded | Full = self._asked(
            self._store.fill(SPACE, key, token, content, times, cost_ms=cost_ms, now_ms=self.now_ms)
        )
        assert not isinstance(filled, Full)
        if isinstance(filled, Stored):
            self.entries[KEY] = self.lookup(KEY).entry or Entry(content, 0, 0, 0)
        return filled

    def purge(self, keys: Any, tags: Any, *, everything: bool = False, soft: bool = False) -> tuple[int, int]:
        asked = self._store.purge(SPACE, keys, tags, everything=everything, soft=soft, now_ms=self.now_ms)
        purged: tuple[int, int] = self._asked(asked)
        return purged


@pytest.fixture
def stored(valkey_url: str) -> Iterator[StoredWorld]:
    with asyncio.Runner() as runner:
        world = StoredWorld(valkey_url, runner)
        yield world
        world.close()


@pytest.mark.parametrize("kind", ["key", "tag", "everything", "put", "soft key", "soft tag"])
def test_the_scripts_keep_the_orders_too(stored: StoredWorld, kind: str) -> None:
    """A load, a late reader, another loader, a purge, a lease's time, a slow feed that breaks: at random."""
    chance = random.Random(kind)
    actors: list[tuple[Actor, int]] = [
        (loader(0, chance.choice(["fill", "cancel", "crash"])), 3),
        (reader(1), 2),
        (loader(1), 3),
        (writer(kind), 2),
        (feed(1, 2), 2),
        (loss(0), 1),
        (lease_time, 1),
    ]
    steps = [place for place, (_, count) in enumerate(actors) for _ in range(count)]
    for _ in range(ORDERS):
        stored.begin()
        order = chance.sample(steps, len(steps))
        play(World(store=stored), actors, order)
