"""The room's scripts against the plain model, and what must never happen."""

import asyncio
import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queueing.policy import Lane, Room
from queueing.store import Foreign, Handed, Kept, Legacy, Move, Reading
from queueing.valkey import ValkeyStore
from tests.queueing.model import Model
from tests.stores import connected

START_MS = 1_795_507_745_000
numbers = itertools.count()

rooms = st.builds(
    lambda cap, window_s, pass_s, cap_s, grace_s, stock, chance: Room(
        f"room-{next(numbers)}",
        600,
        cap,
        window_s * 1000,
        pass_s * 1000,
        pass_cap_ms=cap_s and (pass_s + cap_s) * 1000,
        reentry_grace_ms=grace_s * 1000,
        stock=stock,
        second_chance=chance,
    ),
    st.integers(1, 6),
    st.integers(3, 40),
    st.integers(3, 90),
    st.sampled_from([0, 0, 20, 200]),
    st.sampled_from([0, 0, 5, 60]),
    st.sampled_from([None, None, 3, 20]),
    st.booleans(),
)
ACTIONS = ["join"] * 3 + ["claim"] * 4 + ["stand", "back", "back", "leave", "renew", "extend"] + ["step"] * 4
ACTIONS += ["wait"] * 3 + ["windows"]


def script_of(dice: random.Random) -> list[tuple[str, int]]:
    """A long story: an action, and whose ticket (counted from the last called) or how many seconds."""
    return [
        (action, dice.choice([0, 1, 1, 2, 3, 5, 6, 10, 20, 40]) if action == "wait" else dice.randint(-6, 3))
        for action in dice.choices(ACTIONS, k=120)
    ]


def us(ms: int) -> int:
    return ms * 1000


async def begin(store: ValkeyStore, room: Room, now_ms: int = START_MS, *, numbers_max: int = 10_000) -> None:
    """A first life, with a block of numbers."""
    lines = dict.fromkeys(room.shares, Kept(0, 0, 0, 0))
    await store.restore(room, Legacy(1, store.incarnation(room), lines, 0, 0, 0), 0, us(now_ms))
    for lane in room.shares:
        await store.block(room, lane, 1, 0, numbers_max)


async def join(store: ValkeyStore, room: Room, now_ms: int = START_MS, many: int = 1) -> Handed:
    return await store.join(room, "", many, us(now_ms))


async def step(
    store: ValkeyStore, room: Room, now_ms: int, call: int = 0, *, again: int = 0, at_once: int = 0
) -> None:
    """One step of a leader that calls so many."""
    seen = await store.look(room, 1, us(now_ms))
    assert seen is not None
    line = seen.lines[""]
    move = Move(seen.life, 1, again, {"": line.serving + call}, {"": line.over}, at_once)
    assert await store.advance(room, move, us(now_ms))


async def act(store: ValkeyStore, model: Model, action: str, which: int) -> None:
    number = min(max(model.serving + which, 1), len(model.visitors))
    if action == "back":
        reading = await store.stand(model.room, "", number, us(model.now_ms), back=True)
    else:
        reading = await getattr(store, action)(model.room, "", number, us(model.now_ms))
    assert (reading.state, reading.ends_ms) == getattr(model, action)(number)
    if reading.state == "admitted":
        assert reading.start_ms == model.visitors[number].start_ms


async def lead(store: ValkeyStore, model: Model, dice: random.Random) -> None:
    model.look()
    seen = await store.look(model.room, 7, us(model.now_ms))
    assert seen is not None
    line = seen.lines[""]
    assert (line.issued, line.serving) == (len(model.visitors), model.serving)
    assert (line.expired, line.over) == (model.expired, model.over())
    assert (seen.due, seen.missed, seen.left) == (model.due, model.missed, model.left)
    assert (seen.again, seen.recalled) == (model.again, model.recalled)
    call, again, at_once = dice.randint(0, line.waiting), dice.randint(0, seen.again), dice.randint(0, 3)
    if model.room.stock is not None:
        call = max(0, min(call, model.room.stock - seen.claimed - seen.due))
    move = Move(seen.life, 7, again, {"": line.serving + call}, {"": line.over}, at_once)
    assert await store.advance(model.room, move, us(model.now_ms))
    # Repeated after a lost answer, say: nothing more happens.
    assert await store.advance(model.room, replace(move, again=0), us(model.now_ms))
    model.advance(line.serving + call, line.over, again, at_once)


async def compare(store: ValkeyStore, model: Model) -> None:
    counted = await store.status(model.room, us(model.now_ms))
    assert (counted.lines[""].serving, counted.lines[""].issued) == (model.serving, len(model.visitors))
    assert (counted.active, counted.claimed, counted.due) == (model.active, model.claimed, model.due)
    assert counted.active <= model.room.active_cap
    assert model.room.stock is None or counted.claimed <= model.room.stock


@given(room=rooms, seed=st.integers(0, 2**32))
@settings(max_examples=40)
def test_store_and_model_agree_at_every_step(valkey_url: str, room: Room, seed: int) -> None:
    """Whatever visitors and the leader do in whatever order, by two workers in turn, all is as in the model.

    On the way: the cap and the stock hold, and free slots go in the order of asking.
    """

    async def play() -> None:
        async with connected(valkey_url) as one, connected(valkey_url) as two:
            stores = itertools.cycle([ValkeyStore(one), ValkeyStore(two)])
            await begin(next(stores), room)
            first = -(-room.outflow_per_minute // 120)
            model, now = Model(room, START_MS, first, START_MS, START_MS), START_MS
            dice = random.Random(seed)
            for action, which in script_of(dice):
                if action == "wait":
                    now += which * 1000
                    continue
                model.settle(now)
                if action == "step":
                    await lead(next(stores), model, dice)
                elif action == "windows":  # a leader at work lets them pass
                    for _ in range(2, room.claim_window_ms // 1000 + 5, 2):
                        now += 2_000
                        model.settle(now)
                        await lead(next(stores), model, dice)
                elif action == "join":
                    handed = await join(next(stores), room, now)
                    assert model.join() == (
                        ("admitted", handed.ends_ms) if handed.admitted else ("waiting", 0)
                    )
                    assert handed.first == len(model.visitors)
                elif model.visitors:
                    await act(next(stores), model, action, which)
                await compare(next(stores), model)

    asyncio.run(play())


async def test_a_crowd_gets_every_number_once(valkey_url: str, room: Room) -> None:
    """500 joins by two workers at the same time: numbers 1 to 500, no gap, none twice."""
    async with connected(valkey_url) as one, connected(valkey_url) as two:
        stores = ValkeyStore(one), ValkeyStore(two)
        await begin(stores[0], room)
        handed = await asyncio.gather(*(join(stores[i % 2], room, many=5) for i in range(100)))
    found = [number for each in handed for number in range(each.first, each.first + each.count)]
    assert sorted(found) == list(range(1, 501))
    assert sum(each.admitted for each in handed) <= room.active_cap


async def test_a_block_ends_and_the_next_follows(store: ValkeyStore, room: Room) -> None:
    """No number beyond the block; a block that does not follow, or comes twice, changes nothing."""
    await begin(store, room, numbers_max=5)
    handed = await join(store, room, many=8)
    assert (handed.first, handed.count, handed.left) == (1, 5, 0)
    assert (await join(store, room)).count == 0
    assert await store.block(room, "", 1, 7, 20) == 5
    assert await store.block(room, "", 2, 5, 20) == 5  # of another life
    assert await store.block(room, "", 1, 5, 9) == 9
    assert await store.block(room, "", 1, 5, 9) == 9
    assert (await join(store, room, many=3)).first == 6


async def test_a_waiting_visitor_costs_no_byte(store: ValkeyStore, valkey_url: str, room: Room) -> None:
    """2,000 more in line leave the store's keys of the room as long as they were, but for the digits."""
    await begin(store, room)
    async with connected(valkey_url) as client:
        sizes = []
        for crowd in (100, 2_000):
            await join(store, room, many=crowd)
            sizes.append(await used(client))
    assert sizes[1] - sizes[0] <= 16


async def used(client: object) -> int:
    """Bytes of all keys of the room."""
    keys = await client.command("KEYS", "queue:*")  # type: ignore[attr-defined]  # the store's client
    sizes = [await client.command("MEMORY", "USAGE", key, key=key) for key in keys]  # type: ignore[attr-defined]
    return sum(sizes)


async def test_marks_stay_bounded(store: ValkeyStore, valkey_url: str) -> None:
    """However often the room moves within a window, it remembers at most 258 moments of it."""
    room = Room("marks", 60_000, 100_000, 5_000, 600_000)
    await begin(store, room)
    await join(store, room, many=9_000)
    async with connected(valkey_url) as client:
        for ms in range(0, 6_000, 5):
            await step(store, room, START_MS + ms, 5)
        assert await client.command("LLEN", "queue:{marks}:1:marks:", key=b"queue:{marks}:room") in range(259)


async def test_who_found_the_cap_reached_is_first(store: ValkeyStore) -> None:
    """He keeps his turn however long it takes, and a slot that comes free is his, not of who asks next."""
    room = Room("full", 600, 1, 3_000, 60_000, second_chance=False)
    await begin(store, room)
    await join(store, room, many=4)
    await step(store, room, START_MS, 2)
    for second in range(0, 60, 2):
        now = START_MS + 1000 * second
        assert (await store.claim(room, "", 2, us(now))).state == "called"
        await step(store, room, now)
    freed = START_MS + 60_000
    assert (await store.stand(room, "", 3, us(freed))).state == "expired"  # never asked
    await step(store, room, freed, 1)
    assert (await store.claim(room, "", 4, us(freed))).state == "called"
    assert (await store.claim(room, "", 2, us(freed))).state == "admitted"


async def test_a_pause_costs_nobody_the_turn(store: ValkeyStore) -> None:
    """While it is suspended, and when nobody led it for a while, windows are held: a whole one follows."""
    room = Room("held", 600, 5, 3_000, 60_000)
    await begin(store, room)
    await join(store, room, many=8)
    await step(store, room, START_MS, 2)
    paused = replace(room, suspended=True)
    for second in range(1, 20):
        await step(store, paused, START_MS + 1000 * second)
    assert (await store.stand(room, "", 7, us(START_MS + 19_000))).state == "called"
    away_until = START_MS + 120_000
    await step(store, room, away_until)
    assert (await store.stand(room, "", 7, us(away_until + 2_000))).state == "called"
    for second in (1, 2, 3, 4):
        await step(store, room, away_until + 1000 * second)
    assert (await store.stand(room, "", 7, us(away_until + 4_000))).state == "expired"


async def test_state_of_another_server_does_not_count(
    store: ValkeyStore, valkey_url: str, room: Room
) -> None:
    """What a replica that took over, or a store that came back, holds is foreign."""
    with pytest.raises(Foreign):
        await join(store, room)
    await begin(store, room)
    async with connected(valkey_url) as client:
        await client.command(
            "HSET", "queue:{results}:room", "server", "another:one", key=b"queue:{results}:room"
        )
    for operation in (store.claim, store.stand, store.leave, store.renew, store.extend):
        with pytest.raises(Foreign):
            await operation(room, "", 1)
    with pytest.raises(Foreign):
        await store.look(room, 1)
    with pytest.raises(Foreign):
        await store.status(room)


async def test_an_earlier_leader_is_not_heard(store: ValkeyStore, room: Room) -> None:
    """Once a later one looked, neither looks nor steps of the one before it do anything."""
    await begin(store, room)
    await join(store, room, many=5)
    seen = await store.look(room, 3)
    assert seen is not None
    assert await store.look(room, 4) is not None
    assert await store.look(room, 3) is None
    serving = seen.lines[""].serving + 1
    assert not await store.advance(room, Move(seen.life, 3, 0, {"": serving}, {"": 0}))
    assert not await store.advance(room, Move(seen.life + 1, 4, 0, {"": serving}, {"": 0}))
    assert (await store.status(room)).lines[""].serving == seen.lines[""].serving


async def test_lanes_have_their_own_numbers_and_one_cap(store: ValkeyStore) -> None:
    """Number 1 of each lane is another visitor's; inside they count together."""
    room = Room("lanes", 600, 2, 60_000, 60_000, lanes=(Lane("vip", 0.2), Lane("quiet", 0.1)))
    await begin(store, room)
    handed = [await store.join(room, lane, 3, us(START_MS)) for lane in room.shares]
    assert [(each.first, each.count, each.admitted) for each in handed] == [(1, 3, 2), (1, 3, 0), (1, 3, 0)]
    seen = await store.look(room, 1, us(START_MS))
    assert seen is not None
    move = Move(seen.life, 1, 0, {"": 3, "vip": 2, "quiet": 1}, dict.fromkeys(room.shares, 0))
    await store.advance(room, move, us(START_MS))
    readings: list[Reading] = [await store.claim(room, "vip", number, us(START_MS)) for number in (1, 3)]
    assert [reading.state for reading in readings] == ["called", "waiting"]
    await store.leave(room, "", 1, us(START_MS))
    assert (await store.claim(room, "vip", 1, us(START_MS))).state == "admitted"
    assert (await store.stand(room, "", 1, us(START_MS))).state == "expired"
