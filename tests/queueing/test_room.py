"""The room's scripts against the plain model, and what must never happen."""

import asyncio
import itertools
import random
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queueing.policy import Room
from queueing.store import Reading
from queueing.valkey import ValkeyStore
from tests.queueing.model import Model
from tests.stores import connected

START_MS = 1_795_507_745_000
numbers = itertools.count()

rooms = st.builds(
    lambda outflow, cap, window_s, pass_s: Room(
        f"room-{next(numbers)}", outflow, cap, window_s * 1000, pass_s * 1000
    ),
    st.sampled_from([1, 7, 60, 100, 600]),
    st.integers(1, 6),
    st.integers(3, 40),
    st.integers(3, 90),
)
ACTIONS = ["join"] * 3 + ["claim"] * 3 + ["stand", "leave", "status"] + ["wait"] * 3


def script_of(dice: random.Random) -> list[tuple[str, int]]:
    """A long story: an action, and whose ticket (counted from the last called) or how many seconds."""
    return [
        (action, dice.choice([0, 1, 2, 3, 5, 6, 10, 20, 40]) if action == "wait" else dice.randint(-4, 4))
        for action in dice.choices(ACTIONS, k=80)
    ]


def us(ms: int) -> int:
    return ms * 1000


@given(room=rooms, seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_store_and_model_agree_at_every_step(valkey_url: str, room: Room, seed: int) -> None:
    """Whatever visitors do in whatever order, by two workers in turn, state and counters are the model's.

    On the way: the cap holds, numbers are gapless, and they are called in their order.
    """

    async def play() -> None:
        async with connected(valkey_url) as one, connected(valkey_url) as two:
            stores = itertools.cycle([ValkeyStore(one), ValkeyStore(two)])
            model, now = Model(room, START_MS), START_MS
            for action, which in script_of(random.Random(seed)):
                if action == "wait":
                    now += which * 1000
                elif model.visitors or action == "join":
                    reading = await act(next(stores), model, action, which, now)
                    assert (reading.serving, reading.issued) == (model.serving, len(model.visitors))
                    assert reading.active == model.active
                    assert model.active + model.to_claim <= room.active_cap
            called = [number for _, number in model.called_log]
            assert called == list(range(1, len(called) + 1))

    async def act(store: ValkeyStore, model: Model, action: str, which: int, now: int) -> Reading:
        if action == "status":
            model.settle(now)
            return await store.status(room, us(now))
        if action == "join":
            reading, expected = await store.join(room, us(now)), model.join(now)
            assert reading.number == len(model.visitors)
        else:
            number = min(max(model.serving + which, 1), len(model.visitors))
            reading = await getattr(store, action)(room, number, us(now))
            expected = getattr(model, action)(number, now)
        assert (reading.state, reading.ends_ms) == expected
        return reading

    asyncio.run(play())


async def test_a_crowd_gets_every_number_once(valkey_url: str, room: Room) -> None:
    """500 joins by two workers at the same time: numbers 1 to 500, no gap, none twice."""
    async with connected(valkey_url) as one, connected(valkey_url) as two:
        stores = ValkeyStore(one), ValkeyStore(two)
        readings = await asyncio.gather(*(stores[i % 2].join(room) for i in range(500)))
    assert sorted(reading.number for reading in readings) == list(range(1, 501))
    assert sum(reading.state == "admitted" for reading in readings) <= room.active_cap


async def test_the_outflow_is_even_and_exact(store: ValkeyStore) -> None:
    """With visitors enough, ten minutes of polls at odd moments call 97 a minute, ±2%, in each minute."""
    room = Room("even", 97, 100_000, 60_000, 600_000)
    for _ in range(1500):
        await store.join(room, us(START_MS))
    at, seen, dice = START_MS, [(START_MS, 2)], random.Random(7)
    while at < START_MS + 600_000:
        at += dice.randint(1, 4_000)
        seen.append((at, (await store.status(room, us(at))).serving))
    for start, before in seen[1:]:
        if start < START_MS + 540_000:
            after = max(serving for t, serving in seen if t <= start + 60_000)
            elapsed = max(t for t, _ in seen if t <= start + 60_000) - start
            assert abs((after - before) - 97 * elapsed / 60_000) <= 0.02 * 97
    steps = Counter(b - a for (_, a), (_, b) in itertools.pairwise(seen))
    assert max(steps) <= 7  # four seconds' worth


async def test_any_number_of_workers_asking_changes_nothing(store: ValkeyStore) -> None:
    """A hundred polls in one millisecond call as many as one does: the time counts, not the asking."""
    room = Room("busy", 60, 1000, 60_000, 600_000)
    for _ in range(50):
        await store.join(room, us(START_MS))
    servings = {(await store.status(room, us(START_MS + 3_000))).serving for _ in range(100)}
    assert len(servings) == 1


async def test_a_pass_that_ended_frees_its_slot(store: ValkeyStore, room: Room) -> None:
    """The next in line is called when an active user's pass ends or he leaves, not before."""
    for second in range(4):
        await store.join(room, us(START_MS + 1000 * second))
    assert (await store.stand(room, 4, us(START_MS + 599_000))).state == "waiting"
    assert (await store.stand(room, 4, us(START_MS + 600_000))).state == "called"
    await store.join(room, us(START_MS + 600_500))
    assert (await store.leave(room, 2, us(START_MS + 600_500))).state == "completed"
    assert (await store.stand(room, 5, us(START_MS + 602_000))).state == "called"


async def test_a_lowered_cap_costs_nobody_the_turn(store: ValkeyStore) -> None:
    """Called visitors who find the lowered cap reached stay called; a full window begins when it is not."""
    room = Room("lowered", 600, 4, 10_000, 60_000)
    for _ in range(8):
        await store.join(room, us(START_MS))
    await store.status(room, us(START_MS + 1_000))
    now = START_MS + 1_000
    for number in (1, 2, 3):
        await store.claim(room, number, us(now))
    assert (await store.stand(room, 4, us(now))).state in ("called", "admitted")
    strict = Room("lowered", 600, 2, 10_000, 60_000)
    await store.leave(room, 4, us(now))
    assert (await store.stand(room, 5, us(now + 1_000))).state == "called"
    for seconds in range(2, 58, 5):
        assert (await store.claim(strict, 5, us(now + 1000 * seconds))).state == "called"
    freed = now + 60_000  # the passes of 1 to 3 end
    assert (await store.stand(strict, 5, us(freed))).state == "called"
    assert (await store.claim(strict, 5, us(freed + 1_000))).state == "admitted"


async def test_waiting_costs_no_byte(store: ValkeyStore, valkey_url: str, room: Room) -> None:
    """2,000 more in line leave the store's keys of the room as long as they were, but for the digits."""
    async with connected(valkey_url) as client:
        sizes = []
        for crowd in (100, 2_000):
            await asyncio.gather(*(store.join(room, us(START_MS)) for _ in range(crowd)))
            keys = [f"queue:{{results}}:{part}" for part in ("room", "marks", "claimed", "active")]
            found = [await client.command("MEMORY", "USAGE", key, key=key.encode()) for key in keys]
            sizes.append(sum(size for size in found if isinstance(size, int)))
    assert sizes[1] - sizes[0] <= 16


async def test_a_store_that_lost_its_memory_gives_no_number_twice(store: ValkeyStore, room: Room) -> None:
    """A signed number above the counter raises it: those who come after stand behind."""
    await store.stand(room, 5_000, us(START_MS))
    assert (await store.join(room, us(START_MS))).number == 5_001


async def test_marks_stay_bounded(store: ValkeyStore, valkey_url: str) -> None:
    """However often the room moves within a window, it remembers at most 258 moments of it."""
    room = Room("marks", 60_000, 100_000, 5_000, 600_000)
    for _ in range(3_000):
        await store.join(room, us(START_MS))
    async with connected(valkey_url) as client:
        for ms in range(0, 6_000, 2):
            await store.status(room, us(START_MS + ms))
        assert await client.command("LLEN", "queue:{marks}:marks", key=b"queue:{marks}:marks") in range(259)
