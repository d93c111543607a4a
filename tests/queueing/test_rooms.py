"""The façade: tickets, passes, polls, and what happens without a store."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueing.estimate import estimate, poll_after_ms
from queueing.leader import Leader
from queueing.pace import supposed
from queueing.passes import PassOffice
from queueing.policy import Room
from queueing.rooms import Rooms
from queueing.spent import SpentPasses
from queueing.store import RoomClosed, StoreUnavailable
from queueing.ticket import InvalidTicket, Ticket, TicketOffice
from queueing.valkey import ValkeyStore, Word
from tests.queueing.ledger import PlainLedger
from tests.stores import StoppableValkey, connected
from tests.waiting import eventually

SMALL = Room("small", 600, 1, 60_000, 600_000)


class Counting(ValkeyStore):
    """The real store, with its calls counted."""

    calls: Counter[str]

    async def _run(self, operation: str, room: Room, now_us: int | None, *own: Word) -> Any:
        self.calls[operation] += 1
        return await super()._run(operation, room, now_us, *own)


@pytest.fixture
async def counted(store: ValkeyStore) -> Counting:
    counting = Counting(store._client)
    counting.calls = Counter()
    return counting


@pytest.fixture
def ledger() -> PlainLedger:
    return PlainLedger()


@pytest.fixture
def rooms(counted: Counting, ledger: PlainLedger, tickets: TicketOffice, passes: PassOffice) -> Rooms:
    return Rooms(counted, tickets, passes, ledger, chance=lambda: 0.5)


@asynccontextmanager
async def leading(store: ValkeyStore, ledger: PlainLedger, *rooms: Room) -> AsyncIterator[Leader]:
    """A leader at work while the block runs."""
    leader = Leader(lambda: rooms, store, ledger, holder="here")
    running = asyncio.create_task(leader.run())
    try:
        yield leader
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_first_answer_is_the_pass_when_nobody_waits(rooms: Rooms, passes: PassOffice) -> None:
    """It is for this room, and lasts as long as the room says."""
    standing = await rooms.join(SMALL)
    assert standing.state == "admitted"
    assert standing.admission is not None
    assert standing.expires_in_ms == SMALL.pass_ms
    granted = passes.read(standing.admission, "small")
    assert granted.ends_s - granted.issued_s == 600


async def test_the_second_waits_and_knows_for_how_long(rooms: Rooms) -> None:
    """Position, an interval for the wait, and when to ask again."""
    await rooms.join(SMALL)
    standing = await rooms.join(SMALL)
    assert (standing.state, standing.number, standing.position) == ("waiting", 2, 1)
    assert 0 < standing.estimate_ms.low <= standing.estimate_ms.high
    assert standing.poll_after_ms == 3_000
    assert standing.admission is None


async def test_nobody_is_told_to_ask_after_his_window(rooms: Rooms) -> None:
    """However far away the front seems: the pace may pick up, and who is called must hear of it in time."""
    slow = Room("slow", 1, 1, 10_000, 600_000)
    polls = [(await rooms.join(slow)).poll_after_ms for _ in range(40)]
    assert max(polls) <= 5_000


async def test_a_shown_ticket_keeps_its_place(rooms: Rooms) -> None:
    """A refresh, a second tab, a retried join: same number, and no other is given out."""
    await rooms.join(SMALL)
    first = await rooms.join(SMALL)
    again = [await rooms.join(SMALL, first.ticket) for _ in range(3)]
    assert {standing.number for standing in again} == {2}
    assert (await rooms.join(SMALL)).number == 3


async def test_an_admitted_ticket_gets_the_same_pass_again(rooms: Rooms) -> None:
    """One pass for one place, however often and by whichever call it is asked for."""
    first = await rooms.join(SMALL)
    passes = {first.admission}
    for _ in range(3):
        passes.add((await rooms.join(SMALL, first.ticket)).admission)
        passes.add((await rooms.claim(SMALL, first.ticket)).admission)
        passes.add((await rooms.standing(SMALL, first.ticket)).admission)
    assert len(passes) == 1


async def test_a_turn_is_claimed_once_there_is_a_slot(
    rooms: Rooms, counted: Counting, ledger: PlainLedger
) -> None:
    """The second is called when the first leaves, and claims; the first's ticket is spent."""
    async with leading(counted, ledger, SMALL):
        first, second = await rooms.join(SMALL), await rooms.join(SMALL)
        assert (await rooms.claim(SMALL, second.ticket)).state == "waiting"
        assert (await rooms.leave(SMALL, first.ticket)).state == "completed"
        claimed = await eventually(lambda: _claimed(rooms, second.ticket))
    assert claimed is not None
    assert (await rooms.claim(SMALL, first.ticket)).state == "expired"
    assert (await rooms.claim(SMALL, second.ticket)).admission == claimed


async def _claimed(rooms: Rooms, ticket: str) -> str | None:
    return (await rooms.claim(SMALL, ticket)).admission


async def test_a_spent_or_forged_ticket_joins_at_the_back(rooms: Rooms) -> None:
    """It gains nothing and shuts nobody out who has a stale cookie."""
    first = await rooms.join(SMALL)
    await rooms.leave(SMALL, first.ticket)
    stale = (first.ticket, "forged", first.ticket[:-2] + "xx", "")
    assert [(await rooms.join(SMALL, shown)).number for shown in stale] == [2, 3, 4, 5]


async def test_a_forged_or_foreign_ticket_is_refused(rooms: Rooms, tickets: TicketOffice) -> None:
    """Nothing is told, claimed or left with it."""
    foreign = tickets.sign(Ticket("other", 1, bytes(16)))
    for shown in ("", "forged", foreign):
        for call in (rooms.standing, rooms.claim, rooms.leave):
            with pytest.raises(InvalidTicket):
                await call(SMALL, shown)
    assert rooms.stats().invalid_tickets == 9


async def test_waiting_visitors_do_not_ask_the_store(rooms: Rooms, counted: Counting) -> None:
    """A hundred polls at once, and the status for everyone, cost one call of the store a second."""
    await rooms.join(SMALL)
    waiting = [await rooms.join(SMALL) for _ in range(100)]
    counted.calls.clear()
    await asyncio.gather(*(rooms.standing(SMALL, standing.ticket) for standing in waiting))
    await asyncio.gather(*(rooms.status(SMALL) for _ in range(100)))
    assert counted.calls == {"status": 1}


async def test_a_cancelled_caller_harms_no_other(rooms: Rooms) -> None:
    """Whoever shares the one call for the status still gets it."""
    calls = [asyncio.create_task(rooms.status(SMALL)) for _ in range(3)]
    await asyncio.sleep(0)
    calls[0].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1] == answers[2] == await rooms.status(SMALL)


async def test_many_claimers_never_pass_the_cap(
    valkey_url: str, ledger: PlainLedger, tickets: TicketOffice, passes: PassOffice
) -> None:
    """60 visitors at two workers join, claim, retry and leave as they like; active is never above 5."""
    room = Room("rush", 1_000_000, 5, 60_000, 600_000)
    admitted: Counter[str] = Counter()

    async def visit(rooms: Rooms) -> None:
        standing = await rooms.join(room)

        async def claimed() -> str | None:
            return standing.admission or (await rooms.claim(room, standing.ticket)).admission

        admission = await eventually(claimed)
        assert admission is not None
        admitted[admission] += 1
        assert (await rooms._store.status(room)).active <= 5
        retried = await rooms.claim(room, standing.ticket)
        assert retried.admission == admission
        await rooms.leave(room, standing.ticket)

    async with connected(valkey_url) as one, connected(valkey_url) as two:
        workers = [Rooms(ValkeyStore(client), tickets, passes, ledger) for client in (one, two)]
        async with leading(ValkeyStore(one), ledger, room):
            await asyncio.gather(*(visit(workers[i % 2]) for i in range(60)))
    assert len(admitted) == 60
    assert set(admitted.values()) == {1}


async def test_the_room_stays_shut_when_the_store_is_gone(
    own_valkey: StoppableValkey, ledger: PlainLedger, tickets: TicketOffice, passes: PassOffice
) -> None:
    """Store killed: nobody is admitted by any call, given passes stay valid, and all recovers by itself."""
    async with connected(own_valkey.url, deadline_ms=2_000) as client:
        rooms = Rooms(ValkeyStore(client), tickets, passes, ledger, clock=lambda: 0.0)
        standing = await rooms.join(SMALL)
        own_valkey.stop()
        for call in (
            rooms.join(SMALL),
            rooms.join(SMALL, standing.ticket),
            rooms.status(SMALL),
            rooms.standing(SMALL, standing.ticket),
            rooms.claim(SMALL, standing.ticket),
            rooms.leave(SMALL, standing.ticket),
        ):
            with pytest.raises(StoreUnavailable):
                await call
        assert rooms.stats().unavailable == 6
        assert standing.admission is not None
        assert passes.read(standing.admission, "small").room == "small"

        own_valkey.start()
        await eventually(lambda: _status(rooms))


async def _status(rooms: Rooms) -> bool:
    try:
        return bool(await rooms.status(SMALL))
    except StoreUnavailable:
        return False


async def test_joins_of_a_tick_are_one_trip(rooms: Rooms, counted: Counting) -> None:
    """A hundred joins at once: one script hands out their numbers, in the order of asking."""
    await rooms.join(SMALL)
    await asyncio.gather(*(rooms.join(SMALL) for _ in range(20)))
    counted.calls.clear()
    standings = await asyncio.gather(*(rooms.join(SMALL) for _ in range(10)))
    assert counted.calls["join"] == 1
    assert [standing.number for standing in standings] == list(range(22, 32))


async def test_a_claim_is_in_the_journal_before_it_is_answered(rooms: Rooms, ledger: PlainLedger) -> None:
    """While the journal refuses, nobody gets a pass by any call, and nobody's turn is lost by it."""
    assert (await rooms.join(SMALL)).state == "admitted"
    roomy = Room("roomy", 600, 5, 60_000, 600_000)
    second = await rooms.join(roomy)
    ledger.away, ledger.rows = True, {}
    rooms._journal._known.clear()
    for call in (rooms.join(roomy, second.ticket), rooms.claim(roomy, second.ticket)):
        with pytest.raises(StoreUnavailable):
            await call
    third = await rooms.join(roomy)
    assert (third.state, third.admission, third.position) == ("waiting", None, 1)
    ledger.away = False
    assert (await rooms.claim(roomy, second.ticket)).admission == second.admission
    assert (await rooms.claim(roomy, third.ticket)).admission is not None
    assert [row.number for row in ledger.rows.values()] == [1, 2]


async def test_claims_of_a_tick_are_one_commit(rooms: Rooms) -> None:
    """Fifty that are admitted at once share commits."""
    roomy = Room("roomy", 60_000, 100, 60_000, 600_000)
    standings = await asyncio.gather(*(rooms.join(roomy) for _ in range(50)))
    assert {standing.state for standing in standings} == {"admitted"}
    assert (rooms.stats().claims_kept, rooms.stats().commits) == (50, 1)


async def test_leaving_is_in_the_journal_as_well(rooms: Rooms, ledger: PlainLedger) -> None:
    """Else a slot that another one took would be taken twice after a loss of the store."""
    first = await rooms.join(SMALL)
    await rooms.leave(SMALL, first.ticket)
    assert [row.left for row in ledger.rows.values()] == [True]


async def test_a_session_that_ended_frees_its_slot(rooms: Rooms, passes: PassOffice) -> None:
    """By the id of the pass that opened it; another id, or the same twice, ends nothing."""
    first = await rooms.join(SMALL)
    assert first.admission is not None
    id_ = passes.read(first.admission, "small").id
    for wrong in ("", "nonsense", id_.swapcase()):
        await rooms.end(SMALL, wrong)
    assert (await rooms.claim(SMALL, first.ticket)).state == "admitted"
    await rooms.end(SMALL, id_)
    await rooms.end(SMALL, id_)
    assert (await rooms.claim(SMALL, first.ticket)).state == "expired"
    assert (await rooms._store.status(SMALL)).active == 0


async def test_who_came_in_at_once_is_settled_in_the_journal(
    rooms: Rooms, ledger: PlainLedger, counted: Counting
) -> None:
    """A loss of the store gives none of them another turn, however long ago their claims were forgotten."""
    roomy = Room("roomy", 60_000, 100, 60_000, 600_000)
    for _ in range(3):
        assert (await rooms.join(roomy)).state == "admitted"
    async with leading(counted, ledger, roomy):
        await eventually(lambda: ledger.lines["roomy", ""].expired == 3)


async def test_one_place_is_not_inside_many_times(rooms: Rooms, passes: PassOffice) -> None:
    """Who leaves by himself comes back at the end of the line: what his pass opened may still be open. Whose
    session the origin ended comes back in, with another pass."""
    room = replace(SMALL, active_cap=5, reentry_grace_ms=60_000)
    first = await rooms.join(room)
    await rooms.leave(room, first.ticket)
    assert (await rooms.join(room, first.ticket)).number == 2
    third = await rooms.join(room)
    assert third.admission is not None
    await rooms.end(room, passes.read(third.admission, "small").id)
    back = await rooms.join(room, third.ticket)
    assert (back.number, back.state) == (third.number, "called")
    assert (await rooms.claim(room, third.ticket)).admission not in (None, third.admission)


async def test_a_code_brings_the_place_to_another_device(rooms: Rooms) -> None:
    """The very same ticket, whether it waits or is inside; a wrong code is no ticket."""
    standings = [await rooms.join(SMALL) for _ in range(3)]
    for standing in standings:
        resumed = await rooms.resume(SMALL, rooms.resume_code(SMALL, standing.ticket))
        assert (resumed.ticket, resumed.state) == (standing.ticket, standing.state)
        assert resumed.admission == standing.admission
    with pytest.raises(InvalidTicket):
        await rooms.resume(SMALL, "000000-000000-000000")
    with pytest.raises(InvalidTicket):
        rooms.resume_code(SMALL, "forged")


async def test_one_holder_has_one_place(rooms: Rooms) -> None:
    """Whoever joins again without his ticket gets the place that he has; once it is over, a new one."""
    one, other = bytes(15) + b"\1", bytes(15) + b"\2"
    first = await rooms.join(SMALL, holder=one)
    second = await rooms.join(SMALL, holder=other)
    assert (await rooms.join(SMALL, holder=one)).ticket == first.ticket
    assert (await rooms.join(SMALL, holder=other)).ticket == second.ticket
    assert (await rooms.join(SMALL)).number == 3
    await rooms.leave(SMALL, first.ticket)
    assert (await rooms.join(SMALL, holder=one)).number == 4
    at_once = await asyncio.gather(*(rooms.join(SMALL, holder=b"x" * 16) for _ in range(5)))
    assert len({standing.ticket for standing in at_once}) == 1


async def test_who_joins_many_times_at_once_holds_one_slot(rooms: Rooms) -> None:
    """Of ten joins as one holder nine give their slots back."""
    roomy = Room("roomy", 60_000, 100, 60_000, 600_000)
    standings = await asyncio.gather(*(rooms.join(roomy, holder=b"x" * 16) for _ in range(10)))
    assert {standing.state for standing in standings} == {"admitted"}
    assert len({standing.admission for standing in standings}) == 1
    assert (await rooms._store.status(roomy)).active == 1


async def test_a_renewed_pass_keeps_its_id(rooms: Rooms, passes: PassOffice) -> None:
    """It ends later, never beyond the cap that it names; a room without a cap renews none."""
    room = replace(SMALL, pass_ms=60_000, pass_cap_ms=62_000)
    first = await rooms.join(room)
    assert first.admission is not None
    before = passes.read(first.admission, "small")
    assert before.cap_s - before.issued_s == 62

    async def later() -> bool:
        again = await rooms.renew(room, first.ticket)
        assert again.admission is not None
        after = passes.read(again.admission, "small")
        assert (after.id, after.issued_s, after.cap_s) == (before.id, before.issued_s, before.cap_s)
        return before.ends_s < after.ends_s <= before.cap_s

    await eventually(later)
    assert (await rooms.renew(SMALL, first.ticket)).admission == (
        await rooms.claim(SMALL, first.ticket)
    ).admission


async def test_a_closed_room_gives_no_numbers(rooms: Rooms) -> None:
    """Who has one keeps it."""
    standing = await rooms.join(SMALL)
    closed = replace(SMALL, method="closed")
    with pytest.raises(RoomClosed):
        await rooms.join(closed)
    assert (await rooms.join(closed, standing.ticket)).admission == standing.admission


async def test_nobody_begins_to_wait_for_nothing(rooms: Rooms) -> None:
    """Once the stock is used up no numbers are given out; whoever was served keeps the pass."""
    room = replace(SMALL, stock=1)
    served = await rooms.join(room)

    async def refused() -> bool:
        try:
            await rooms.join(room)
        except RoomClosed:
            return True
        return False

    await eventually(refused)
    assert (await rooms.join(room, served.ticket)).admission == served.admission


async def test_a_place_in_a_paused_room_says_so(rooms: Rooms) -> None:
    """The estimate counts from when people are called again."""
    await rooms.join(SMALL)
    waiting = await rooms.join(SMALL)
    assert not waiting.paused
    assert (await rooms.standing(replace(SMALL, suspended=True), waiting.ticket)).paused


async def test_a_lane_that_there_is_not_is_refused(rooms: Rooms) -> None:
    """Before anything is asked of the store."""
    with pytest.raises(ValueError, match="no lane"):
        await rooms.join(SMALL, lane="vip")


@given(position=st.integers(1, 1_000_000), chance=st.floats(0, 1))
def test_polls_are_far_apart_far_away(position: int, chance: float) -> None:
    """30 s far from the front, 3 s near it, 10% either way; an estimate is never the wrong way round."""
    wait = estimate(supposed(SMALL), position)
    assert 0 < wait.low <= wait.high
    assert 2_700 <= poll_after_ms(wait.low, chance) <= 33_000
    assert poll_after_ms(10_000, 0.5) == 3_000
    assert poll_after_ms(3_600_000, 0.5) == 30_000


@pytest.mark.parametrize(
    ("outflow", "cap", "window", "length"),
    [(0, 1, 60_000, 60_000), (1, 0, 60_000, 60_000), (1, 1, 999, 60_000), (1, 1, 60_000, 90_000_000)],
)
def test_settings_out_of_bounds_are_refused(outflow: int, cap: int, window: int, length: int) -> None:
    """At construction, with the name of the setting."""
    with pytest.raises(ValueError, match="results"):
        Room("results", outflow, cap, window, length)


async def test_a_pass_is_renewed_by_its_id_alone(rooms: Rooms, passes: PassOffice) -> None:
    """As the gate does, which has no ticket; the stay stays the same, and one that is over is not renewed."""
    room = replace(SMALL, pass_cap_ms=3_600_000)
    standing = await rooms.join(room)
    assert standing.admission is not None
    held = passes.read(standing.admission, room.id)
    text = await rooms.renew_pass(room, held.id)
    assert text is not None
    renewed = passes.read(text, room.id)
    assert (renewed.id, renewed.holder) == (held.id, held.holder)
    assert renewed.ends_s >= held.ends_s
    await rooms.leave(room, standing.ticket)
    assert await rooms.renew_pass(room, held.id) is None
    assert await rooms.renew_pass(room, "none of ours") is None


@pytest.mark.parametrize("ends", [False, True])
async def test_whoever_left_has_no_pass_any_more(
    rooms: Rooms, passes: PassOffice, valkey_url: str, ends: bool
) -> None:
    """It was shown at no gate yet; another has the slot, so it opens none. Nor when the origin ends it."""
    first = await rooms.join(SMALL)
    assert first.admission is not None
    granted = passes.read(first.admission, SMALL.id)
    if ends:
        await rooms.end(SMALL, granted.id)
    else:
        assert (await rooms.leave(SMALL, first.ticket)).state == "completed"
    async with connected(valkey_url) as client:
        assert await SpentPasses(client).spend(SMALL.id, granted.id, b"12345678", 60_000) == "spent"


async def test_whoever_comes_back_has_another_pass(
    rooms: Rooms, counted: Counting, ledger: PlainLedger, passes: PassOffice, valkey_url: str
) -> None:
    """The first was spent by the end of the stay, the second is good."""
    room = replace(SMALL, reentry_grace_ms=60_000)
    first = await rooms.join(room)
    assert first.admission is not None
    await rooms.end(room, passes.read(first.admission, room.id).id)
    await rooms.join(room, first.ticket)

    async def inside() -> str | None:
        return (await rooms.claim(room, first.ticket)).admission

    async with leading(counted, ledger, room), connected(valkey_url) as client:
        admission = await eventually(inside)
        assert admission is not None
        again = passes.read(admission, room.id)
        assert await SpentPasses(client).spend(room.id, again.id, b"12345678", 60_000) == "first"
