"""A visitor's way through a room with a draw, on the real stores: entry, number, turn."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import redis

from queueing.draw.receipt import ReceiptOffice
from queueing.draw.rooms import EventRooms
from queueing.passes import PassKey, PassOffice
from queueing.policy import Lane, Room
from queueing.postgres import PostgresLedger
from queueing.store import Line, Move, StoreUnavailable
from queueing.ticket import InvalidTicket, TicketKeys, TicketOffice
from queueing.valkey import ValkeyStore
from sadd.postgres.pool import AWAY
from sadd.valkey.client import ValkeyClient
from tests.queueing.draw.chain import signature
from tests.queueing.draw.scene import ROOM, Scene
from tests.stores import connected

SECONDS = itertools.count()
KEYS = TicketKeys("00000001", {"00000001": b"k" * 32})
EVENT = Room(ROOM, 600, 100, 60_000, 60_000, method="lottery")


@pytest.fixture
async def valkey(valkey_url: str) -> AsyncIterator[ValkeyClient]:
    async with connected(valkey_url) as client:
        yield client


@pytest.fixture
def rooms(valkey: ValkeyClient, scene: Scene) -> EventRooms:
    return EventRooms(
        ValkeyStore(valkey),
        TicketOffice(KEYS),
        PassOffice([PassKey("0000000a", b"s" * 32)]),
        PostgresLedger(scene.pool, AWAY),
        scene.draws,
        ReceiptOffice(KEYS),
        clock=lambda: next(SECONDS),  # whatever is kept for a second is too old at the next question
        chance=lambda: 0.5,
    )


async def _draw(scene: Scene) -> None:
    await scene.start()
    frozen = await scene.draws.freeze(ROOM)
    assert frozen is not None
    await scene.draws.draw(ROOM, signature(frozen.beacon.round).hex())


async def test_who_gathers_has_an_entry_and_after_the_draw_a_number_of_his_own(
    scene: Scene, rooms: EventRooms
) -> None:
    """Who gathers has an entry and after the draw a number of his own."""
    await scene.announce()
    gathered = await asyncio.gather(*(rooms.join(EVENT) for _ in range(20)))
    assert {one.state for one in gathered} == {"gathering"}
    assert (await rooms.status(EVENT)).state == "gathering"

    await _draw(scene)
    drawn = [await rooms.standing(EVENT, one.ticket) for one in gathered]

    assert sorted(one.number for one in drawn) == list(range(1, 21))
    assert {one.state for one in drawn} == {"waiting"}
    assert [one.position for one in drawn] == [one.number for one in drawn]
    # The receipt goes on to be good, and so does the ticket that it was exchanged for.
    assert [await rooms.standing(EVENT, one.ticket) for one in drawn] == drawn
    status = await rooms.status(EVENT)
    assert (status.state, status.waiting) == ("queueing", 20)


async def test_a_refresh_a_retry_and_another_device_keep_the_entry(scene: Scene, rooms: EventRooms) -> None:
    """A refresh, a retry and another device keep the entry."""
    await scene.announce()
    first = await rooms.join(EVENT)

    again = await rooms.join(EVENT, first.ticket)
    elsewhere = await rooms.resume(EVENT, rooms.resume_code(EVENT, first.ticket))

    assert first.entry == again.entry == elsewhere.entry
    assert await scene.pool.fetchval("SELECT count FROM queue_draw") == 1
    await _draw(scene)
    numbers = {(await rooms.standing(EVENT, one.ticket)).number for one in (first, again, elsewhere)}
    assert numbers == {1}


async def test_one_identity_has_one_entry_and_finds_its_number_without_a_ticket(
    scene: Scene, rooms: EventRooms
) -> None:
    """One identity has one entry and finds its number without a ticket."""
    await scene.announce()
    await rooms.join(EVENT, holder=b"a" * 16)
    mine = await rooms.join(EVENT, holder=b"b" * 16)
    assert (await rooms.join(EVENT, holder=b"b" * 16)).entry == mine.entry
    await _draw(scene)

    number = (await rooms.standing(EVENT, mine.ticket)).number

    assert (await rooms.join(EVENT, holder=b"b" * 16)).number == number
    assert (await rooms.join(EVENT, holder=b"c" * 16)).number == 3


async def test_late_comers_are_first_in_first_out_behind_the_draw(scene: Scene, rooms: EventRooms) -> None:
    """Late comers are first in, first out behind the draw."""
    await scene.announce()
    for _ in range(5):
        await rooms.join(EVENT)
    await scene.start()

    with pytest.raises(StoreUnavailable, match="being frozen"):
        await rooms.join(EVENT)
    frozen = await scene.draws.freeze(ROOM)
    assert frozen is not None
    late = [await rooms.join(EVENT) for _ in range(3)]

    assert [one.number for one in late] == [6, 7, 8]
    assert {one.state for one in late} == {"waiting"}  # nobody goes in before the draw, whatever is free
    await scene.draws.draw(ROOM, signature(frozen.beacon.round).hex())
    assert (await rooms.standing(EVENT, late[0].ticket)).position == 6


async def test_numbers_from_before_the_event_are_not_given_twice(scene: Scene, rooms: EventRooms) -> None:
    """The room was in use: what its state had reserved and not handed out is never handed out."""
    fifo = replace(EVENT, method="fifo", outflow_per_minute=1, active_cap=1)
    before = [await rooms.join(fifo) for _ in range(10)]
    await scene.announce()
    gathered = [await rooms.join(EVENT) for _ in range(10)]
    await _draw(scene)

    drawn = [await rooms.standing(EVENT, one.ticket) for one in gathered]
    late = [await rooms.join(EVENT) for _ in range(40)]

    numbers = [one.number for one in (*before, *drawn, *late)]
    assert len(set(numbers)) == len(numbers)
    assert max(one.number for one in before) < min(one.number for one in drawn)
    assert max(one.number for one in drawn) < min(one.number for one in late)


async def test_the_drawn_are_called_in_their_drawn_order(
    scene: Scene, rooms: EventRooms, valkey: ValkeyClient
) -> None:
    """The drawn are called in their drawn order."""
    await scene.announce()
    gathered = [await rooms.join(EVENT) for _ in range(8)]
    await _draw(scene)
    drawn = [await rooms.standing(EVENT, one.ticket) for one in gathered]
    store = ValkeyStore(valkey)
    seen = await store.look(EVENT, 1)
    assert seen is not None
    assert seen.lines[""] == Line(issued=8, serving=0, expired=0, over=0)
    await store.advance(EVENT, Move(seen.life, 1, 0, {"": 3}, {"": 0}))

    claimed = [await rooms.claim(EVENT, one.ticket) for one in gathered]

    assert {one.number for one in claimed if one.admission} == {1, 2, 3}
    assert [one.number for one in claimed] == [one.number for one in drawn]


async def test_nobody_is_called_before_the_draw(scene: Scene, rooms: EventRooms) -> None:
    """Nobody is called before the draw."""
    await scene.announce()
    await rooms.join(EVENT)
    assert rooms.held(EVENT).suspended
    await scene.start()
    await scene.draws.freeze(ROOM)
    assert rooms.held(EVENT).suspended

    kept = scene.draws.of(ROOM)
    assert kept is not None
    await scene.draws.draw(ROOM, signature(kept.beacon.round).hex())
    assert not rooms.held(EVENT).suspended


async def test_an_operator_who_gives_a_draw_up_lets_the_line_go_on(scene: Scene, rooms: EventRooms) -> None:
    """A beacon that never comes holds nobody up for ever: with another method people are called."""
    await scene.frozen(2)

    assert rooms.held(EVENT).suspended
    assert not rooms.held(replace(EVENT, method="fifo")).suspended


async def test_nobody_gets_a_number_while_the_draw_is_being_announced(
    scene: Scene, rooms: EventRooms
) -> None:
    """It would be one before all that gather."""
    scene.draws.expected = frozenset({ROOM})

    with pytest.raises(StoreUnavailable, match="about to begin"):
        await rooms.join(EVENT)
    await scene.announce()
    assert (await rooms.join(EVENT)).state == "gathering"


async def test_an_event_to_which_nobody_came_holds_up_nothing(scene: Scene, rooms: EventRooms) -> None:
    """An event to which nobody came holds up nothing."""
    await scene.announce()
    await scene.start()
    await scene.draws.freeze(ROOM)

    assert not rooms.held(EVENT).suspended
    assert (await rooms.join(EVENT)).state == "admitted"


async def test_other_lanes_and_other_methods_do_not_gather(scene: Scene, rooms: EventRooms) -> None:
    """Other lanes and other methods do not gather."""
    await scene.announce()
    laned = replace(EVENT, lanes=(Lane("accessible", 0.1),))

    assert (await rooms.join(laned, lane="accessible")).state == "waiting"
    assert (await rooms.join(replace(EVENT, method="fifo"))).state != "gathering"
    assert (await rooms.join(laned)).state == "gathering"


async def test_a_receipt_of_another_room_or_a_forged_one_is_no_ticket(
    scene: Scene, rooms: EventRooms
) -> None:
    """A receipt of another room or a forged one is no ticket."""
    await scene.announce()
    gathered = await rooms.join(EVENT)
    other = replace(EVENT, id="other")
    forged = gathered.ticket[:-4] + ("AAAA" if gathered.ticket[-4:] != "AAAA" else "BBBB")

    for room, shown in ((other, gathered.ticket), (EVENT, forged), (EVENT, "A" * 200)):
        with pytest.raises(InvalidTicket):
            await rooms.standing(room, shown)
    with pytest.raises(InvalidTicket):
        await rooms.resume(EVENT, "0000-0000-0000-0000")
    assert (await rooms.join(EVENT, forged)).entry != gathered.entry


async def test_the_place_survives_the_loss_of_the_whole_hot_store(
    scene: Scene, rooms: EventRooms, valkey_url: str
) -> None:
    """The place survives the loss of the whole hot store."""
    await scene.announce()
    gathered = [await rooms.join(EVENT) for _ in range(6)]
    await _draw(scene)
    before = [(await rooms.standing(EVENT, one.ticket)).number for one in gathered]
    with redis.Redis.from_url(valkey_url) as store:
        store.flushall()

    assert [(await rooms.claim(EVENT, one.ticket)).number for one in gathered] == before
