"""The versions of the rooms' settings."""

import asyncio

import pytest

from sadd.postgres.pool import Pool
from sadd.rooms import store
from sadd.rooms.store import UnknownVersion, VersionMoved
from sadd.rooms.written import Activation, LaneSettings, RoomBook
from tests.sadd.rooms.scene import RESULTS, room, shared

SLOW = room(outflow_per_minute=60, note="تجربة")
FULL = shared(
    activation=Activation("automatic", joins_per_minute=600),
    lanes=(LaneSettings("invited", 0.1),),
)


async def test_before_the_first_version_no_room_is_set(pool: Pool) -> None:
    """Version 0, and an empty history."""
    assert await store.read(pool) == RoomBook()
    assert await store.history(pool, 10) == []


async def test_what_was_written_is_read_again(pool: Pool) -> None:
    """In the order of ids; the history says who, why, and which rooms."""
    assert (await store.publish(pool, [SLOW, FULL], "tester", "first")).version == 1
    assert await store.read(pool) == RoomBook(1, (FULL, SLOW))
    (edition,) = await store.history(pool, 10)
    assert (edition.version, edition.actor, edition.note) == (1, "tester", "first")
    assert edition.rooms == ["moehe-morning", RESULTS]


async def test_the_same_rooms_are_no_new_version(pool: Pool) -> None:
    """In whatever order they are written."""
    await store.publish(pool, [SLOW, FULL], "tester")
    again = await store.publish(pool, [FULL, SLOW], "tester")
    assert (again.version, again.changes) == (1, ())


async def test_each_changed_room_has_its_audit_row(pool: Pool) -> None:
    """Added, changed and removed, with what stood there before."""
    await store.publish(pool, [SLOW, FULL], "one")
    await store.publish(pool, [room(outflow_per_minute=90)], "two")
    rows = await pool.fetch("SELECT actor, action, subject, before IS NULL AS fresh FROM audit ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("one", "queues.add", "queues/moehe-morning", True),
        ("one", "queues.add", f"queues/{RESULTS}", True),
        ("two", "queues.remove", "queues/moehe-morning", False),
        ("two", "queues.change", f"queues/{RESULTS}", False),
    ]


async def test_a_version_stores_only_what_changed(pool: Pool) -> None:
    """A pause of one room of many is one row; earlier versions are still whole."""
    await store.publish(pool, [SLOW, FULL], "tester")
    await store.publish(pool, [room(outflow_per_minute=60, suspended=True), FULL], "tester")
    assert await pool.fetchval("SELECT count(*) FROM room_setting WHERE version = 2") == 1
    assert (await store.read(pool, 1)).rooms == (FULL, SLOW)
    assert [edition.version for edition in await store.history(pool, 9, "moehe-morning")] == [1]


async def test_going_back_is_a_new_version_with_the_old_rooms(pool: Pool) -> None:
    """All of them, or one alone; a version that never was is refused."""
    await store.publish(pool, [SLOW], "tester")
    await store.publish(pool, [FULL], "tester")
    assert (await store.roll_back(pool, 1, "tester", room=RESULTS)).version == 3
    assert await store.read(pool) == RoomBook(3, (FULL, SLOW))
    await store.roll_back(pool, 1, "tester")
    assert await store.read(pool) == RoomBook(4, (SLOW,))
    assert (await store.history(pool, 1))[0].note == "back to version 1"
    await store.roll_back(pool, 0, "tester")
    assert await store.read(pool) == RoomBook(5, ())
    with pytest.raises(UnknownVersion):
        await store.roll_back(pool, 9, "tester")


async def test_of_two_who_looked_at_one_version_the_second_is_told(pool: Pool) -> None:
    """Nothing is replaced unseen."""
    await store.publish(pool, [SLOW], "tester")
    both = [[SLOW, FULL], []]
    done = await asyncio.gather(
        *(store.publish(pool, one, "tester", expected=1) for one in both), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["Published", "VersionMoved"]
    with pytest.raises(VersionMoved, match="is 2, not 1"):
        await store.publish(pool, [], "tester", expected=1)
