"""The leader: taken over when it is killed or frozen, two can't both move, and nobody is called in vain."""

import asyncio
import itertools
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace

import pytest

from queueing.leader import LEASE_S, Leader, observed_of, within
from queueing.outflow import Observed
from queueing.passes import PassOffice
from queueing.policy import Lane, Room
from queueing.postgres import PostgresLedger
from queueing.restoration import Restoration
from queueing.rooms import Rooms
from queueing.store import Line, Seen
from queueing.ticket import TicketOffice
from queueing.valkey import ValkeyStore
from sadd.postgres.pool import AWAY, Pool, open_pool
from tests.queueing.leading import ROOM
from tests.queueing.ledger import PlainLedger
from tests.stores import connected
from tests.waiting import eventually


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(migrated_database_url, pool_max=8, deadline_seconds=5)
    yield pool
    await pool.close()


class Candidates:
    """Processes that lead or stand by."""

    def __init__(self, *urls: str) -> None:
        self._urls = urls
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        words = (sys.executable, "-m", "tests.queueing.leading", *self._urls, f"number-{len(self.running)}")
        self.running.append(subprocess.Popen(words, stdout=subprocess.DEVNULL))

    def end(self) -> None:
        for each in self.running:
            each.kill()
            each.wait(30)


@pytest.fixture
def candidates(valkey_url: str, migrated_database_url: str) -> Iterator[Candidates]:
    made = Candidates(valkey_url, migrated_database_url)
    yield made
    made.end()


async def who_leads(pool: Pool) -> tuple[int, int]:
    """Number of the process that leads, and its epoch."""
    row = await pool.fetchrow("SELECT holder, epoch FROM queue_leader WHERE until > clock_timestamp()")
    assert row is not None
    return int(row["holder"].partition("-")[2]), row["epoch"]


@pytest.mark.parametrize("harm", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_leader_is_followed(
    harm: signal.Signals,
    pool: Pool,
    candidates: Candidates,
    valkey_url: str,
    tickets: TicketOffice,
    passes: PassOffice,
) -> None:
    """kill -9 or a freeze of the process that leads: another calls the next visitors.

    A frozen one that wakes up finds that it leads no more, and moves nothing.
    """
    for _ in range(2):
        candidates.start()
    leader, epoch = await eventually(lambda: who_leads(pool))
    async with connected(valkey_url) as client:
        store = ValkeyStore(client)
        rooms = Rooms(store, tickets, passes, PostgresLedger(pool, AWAY))
        await asyncio.gather(*(rooms.join(ROOM) for _ in range(900)))

        async def serving() -> int:
            return (await store.status(ROOM)).lines[""].serving

        await eventually(lambda: _above(serving, 60))
        candidates.running[leader].send_signal(harm)
        before = await serving()
        await eventually(lambda: _above(serving, before + 20))
        other, later = await who_leads(pool)
        assert (other, later) == (1 - leader, epoch + 1)
        candidates.running[leader].send_signal(signal.SIGCONT)
        reached = await serving()
        await eventually(lambda: _above(serving, reached + 20))
        assert (await who_leads(pool))[1] == later
        moved = await serving()
        assert moved <= await pool.fetchval("SELECT serving FROM queue_line WHERE room = 'led'")


async def _above(serving: Callable[[], Awaitable[int]], least: int) -> bool:
    return await serving() > least


async def used(store: ValkeyStore, ledger: PlainLedger, room: Room) -> None:
    """Somebody looked at the room: it has its first life."""
    await Restoration(store, ledger).over(room, lambda: store.status(room))


async def test_two_leaders_cannot_both_move(store: ValkeyStore, room: Room) -> None:
    """Whoever takes himself for the leader after his lease went to another journals and moves nothing."""
    ledger = PlainLedger()
    one = Leader(lambda: [room], store, ledger, holder="one")
    two = Leader(lambda: [room], store, ledger, holder="two")
    for leader in (one, two):
        await leader.renew()
    assert (one.epoch, two.epoch) == (1, None)
    await used(store, ledger, room)
    await one.tick()
    ledger.leader = ("two", 2)  # one was frozen meanwhile
    two._renewed_s = float("-inf")
    await two.renew()
    await two.tick()
    await store.block(room, "", 1, 0, 100)
    await store.join(room, "", 50)
    for _ in range(3):
        await one.tick()
    assert ledger.lines["results", ""].serving == 0
    await one.renew()
    assert one.epoch is None


async def test_nobody_is_called_while_the_journal_is_away(store: ValkeyStore) -> None:
    """And when it is back all goes on: no number was skipped, no window passed."""
    room, ledger, now = Room("away", 6_000, 100, 60_000, 600_000), PlainLedger(), itertools.count()
    leader = Leader(lambda: [room], store, ledger, holder="one", clock=lambda: float(next(now)))
    await leader.renew()
    await used(store, ledger, room)
    await leader.tick()
    await store.block(room, "", 1, 0, 1_000)
    await store.join(room, "", 300)

    async def ticks(many: int) -> int:
        for _ in range(many):
            await leader.tick()
        return (await store.status(room)).lines[""].serving

    async def calls() -> int:
        return await ticks(1)

    before = await eventually(lambda: _moved(calls, 52))
    ledger.away = True
    assert await ticks(5) == before
    assert leader.stats().unavailable >= 5
    ledger.away = False
    await eventually(lambda: _moved(calls, before))


class HalfAway(ValkeyStore):
    """The node of one room does not answer."""

    async def look(self, room: Room, epoch: int, now_us: int | None = None) -> Seen | None:
        if room.id == "silent":
            await asyncio.Event().wait()
        return await super().look(room, epoch, now_us)


async def test_a_node_that_fails_over_holds_up_its_own_rooms_only(store: ValkeyStore, room: Room) -> None:
    """The lease does not run out over it: the others' steps are done well within it."""
    half, ledger = HalfAway(store._client), PlainLedger()
    leader = Leader(lambda: [replace(room, id="silent"), room], half, ledger, holder="one")
    await leader.renew()
    await used(store, ledger, room)
    async with asyncio.timeout(LEASE_S):
        await leader.tick()
    assert ledger.lines["results", ""].serving == 0
    assert (await store.look(room, 1)) is not None
    assert leader.stats().unavailable == 1


async def _moved(calls: Callable[[], Awaitable[int]], beyond: int) -> int:
    serving = await calls()
    return serving if serving > beyond else 0


def seen(**lines: Line) -> Seen:
    named = {name.replace("open", ""): line for name, line in lines.items()}
    return Seen(1, 9, 2, 3, 40, 5, 6, 0, 0, 0, 1, 4, named)


def test_the_controller_sees_all_lanes_as_one() -> None:
    """Who missed the window and came back is one number more: waiting, then called."""
    observed = observed_of(seen(open=Line(100, 60, 50), vip=Line(20, 10, 5)))
    assert observed == Observed(9, 125, 74, 59, 2, 3, 40, 5, 6)


def test_never_more_are_called_than_the_stock_serves() -> None:
    """Called ones that may still claim are counted in."""
    room = Room("stock", 600, 100, 60_000, 60_000, stock=45)
    assert within(room, seen(open=Line(100, 60)), 10) == 2
    assert within(replace(room, stock=40), seen(open=Line(100, 60)), 10) == 0
    assert within(replace(room, stock=None), seen(open=Line(100, 60)), 10) == 10


def test_where_nobody_has_to_wait_all_free_slots_are_called() -> None:
    """Up to the cap, whatever the outflow; not while it is suspended."""
    room = Room("through", 1, 100, 60_000, 60_000, method="passthrough", lanes=(Lane("vip", 0.1),))
    assert within(room, seen(open=Line(100, 60)), 0) == 95
    assert within(replace(room, suspended=True), seen(open=Line(100, 60)), 0) == 0


async def test_rooms_where_nothing_happens_take_turns(store: ValkeyStore) -> None:
    """Who comes to lead looks at all; then a fifth of them in each step, so that no request waits for all."""
    rooms = [Room(f"quiet-{number}", 60, 3, 60_000, 600_000) for number in range(100)]
    looked: list[str] = []
    now = [0.0]

    class Looking(ValkeyStore):
        async def look(self, room: Room, epoch: int, now_us: int | None = None) -> Seen | None:
            looked.append(room.id)
            return await super().look(room, epoch, now_us)

    quiet = Looking(store._client)
    leader = Leader(lambda: rooms, quiet, PlainLedger(), holder="here", clock=lambda: now[0])
    await leader.renew()
    counts = []
    for _ in range(10):
        now[0] += 0.2
        before = len(looked)
        await leader.tick()
        counts.append(len(looked) - before)
    assert counts[0] == 100
    assert max(counts[1:]) == 20
    assert set(looked[100:]) == {room.id for room in rooms}
