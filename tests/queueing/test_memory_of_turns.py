"""A turn that was used stays used, and the cap holds, however long ago it was and whatever was forgotten."""

from dataclasses import replace
from typing import Any

from queueing.policy import Lane, Room
from queueing.store import Move
from queueing.valkey import ValkeyStore
from sadd.valkey.client import ValkeyClient
from tests.queueing.test_room import START_MS, begin, step, us
from tests.stores import connected

HOUR_MS = 3_600_000
ROOM = Room("long", 60_000, 100, 60_000, 600_000)
KEY = b"queue:{long}:room"


async def pages(client: ValkeyClient) -> list[bytes]:
    found: Any = await client.command("KEYS", "queue:{long}:*:turned:*", key=KEY)
    return list(found)


async def forget_pages(client: ValkeyClient) -> None:
    """As the store does two hours after the last claim."""
    for page in await pages(client):
        await client.command("DEL", page, key=page)


async def test_an_old_place_is_not_admitted_again(store: ValkeyStore, valkey_url: str) -> None:
    """Who came in at once and shows his ticket a day later has no turn, and takes nothing from the others."""
    await begin(store, ROOM)
    await store.join(ROOM, "", 60, us(START_MS))
    later = START_MS + 24 * HOUR_MS
    await step(store, ROOM, later)
    async with connected(valkey_url) as client:
        await forget_pages(client)
    for number in (1, 60):
        assert (await store.claim(ROOM, "", number, us(later))).state == "expired"
        assert (await store.stand(ROOM, "", number, us(later), back=True)).state == "expired"
    assert (await store.status(ROOM, us(later))).due == 0


async def test_the_cap_holds_after_a_quiet_night(store: ValkeyStore, valkey_url: str) -> None:
    """60 came in at once, all is forgotten, a few are called and don't come: then 100 come in, not 160."""
    await begin(store, ROOM)
    await store.join(ROOM, "", 60, us(START_MS))
    now = START_MS + 8 * HOUR_MS
    await step(store, ROOM, now)
    async with connected(valkey_url) as client:
        await forget_pages(client)
    await store.join(ROOM, "", 5, us(now))
    await step(store, ROOM, now, 5)
    for _ in range(50):
        now += 1_500
        await step(store, ROOM, now, at_once=1_000)
    handed = await store.join(ROOM, "", 300, us(now))
    assert (handed.admitted, handed.active) == (100, 100)


async def test_a_long_pause_forgets_no_turn(store: ValkeyStore, valkey_url: str) -> None:
    """While windows are held the leader keeps what is known of them."""
    await begin(store, ROOM)
    paused = replace(ROOM, suspended=True)
    await store.join(paused, "", 100, us(START_MS))
    await step(store, ROOM, START_MS, 100)
    assert (await store.claim(ROOM, "", 5, us(START_MS))).state == "admitted"
    async with connected(valkey_url) as client:
        for page in await pages(client):
            await client.command("PEXPIRE", page, 60_000, key=page)
        await step(store, paused, START_MS + 5 * HOUR_MS)
        left_ms: list[Any] = [await client.command("PTTL", page, key=page) for page in await pages(client)]
    assert min(left_ms) > HOUR_MS


async def test_a_lane_that_is_taken_out_holds_nothing(store: ValkeyStore) -> None:
    """Who was called there is not waited for for ever, and the open lane comes in at once again."""
    room = replace(ROOM, active_cap=10, lanes=(Lane("vip", 0.5),))
    await begin(store, room)
    await store.join(replace(room, suspended=True), "vip", 20, us(START_MS))
    seen = await store.look(room, 1, us(START_MS))
    assert seen is not None
    await store.advance(room, Move(1, 1, 0, {"": 0, "vip": 8}, {"": 0, "vip": 0}), us(START_MS))
    now, without = START_MS, replace(room, lanes=())
    for _ in range(50):
        now += 1_500
        await step(store, without, now, at_once=1_000)
    assert (await store.status(without, us(now))).due == 0
    assert (await store.join(without, "", 30, us(now))).admitted == 10


async def test_passes_that_end_together_are_forgotten_in_parts(store: ValkeyStore) -> None:
    """However many: no call waits for all of them, and none counts as active."""
    room = replace(ROOM, active_cap=3_000, method="passthrough", reentry_grace_ms=60_000)
    await begin(store, room)
    await store.join(room, "", 2_500, us(START_MS))
    ended = START_MS + room.pass_ms
    assert (await store.status(room, us(ended - 1))).active == 2_500
    assert (await store.status(room, us(ended))).active == 0
    assert (await store.stand(room, "", 2_500, us(ended), back=True)).state == "called"
    assert (await store.claim(room, "", 2_500, us(ended))).state == "admitted"
    for _ in range(3):
        counted = await store.status(room, us(ended))
    assert (counted.active, counted.claimed) == (1, 2_500)
