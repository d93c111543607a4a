"""The session scripts against the plain model, and what must never happen."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sadd.session.completion import Completion
from sadd.session.ids import Names
from sadd.session.policy import SessionPolicy
from sadd.session.record import HEAD, idle_of
from sadd.session.store import Foreign, Full, Legacy, Moved, Stored, VersionConflict
from sadd.session.valkey import ValkeyStore
from tests.sadd.session.model import Model, Row
from tests.stores import connected

T = TypeVar("T")

START_MS = 1_795_507_745_000
POLICY = SessionPolicy(600_000, 3_600_000)
ACTIONS = (
    ["create"] * 3 + ["touch"] * 4 + ["update"] * 2 + ["rotate", "end", "end_all", "page"] + ["wait"] * 4
)
WAITS_S = [0, 1, 5, 10, 29, 30, 31, 60, 300, 599, 600, 630, 631, 3_000]
policies = st.sampled_from(
    [POLICY, SessionPolicy(30_000, 60_000), SessionPolicy(60_000, 60_000, parallel_max=2)]
)
fresh = itertools.count()


def named(tag: str, name: str) -> Names:
    """Names of the test's own, so that a story can be told again."""
    return Names(f"{tag:_<11}", f"{name:_<22}")


async def completed(store: ValkeyStore, tag: str, operation: Callable[[], Awaitable[T]]) -> T:
    """As a worker does it that knows of nothing in the database, at the time of the operation."""
    try:
        return await operation()
    except Foreign as foreign:
        await store.complete(tag, Legacy(), foreign, foreign.since_ms)
        return await operation()


def same(stored: Stored | Moved | None, row: Row | None) -> bool:
    if not isinstance(stored, Stored) or row is None:
        return not isinstance(stored, Stored) and row is None
    used, absolute = (int.from_bytes(stored.record[at : at + 6], "big") for at in (1, 7))
    version = int.from_bytes(stored.record[35:39], "big")
    return (
        stored.record[HEAD.size :] == row.payload
        and version == row.version
        and used == row.used_ms
        and idle_of(stored.record) == row.policy.idle_ms
        and absolute == row.created_ms + row.policy.absolute_ms
    )


class Story:
    """One random story, told to the store and to the model at once."""

    def __init__(self, store: ValkeyStore, policy: SessionPolicy, dice: random.Random) -> None:
        self.store, self.policy, self.dice = store, policy, dice
        self.model = Model()
        self.names: dict[str, Names] = {}
        self.spent: list[Names] = []
        self.salt = f"{next(fresh)}-"
        self.now = START_MS

    async def step(self, action: str) -> None:
        if action == "wait":
            self.now += 1000 * self.dice.choice(WAITS_S)
        elif action in ("create", "end_all", "page"):
            await getattr(self, action)(self.salt + self.dice.choice("xy"))
        elif self.names:
            await getattr(self, action)(self.dice.choice(sorted(self.names)))

    async def create(self, subject: str) -> None:
        name = f"s{next(fresh)}"
        names = named(subject, name)
        told = await completed(
            self.store, names.tag, lambda: self.store.create(names, self.policy, b"{}", self.now)
        )
        expected = self.model.create(name, subject, b"{}", self.policy, self.now)
        if isinstance(told, Full):
            assert len(told.oldest) == expected
            assert told.oldest[0].rstrip("_") in self.model.of(subject, self.now)
        else:
            assert isinstance(expected, Row)
            self.names[name] = names
            assert same(told, expected)

    async def page(self, subject: str) -> None:
        tag = named(subject, "").tag
        now, listed = await completed(self.store, tag, lambda: self.store.page(tag, 0, self.now))
        assert now == self.now
        assert {digest.rstrip("_") for digest, _ in listed} == set(self.model.of(subject, self.now))

    async def end_all(self, subject: str) -> None:
        await self.store.end_all(named(subject, "").tag, 0)
        self.model.revoke_all(subject)

    async def touch(self, name: str) -> None:
        before = self.model.rows.get(name)
        found = await self.store.read(self.names[name], use=True, now_ms=self.now)
        row = self.model.touch(name, self.now)
        assert same(found, row)
        if isinstance(found, Stored) and before and row:
            assert bool(found.before_ms) == (row.used_ms != before.used_ms)

    async def update(self, name: str) -> None:
        version, payload = self.dice.choice([1, 1, 2, 3]), str(self.dice.random()).encode()
        expected = self.model.update(name, version, payload, self.now)
        call = self.store.update(self.names[name], version, payload, now_ms=self.now)
        await self.compare(call, expected)

    async def rotate(self, name: str) -> None:
        renewed, version = f"{name}r", self.dice.choice([1, 2, 3])
        names, row = self.names[name], self.model.rows.get(name)
        to = Names(names.tag, f"{renewed:_<22}"[:22])
        payload = row.payload if row else b""
        expected = self.model.rotate(name, renewed, version, self.now)
        call = self.store.rotate(names, to, version, payload, now_ms=self.now)
        await self.compare(call, expected)
        if isinstance(expected, Row):
            self.names[renewed] = to
            self.spent.append(self.names.pop(name))

    async def compare(self, call: Awaitable[Stored | Moved | None], expected: Row | int | None) -> None:
        if isinstance(expected, int):
            with pytest.raises(VersionConflict) as conflict:
                await call
            assert conflict.value.version == expected
        else:
            assert same(await call, expected)

    async def end(self, name: str) -> None:
        await self.store.end(self.names[name])
        self.model.rows.pop(name, None)

    async def check(self) -> None:
        """Never past the absolute end; never ended early by idleness, late by at most the interval; nothing
        that was rotated away is alive."""
        for name, names in self.names.items():
            row = self.model.rows.get(name)
            if row is None or row.generation != self.model.generations.get(row.subject, 0):
                continue
            idle_for = self.now - self.model.truly_used[name]
            found = self.model.alive(name, self.now)
            if self.now >= row.created_ms + self.policy.absolute_ms:
                assert found is None
                assert await self.store.read(names, use=True, now_ms=self.now) is None
            elif idle_for < self.policy.idle_ms:
                assert found is not None
            elif idle_for >= self.policy.idle_ms + self.policy.touch_ms:
                assert found is None
        for names in self.spent[-3:]:
            assert not isinstance(await self.store.read(names, use=True, now_ms=self.now), Stored)


@given(seed=st.integers(0, 2**32), policy=policies)
@settings(max_examples=60)
def test_store_and_model_agree_at_every_step(valkey_url: str, seed: int, policy: SessionPolicy) -> None:
    """Any story of creating, using, changing, rotating, ending, listing and waiting, by two workers."""

    async def play() -> None:
        async with connected(valkey_url) as one, connected(valkey_url) as two:
            dice = random.Random(seed)
            stores = itertools.cycle([ValkeyStore(one), ValkeyStore(two)])
            story = Story(next(stores), policy, dice)
            for action in dice.choices(ACTIONS, k=60):
                story.store = next(stores)
                await story.step(action)
                await story.check()

    asyncio.run(play())


async def a_session(
    store: ValkeyStore, policy: SessionPolicy = POLICY, now: int | None = START_MS, name: str = "one"
) -> Names:
    names = named("citizen", name)
    await completed(store, names.tag, lambda: store.create(names, policy, b"{}", now))
    return names


async def test_a_session_in_constant_use_ends_at_its_absolute_time(store: ValkeyStore) -> None:
    """Touched each second it lives to the millisecond before, and not at the moment itself."""
    names = await a_session(store, SessionPolicy(60_000, 120_000))
    for second in range(120):
        assert await store.read(names, use=True, now_ms=START_MS + 1000 * second) is not None
    assert await store.read(names, use=True, now_ms=START_MS + 119_999) is not None
    assert await store.read(names, use=True, now_ms=START_MS + 120_000) is None


async def test_a_busy_session_is_written_once_an_interval(store: ValkeyStore) -> None:
    """Of 600 uses in ten minutes 20 are written, and none of those within an interval of the one before."""
    names = await a_session(store)
    found = [await store.read(names, use=True, now_ms=START_MS + 1000 * second) for second in range(1, 601)]
    written = [one.read_ms for one in found if isinstance(one, Stored) and one.before_ms]
    assert len(written) == 20
    assert all(after - before >= POLICY.touch_ms for before, after in itertools.pairwise(written))


async def test_an_elided_touch_writes_nothing(store: ValkeyStore, valkey_url: str) -> None:
    """Neither the record nor its time to live changes."""
    names = await a_session(store)
    async with connected(valkey_url) as client:
        before = (
            await client.command("GET", names.session),
            await client.command("PEXPIRETIME", names.session),
        )
        await store.read(names, use=True, now_ms=START_MS + 29_999)
        after = await client.command("GET", names.session), await client.command("PEXPIRETIME", names.session)
    assert before == after


async def test_a_look_is_no_use(store: ValkeyStore) -> None:
    """Looked at all the time, never used: it idles away when it would have."""
    names = await a_session(store)
    for second in range(0, 620, 10):
        assert await store.read(names, use=False, now_ms=START_MS + 1000 * second) is not None
    assert await store.read(names, use=False, now_ms=START_MS + 630_000) is None


async def test_a_crowd_that_came_at_once_does_not_leave_at_once(valkey_url: str) -> None:
    """Sessions of one moment leave the store over a time that is a part of the idle time: no spike."""
    async with connected(valkey_url) as client:
        dice = itertools.cycle(range(0, 1000, 100))
        store = ValkeyStore(client, lambda: next(dice))
        ends = []
        for i in range(10):
            names = await a_session(store, now=None, name=f"n{i}")
            ends.append(await client.command("PTTL", names.session, key=names.session))
    left = [int(end) for end in ends if isinstance(end, int)]
    assert len(left) == 10
    assert max(left) - min(left) > 20_000
    assert min(left) > 600_000


async def test_of_parallel_updates_one_wins(valkey_url: str) -> None:
    """50 updates of one version by two workers: one is made, 49 are told the version that is there."""
    async with connected(valkey_url) as one, connected(valkey_url) as two:
        stores = ValkeyStore(one), ValkeyStore(two)
        names = await a_session(stores[0])
        results = await asyncio.gather(
            *(stores[i % 2].update(names, 1, b"{}", now_ms=START_MS) for i in range(50)),
            return_exceptions=True,
        )
    won = [result for result in results if isinstance(result, Stored)]
    lost = [result for result in results if isinstance(result, VersionConflict)]
    assert (len(won), len(lost)) == (1, 49)
    assert {conflict.version for conflict in lost} == {2}


async def test_of_parallel_rotations_one_id_lives(valkey_url: str) -> None:
    """20 rotations of one session at once leave exactly one id that works."""
    async with connected(valkey_url) as one, connected(valkey_url) as two:
        stores = ValkeyStore(one), ValkeyStore(two)
        names = await a_session(stores[0])
        renewed = [named("citizen", f"r{i}") for i in range(20)]
        await asyncio.gather(
            *(stores[i % 2].rotate(names, renewed[i], 1, b"{}", now_ms=START_MS) for i in range(20)),
            return_exceptions=True,
        )
        found = [await stores[0].read(each, use=True, now_ms=START_MS) for each in [names, *renewed]]
    assert sum(isinstance(each, Stored) for each in found) == 1


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40)
def test_never_are_two_ids_writable(valkey_url: str, seed: int) -> None:
    """Rotations and updates of several workers in any order, each from what it read then: after every single
    step exactly one id of the session can be written with."""

    async def play() -> None:
        async with connected(valkey_url) as client:
            store, dice, count = ValkeyStore(client), random.Random(seed), itertools.count()
            session = f"{next(fresh)}-"
            first = await a_session(store, name=f"{session}first")
            ids, read = [first], [(first, 1)] * 3
            for _ in range(12):
                worker = dice.randrange(3)
                names, version = read[worker]
                if dice.random() < 0.4:
                    read[worker] = await writable(store, ids)
                elif dice.random() < 0.5:
                    ids.append(named("citizen", f"{session}{next(count)}"))
                    await quietly(store.rotate(names, ids[-1], version, b"{}", now_ms=START_MS))
                else:
                    await quietly(store.update(names, version, b"{}", now_ms=START_MS))
                await writable(store, ids)

    asyncio.run(play())


async def writable(store: ValkeyStore, ids: list[Names]) -> tuple[Names, int]:
    """The one id that can be written with, and its version."""
    able = []
    for names in ids:
        try:
            found = await store.update(names, 2**32 - 1, b"", now_ms=START_MS)
        except VersionConflict as conflict:
            able.append((names, conflict.version))
        else:
            assert not isinstance(found, Stored)
    assert len(able) == 1
    return able[0]


async def quietly(call: Awaitable[object]) -> None:
    try:
        await call
    except VersionConflict:
        return


async def test_a_repeated_call_finds_what_it_did(store: ValkeyStore) -> None:
    """One that is sent again after a broken connection answers as the first did: a creation, a rotation."""
    policy = SessionPolicy(600_000, 3_600_000, parallel_max=1)
    names = await a_session(store, policy)
    made = await store.read(names, use=False, now_ms=START_MS)
    assert await store.create(names, policy, b"{}", START_MS) == made
    renewed = named("citizen", "renewed")
    first = await store.rotate(names, renewed, 1, b"x", now_ms=START_MS)
    assert isinstance(first, Stored)
    assert await store.rotate(names, renewed, 1, b"x", now_ms=START_MS) == first


async def test_an_ended_session_cannot_be_brought_back(store: ValkeyStore) -> None:
    """A slow request that touches, updates or rotates after a sign-out makes nothing alive again; nor does
    one that completes the subject from what it read before."""
    names = await a_session(store)
    found = await store.read(names, use=False, now_ms=START_MS)
    assert isinstance(found, Stored)
    await store.doubt(names.tag)
    with pytest.raises(Foreign) as foreign:
        await store.read(names, use=False, now_ms=START_MS)
    await store.end(names)
    before_the_end = Legacy(records=((names.digest, found.record),))
    await store.complete(names.tag, before_the_end, foreign.value, START_MS)
    assert await store.read(names, use=True, now_ms=START_MS) is None
    assert await store.update(names, 1, b"{}", now_ms=START_MS) is None
    assert await store.rotate(names, named("citizen", "r"), 1, b"{}", now_ms=START_MS) is None
    assert await store.read(names, use=True, now_ms=START_MS) is None


async def test_what_was_read_long_ago_completes_nothing(store: ValkeyStore) -> None:
    """A worker that stood still for longer than half a tombstone's life is told to read again."""
    names = await a_session(store)
    await store.doubt(names.tag)
    with pytest.raises(Foreign) as foreign:
        await store.read(names, use=False, now_ms=START_MS)
    with pytest.raises(Foreign):
        await store.complete(names.tag, Legacy(), foreign.value, START_MS + 30_001)
    other = Foreign(START_MS, b"another run 1234", held=True)
    with pytest.raises(Foreign):
        await store.complete(names.tag, Legacy(), other, START_MS)
    await store.complete(names.tag, Legacy(), foreign.value, START_MS + 30_000)
    assert isinstance(await store.read(names, use=False, now_ms=START_MS), Stored)


async def test_a_revocation_outlives_a_completion_that_did_not_see_it(store: ValkeyStore) -> None:
    """Read from the database, then all are revoked, then completed: the higher generation stays."""
    names = await a_session(store)
    await store.doubt(names.tag)
    with pytest.raises(Foreign) as foreign:
        await store.read(names, use=False, now_ms=START_MS)
    await store.end_all(names.tag, 7)
    await store.complete(names.tag, Legacy(), foreign.value, START_MS)
    assert await store.read(names, use=False, now_ms=START_MS) is None


async def test_a_revocation_that_is_told_again_ends_nothing_newer(store: ValkeyStore) -> None:
    """Who signed in after a sign-out everywhere stays so when the store is told of that once more."""
    first = await a_session(store, now=None, name="first")
    await store.end_all(first.tag, 7)
    second = await a_session(store, now=None, name="second")
    for generation in (7, 6, 7):
        await store.end_all(first.tag, generation)
    assert await store.read(first, use=False) is None
    assert isinstance(await store.read(second, use=False), Stored)


async def test_a_grace_is_read_only_and_ends(store: ValkeyStore) -> None:
    """The old id leads to the new one for so long, and writes nothing; from then on it is told as spent,
    the first time marked so."""
    names = await a_session(store, SessionPolicy(600_000, 3_600_000, grace_ms=2_000))
    renewed = named("citizen", "renewed")
    await store.rotate(names, renewed, 1, b"{}", now_ms=START_MS)
    graceful = Moved(renewed.digest, graceful=True, first=False)
    assert await store.read(names, use=True, now_ms=START_MS + 1_999) == graceful
    assert await store.update(names, 2, b"{}", now_ms=START_MS + 1_999) == graceful
    spent = [await store.read(names, use=True, now_ms=START_MS + 2_000) for _ in range(3)]
    assert spent == [
        Moved(renewed.digest, graceful=False, first=True),
        Moved(renewed.digest, graceful=False, first=False),
        Moved(renewed.digest, graceful=False, first=False),
    ]


async def test_nobody_fills_the_store_with_made_up_ids(store: ValkeyStore, valkey_url: str) -> None:
    """A thousand of them leave no key."""
    completion = Completion(store, None)
    for i in range(1000):
        names = named(f"{i}", "x")
        assert await completion.over(names.tag, partial(store.read, names, use=True)) is None
    async with connected(valkey_url) as client:
        assert await client.command("DBSIZE") == 0


async def test_the_index_forgets_what_ended(store: ValkeyStore, valkey_url: str) -> None:
    """A subject that signs in again and again, and never out, leaves no more in the index than lives."""
    policy = SessionPolicy(60_000, 120_000, parallel_max=1_000)
    for i in range(50):
        names = await a_session(store, policy, START_MS + 60_000 * i, f"n{i}")
        await store.page(names.tag, 0, START_MS + 60_000 * i)
    async with connected(valkey_url) as client:
        kept = await client.command("ZCARD", names.subject, key=names.subject)
    assert isinstance(kept, int)
    assert kept <= 3


async def test_a_network_has_a_quota(store: ValkeyStore) -> None:
    """Five begin, the sixth is told when; another network is free to."""
    assert [await store.charge(b"session:network:a", 5, 60_000) for _ in range(5)] == [0] * 5
    wait_ms = await store.charge(b"session:network:a", 5, 60_000)
    assert 0 < wait_ms <= 60_000
    assert await store.charge(b"session:network:b", 5, 60_000) == 0
