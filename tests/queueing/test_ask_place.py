"""Joins without a task of their own: the same places as ``join`` gives, each told once."""

import asyncio
from dataclasses import replace

import pytest

from queueing.passes import PassOffice
from queueing.policy import Room
from queueing.rooms import Rooms
from queueing.standing import Standing
from queueing.store import StoreUnavailable
from queueing.ticket import TicketOffice
from queueing.valkey import ValkeyStore
from tests.queueing.ledger import PlainLedger
from tests.stores import StoppableValkey, connected
from tests.waiting import eventually


@pytest.fixture
def rooms(store: ValkeyStore, tickets: TicketOffice, passes: PassOffice) -> Rooms:
    return Rooms(store, tickets, passes, PlainLedger(), chance=lambda: 0.5)


def asked(rooms: Rooms, room: Room) -> "asyncio.Future[Standing]":
    """Raises what was told instead of a place; InvalidStateError if it is told twice."""
    place: asyncio.Future[Standing] = asyncio.get_running_loop().create_future()

    def told(found: Standing | BaseException) -> None:
        if isinstance(found, BaseException):
            place.set_exception(found)
        else:
            place.set_result(found)

    rooms.ask_place(room, told)
    return place


async def test_both_ways_stand_in_one_line(rooms: Rooms, room: Room) -> None:
    """A crowd that joins one way and the other: every number once, the first three are inside."""
    room = replace(room, method="passthrough")
    both = [asked(rooms, room) if at % 2 else rooms.join(room) for at in range(2_500)]
    standings = await asyncio.gather(*both)

    assert sorted(one.number for one in standings) == list(range(1, 2_501))
    assert sum(one.state == "admitted" for one in standings) == room.active_cap
    assert all(bool(one.admission) == (one.state == "admitted") for one in standings)
    assert rooms.stats().joined == 2_500


async def test_its_ticket_is_good(rooms: Rooms, room: Room) -> None:
    """Who was told a place asks with its ticket, and leaves with it."""
    for _ in range(room.active_cap):
        await asked(rooms, room)
    place = await asked(rooms, room)
    assert (await rooms.standing(room, place.ticket)).number == place.number
    assert (await rooms.leave(room, place.ticket)).state == "abandoned"


async def test_one_who_fails_to_hear_harms_no_other(rooms: Rooms, room: Room) -> None:
    """Whoever is told first raises, as a worker's fault would: the others of his trip have their places."""
    told: list[object] = []

    def deaf(found: Standing | BaseException) -> None:
        told.append(found)
        if isinstance(found, Standing):
            raise RuntimeError("the words fail")

    full = replace(room, suspended=True)  # all of them wait
    rooms.ask_place(full, deaf)
    others = [asked(rooms, full) for _ in range(3)]

    assert [one.number for one in await asyncio.gather(*others)] == [2, 3, 4]
    assert [type(one) for one in told] == [Standing, RuntimeError]


@pytest.mark.parametrize("wants", [{"method": "closed"}, {"stock": 5}])
async def test_rooms_that_ask_more_of_a_join(rooms: Rooms, room: Room, wants: dict[str, object]) -> None:
    """The caller asks ``join``."""
    assert rooms.is_plain(room)
    assert not rooms.is_plain(replace(room, **wants))  # type: ignore[arg-type]  # its own fields


async def test_without_a_store_each_is_told(
    own_valkey: StoppableValkey, room: Room, tickets: TicketOffice, passes: PassOffice
) -> None:
    """The room stays shut, and nobody waits for ever."""
    async with connected(own_valkey.url) as client:
        rooms = Rooms(ValkeyStore(client), tickets, passes, PlainLedger())
        await asked(rooms, room)
        own_valkey.stop()
        for place in [asked(rooms, room) for _ in range(3)]:
            with pytest.raises(StoreUnavailable):
                await asyncio.wait_for(place, 30)
        own_valkey.start()

        async def again() -> bool:
            try:
                return (await asked(rooms, room)).number > 1
            except StoreUnavailable:
                return False

        assert await eventually(again)
