"""Who is invited to a lane: known by a hash, found at a join, and never guessed."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.postgres.pool import Pool
from sadd.rooms import invited as module
from sadd.rooms.holder import Holders
from sadd.rooms.invited import Invited, TooMany
from sadd.rooms.store import StoreUnavailable

HOLDERS = Holders(b"h" * 32)
ROOM, LANE = "moehe-results", "invited"


def of(subject: str, room: str = ROOM) -> bytes:
    return HOLDERS.of(room, "moehe", subject)


@pytest.fixture
async def invited(pool: Pool) -> Invited:
    return Invited(pool)


async def test_who_is_on_a_list_has_its_lane(invited: Invited) -> None:
    """Others, and the same person in another room, have none."""
    assert await invited.add(ROOM, LANE, [of("ahmad"), of("sara"), of("ahmad")], "k1") == 2
    assert await invited.lane_of(ROOM, of("ahmad")) == LANE
    assert await invited.lane_of(ROOM, of("noora")) == ""
    assert await invited.lane_of("other", of("ahmad", "other")) == ""
    assert await invited.counts(ROOM) == {LANE: 2}


async def test_the_last_invitation_holds(invited: Invited) -> None:
    """A person is on one list of a room; inviting again changes nothing."""
    await invited.add(ROOM, LANE, [of("ahmad")], "k1")
    assert await invited.add(ROOM, LANE, [of("ahmad")], "k1") == 0
    assert await invited.add(ROOM, "counter", [of("ahmad")], "k1") == 1
    assert await invited.lane_of(ROOM, of("ahmad")) == "counter"
    assert await invited.counts(ROOM) == {"counter": 1}


async def test_invitations_are_taken_back(invited: Invited) -> None:
    """One by one, of that lane alone, or all."""
    await invited.add(ROOM, LANE, [of("ahmad"), of("sara"), of("noora")], "k1")
    assert await invited.remove(ROOM, "counter", [of("ahmad")], "k1") == 0
    assert await invited.remove(ROOM, LANE, [of("ahmad"), of("ali")], "k1") == 1
    assert await invited.lane_of(ROOM, of("ahmad")) == ""
    assert await invited.clear(ROOM, LANE, "k1") == 2
    assert not invited.has_lists(ROOM)


async def test_the_database_and_its_audit_name_nobody(invited: Invited, pool: Pool) -> None:
    """A row of the list is a hash; a row of the audit counts."""
    await invited.add(ROOM, LANE, [of("ahmad")], "k1")
    tables = await pool.fetch("SELECT (lane_invited.*)::text AS row FROM lane_invited")
    audit = await pool.fetch("SELECT actor, action, subject, after::text FROM audit")
    assert "ahmad" not in str(tables + audit)
    assert [tuple(row) for row in audit] == [
        ("k1", "queues.invite", f"queues/{ROOM}/lanes/{LANE}", '{"members": 1}')
    ]


async def test_another_worker_finds_them_once_told(pool: Pool) -> None:
    """Until its refresh it asks the database nothing, for that room too."""
    mine, other = Invited(pool), Invited(pool)
    await mine.add(ROOM, LANE, [of("ahmad")], "k1")
    assert await other.lane_of(ROOM, of("ahmad")) == ""
    await other.refresh()
    assert await other.lane_of(ROOM, of("ahmad")) == LANE
    assert (other.stats().looks, other.stats().rooms) == (1, 1)


async def test_joins_that_come_together_ask_once(invited: Invited) -> None:
    """3,000 of one turn of the loop are three statements, each with its own answer."""
    await invited.add(ROOM, LANE, [of(str(n)) for n in range(0, 3_000, 2)], "k1")
    lanes = await asyncio.gather(*(invited.lane_of(ROOM, of(str(n))) for n in range(3_000)))
    assert lanes == [LANE, ""] * 1_500
    assert invited.stats().found == 1_500


async def test_one_who_leaves_takes_nobody_along(invited: Invited) -> None:
    """Two ask for the same person; one is cancelled."""
    await invited.add(ROOM, LANE, [of("ahmad")], "k1")
    first = asyncio.ensure_future(invited.lane_of(ROOM, of("ahmad")))
    second = asyncio.ensure_future(invited.lane_of(ROOM, of("ahmad")))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == LANE


async def test_nobody_is_put_in_the_open_lane_because_the_database_is_away(
    invited: Invited, pool: Pool
) -> None:
    """It says so; rooms without lists go on."""
    await invited.add(ROOM, LANE, [of("ahmad")], "k1")
    await pool.close()
    with pytest.raises(StoreUnavailable):
        await invited.lane_of(ROOM, of("ahmad"))
    assert await invited.lane_of("other", of("ahmad", "other")) == ""
    assert invited.stats().unavailable == 1


async def test_a_room_has_so_many_invited_and_no_more(
    invited: Invited, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is added of what would be too many."""
    monkeypatch.setattr(module, "MEMBERS_MAX", 3)
    await invited.add(ROOM, LANE, [of("a"), of("b")], "k1")
    with pytest.raises(TooMany):
        await invited.add(ROOM, "counter", [of("c"), of("d")], "k1")
    assert await invited.counts(ROOM) == {LANE: 2}


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_people_are_two(one: str, other: str) -> None:
    """Whatever they are called; and each is the same person every time."""
    assert (of(one) == of(other)) == (one == other)
