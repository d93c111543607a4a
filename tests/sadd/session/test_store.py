"""The session scripts against the plain model, and what must never happen."""

import asyncio
import itertools
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sadd.session.ids import Ids, Names
from sadd.session.policy import SessionPolicy
from sadd.session.record import Session, tail
from sadd.session.store import VersionConflict
from sadd.session.valkey import ValkeyStore
from tests.sadd.session.model import Model, Row
from tests.stores import connected

START_MS = 1_795_507_745_000
POLICY = SessionPolicy(600_000, 3_600_000)
ACTIONS = ["create"] * 2 + ["touch"] * 4 + ["update"] * 2 + ["rotate", "revoke", "revoke_all"] + ["wait"] * 4
WAITS_S = [0, 1, 5, 10, 29, 30, 31, 60, 300, 599, 600, 630, 631, 3_000]
policies = st.sampled_from([POLICY, SessionPolicy(30_000, 60_000), SessionPolicy(60_000, 60_000)])
fresh = itertools.count()


def names_of(ids: Ids, name: str, subject: str) -> Names:
    """The names of an id that is the test's own, so that a story can be told again."""
    session_id = ids.new("moi", subject)
    found = ids.names("moi", session_id)
    assert found is not None
    return Names(found.session + name.encode(), found.generation)


def same(session: Session | None, row: Row | None) -> bool:
    if session is None or row is None:
        return session is None and row is None
    return (
        session.subject == row.subject
        and session.payload == row.payload
        and session.version == row.version
        and session.used_ms == row.used_ms
        and session.absolute_ms == row.created_ms + row.policy.absolute_ms
    )


class Story:
    """One random story, told to the store and to the model at once."""

    def __init__(self, store: ValkeyStore, ids: Ids, policy: SessionPolicy, dice: random.Random) -> None:
        self.store, self.ids, self.policy, self.dice = store, ids, policy, dice
        self.model = Model()
        self.names: dict[str, Names] = {}
        self.salt = f"{next(fresh)}-"
        self.now = START_MS

    async def step(self, action: str) -> None:
        if action == "wait":
            self.now += 1000 * self.dice.choice(WAITS_S)
        elif action == "create":
            await self.create()
        elif action == "revoke_all":
            subject = self.dice.choice("xy")
            await self.store.revoke_all(self.ids.generation("moi", self.salt + subject))
            self.model.revoke_all(self.salt + subject)
        elif self.names:
            await getattr(self, action)(self.dice.choice(sorted(self.names)))

    async def create(self) -> None:
        name, subject = f"s{len(self.names)}", self.salt + self.dice.choice("xy")
        self.names[name] = names_of(self.ids, name, subject)
        payload = tail("portal", subject, b"{}")
        session = await self.store.create(self.names[name], self.policy, payload, self.now)
        assert same(session, self.model.create(name, subject, b"{}", self.policy, self.now))

    async def touch(self, name: str) -> None:
        before = self.model.rows.get(name)
        found = await self.store.touch(self.names[name], self.now)
        row = self.model.touch(name, self.now)
        assert same(found[0] if found else None, row)
        if found and before and row:
            assert found[1] == (row.used_ms != before.used_ms)

    async def update(self, name: str) -> None:
        version, payload = self.dice.choice([1, 1, 2, 3]), str(self.dice.random()).encode()
        expected = self.model.update(name, version, payload, self.now)
        row = self.model.rows.get(name)
        packed = tail("portal", row.subject if row else "gone", payload)
        call = self.store.update(self.names[name], version, packed, self.now)
        if isinstance(expected, int):
            with pytest.raises(VersionConflict) as conflict:
                await call
            assert conflict.value.version == expected
        else:
            assert same(await call, expected)

    async def rotate(self, name: str) -> None:
        renewed = f"{name}r"
        names = Names(self.names[name].session + b"r", self.names[name].generation)
        session = await self.store.rotate(self.names[name], names, self.now)
        row = self.model.rotate(name, renewed, self.now)
        assert same(session, row)
        if row is not None:
            self.names[renewed] = names
            assert await self.store.touch(self.names.pop(name), self.now) is None

    async def revoke(self, name: str) -> None:
        await self.store.revoke(self.names[name])
        self.model.rows.pop(name, None)

    async def check_times(self) -> None:
        """Never past the absolute end; never ended early by idleness, late by at most the interval."""
        for name, names in self.names.items():
            row = self.model.rows.get(name)
            if row is None or row.generation != self.model.generations.get(row.subject, 0):
                continue
            idle_for = self.now - self.model.truly_used[name]
            found = self.model.alive(name, self.now)
            if self.now >= row.created_ms + self.policy.absolute_ms:
                assert found is None
                assert await self.store.touch(names, self.now) is None
            elif idle_for < self.policy.idle_ms:
                assert found is not None
            elif idle_for >= self.policy.idle_ms + self.policy.touch_ms:
                assert found is None


@given(seed=st.integers(0, 2**32), policy=policies)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_store_and_model_agree_at_every_step(valkey_url: str, seed: int, policy: SessionPolicy) -> None:
    """Any story of creating, using, changing, rotating, revoking and waiting, by two workers in turn."""

    async def play() -> None:
        async with connected(valkey_url) as one, connected(valkey_url) as two:
            dice = random.Random(seed)
            stores = itertools.cycle([ValkeyStore(one), ValkeyStore(two)])
            story = Story(next(stores), Ids(b"p" * 32), policy, dice)
            for action in dice.choices(ACTIONS, k=60):
                story.store = next(stores)
                await story.step(action)
                await story.check_times()

    asyncio.run(play())


async def a_session(
    store: ValkeyStore, ids: Ids, policy: SessionPolicy = POLICY, now: int = START_MS
) -> Names:
    names = ids.names("moi", ids.new("moi", "citizen"))
    assert names is not None
    await store.create(names, policy, tail("portal", "citizen", b"{}"), now)
    return names


async def test_a_session_in_constant_use_ends_at_its_absolute_time(store: ValkeyStore, ids: Ids) -> None:
    """Touched each second it lives to the millisecond before, and not at the moment itself."""
    policy = SessionPolicy(60_000, 120_000)
    names = await a_session(store, ids, policy)
    for second in range(120):
        assert await store.touch(names, START_MS + 1000 * second) is not None
    assert await store.touch(names, START_MS + 119_999) is not None
    assert await store.touch(names, START_MS + 120_000) is None


async def test_a_busy_session_is_written_once_an_interval(store: ValkeyStore, ids: Ids) -> None:
    """600 touches in ten minutes of a session with a ten-minute idle time are 20 writes, one each 30 s."""
    names = await a_session(store, ids)
    written = 0
    for second in range(1, 601):
        found = await store.touch(names, START_MS + 1000 * second)
        assert found is not None
        written += found[1]
    assert written == 20


async def test_an_elided_touch_writes_nothing(store: ValkeyStore, ids: Ids, valkey_url: str) -> None:
    """Neither the record nor its time to live changes."""
    names = await a_session(store, ids)
    async with connected(valkey_url) as client:
        before = (
            await client.command("GET", names.session),
            await client.command("PEXPIRETIME", names.session),
        )
        await store.touch(names, START_MS + 29_999)
        after = await client.command("GET", names.session), await client.command("PEXPIRETIME", names.session)
    assert before == after


async def test_of_parallel_updates_one_wins(valkey_url: str, ids: Ids) -> None:
    """50 updates of one version by two workers: one is made, 49 are told the version that is there."""
    async with connected(valkey_url) as one, connected(valkey_url) as two:
        stores = ValkeyStore(one), ValkeyStore(two)
        names = await a_session(stores[0], ids)
        packed = tail("portal", "citizen", b'{"a":1}')
        results = await asyncio.gather(
            *(stores[i % 2].update(names, 1, packed, START_MS) for i in range(50)), return_exceptions=True
        )
    won = [result for result in results if isinstance(result, Session)]
    lost = [result for result in results if isinstance(result, VersionConflict)]
    assert (len(won), len(lost)) == (1, 49)
    assert {conflict.version for conflict in lost} == {2}


async def test_of_parallel_rotations_one_id_lives(valkey_url: str, ids: Ids) -> None:
    """20 rotations of one session at once leave exactly one id that works."""
    async with connected(valkey_url) as one, connected(valkey_url) as two:
        stores = ValkeyStore(one), ValkeyStore(two)
        names = await a_session(stores[0], ids)
        renewed = [Names(names.session + b"%d" % i, names.generation) for i in range(20)]
        await asyncio.gather(*(stores[i % 2].rotate(names, renewed[i], START_MS) for i in range(20)))
        alive = [await stores[0].touch(one_id, START_MS) for one_id in [names, *renewed]]
    assert sum(found is not None for found in alive) == 1


async def test_a_repeated_rotation_finds_what_it_did(store: ValkeyStore, ids: Ids) -> None:
    """A call that is sent again after a broken connection answers as the first did."""
    names = await a_session(store, ids)
    renewed = Names(names.session + b"r", names.generation)
    first = await store.rotate(names, renewed, START_MS)
    assert first is not None
    assert await store.rotate(names, renewed, START_MS) == first


async def test_a_revoked_session_cannot_be_brought_back(store: ValkeyStore, ids: Ids) -> None:
    """A slow request that touches, updates or rotates after a sign-out makes nothing alive again."""
    names = await a_session(store, ids)
    await store.revoke(names)
    assert await store.touch(names, START_MS) is None
    assert await store.update(names, 1, tail("portal", "citizen", b"{}"), START_MS) is None
    assert await store.rotate(names, Names(names.session + b"r", names.generation), START_MS) is None
    assert await store.touch(names, START_MS) is None


async def test_a_generation_outlives_every_session_made_under_it(
    store: ValkeyStore, ids: Ids, valkey_url: str
) -> None:
    """A new session renews the counter's life, which is longer than any session's, so it cannot restart."""
    generation = ids.generation("moi", "citizen")
    await store.revoke_all(generation)
    async with connected(valkey_url) as client:
        await client.command("PEXPIRE", generation, 5_000)
        await a_session(store, ids)
        left_ms = await client.command("PTTL", generation)
    assert isinstance(left_ms, int)
    assert left_ms > 30 * 24 * 3600 * 1000


async def test_a_session_costs_little(store: ValkeyStore, ids: Ids, valkey_url: str) -> None:
    """A session with 200 bytes of payload takes at most 600 bytes of the store."""
    names = ids.names("moi", ids.new("moi", "28412345678"))
    assert names is not None
    await store.create(names, POLICY, tail("traffic-fines", "28412345678", b"x" * 200))
    async with connected(valkey_url) as client:
        used = await client.command("MEMORY", "USAGE", names.session, key=names.session)
    assert isinstance(used, int)
    assert used <= 600


@pytest.mark.parametrize(("idle", "absolute"), [(0, 1), (2_000, 1_000), (1_000, 31 * 24 * 3_600_000)])
def test_times_out_of_bounds_are_refused(idle: int, absolute: int) -> None:
    """Idle is at most absolute, and absolute at most thirty days."""
    with pytest.raises(ValueError):
        SessionPolicy(idle, absolute)
