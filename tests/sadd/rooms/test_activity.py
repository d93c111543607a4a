"""Rooms that open by a schedule, or by themselves when there is a rush."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from queueing.activation import Mode
from queueing.health import Health
from queueing.outflow import Observed, Step
from queueing.pace import Pace
from sadd.postgres.pool import Pool
from sadd.rooms import store
from sadd.rooms.activity import Activities
from sadd.rooms.arrivals import Arrivals
from sadd.rooms.view import RoomsView
from sadd.rooms.written import Activation
from sadd.valkey.client import ValkeyClient
from tests.sadd.rooms.scene import REGISTER, RESULTS, room
from tests.sadd.rooms.test_view import refreshed
from tests.stores import connected

OPENS_MS = 1_817_103_600_000
RUSH = Activation("automatic", joins_per_minute=600, failed_share=0.2, calm_ms=60_000)


@pytest.fixture
async def client(valkey_url: str) -> AsyncIterator[ValkeyClient]:
    async with connected(valkey_url) as opened:
        yield opened


@dataclass
class Worker:
    """One of several, whose clock the test moves."""

    client: ValkeyClient
    specs: RoomsView
    leads: bool
    now_s: float = 1_800_000_000.0
    arrivals: Arrivals = field(init=False)
    activities: Activities = field(init=False)

    def __post_init__(self) -> None:
        self.arrivals = Arrivals(self.client, lambda: self.now_s)
        self.activities = Activities(
            self.client, self.specs, self.arrivals, lambda: self.leads, lambda: self.now_s
        )

    def sees(self, issued: int, waiting: int = 0, health: Health | None = None) -> None:
        """A step of the leader, a second after the last."""
        self.now_s += 1
        seen = Observed(int(self.now_s * 1000), issued, issued - waiting, 0, 0, 0, 0, 0, 0)
        spec = self.specs.state.rooms[RESULTS]
        self.activities.note(spec.room, seen, STEP, health, 1)

    async def mode(self) -> Mode:
        await self.activities.turn()
        self.specs.turn(int(self.now_s * 1000), self.activities.modes())
        return self.specs.current[RESULTS].mode


STEP = Step(0, Pace(0, 0, True), 1.0, 1.0)


@pytest.fixture
async def two(client: ValkeyClient, pool: Pool) -> tuple[Worker, Worker]:
    """Two workers with a room that goes by itself; the first leads."""
    await store.publish(pool, [room(activation=RUSH)], "tester")
    (first, _), (second, _) = await refreshed(pool), await refreshed(pool)
    return Worker(client, first, leads=True), Worker(client, second, leads=False)


async def test_a_schedule_opens_and_ends_by_the_clock(pool: Pool) -> None:
    """Closed before, a line from the opening on, closed after; other rooms are as they are."""
    said = Activation(
        "scheduled",
        opens_at="2027-08-01T10:00:00+03:00",
        ends_at="2027-08-01T14:00:00+03:00",
        gathers_at="2027-08-01T09:30:00+03:00",
        outside="closed",
    )
    await store.publish(pool, [room(activation=said)], "tester")
    view, _ = await refreshed(pool)
    found = []
    for minutes in (-60, -30, 0, 239, 240):
        view.turn(OPENS_MS + minutes * 60_000, {})
        spec = view.current[RESULTS]
        found.append((spec.mode, spec.room.method, spec.room.suspended))
    assert found == [
        ("closed", "closed", False),
        ("gathering", "fifo", True),
        ("queueing", "fifo", False),
        ("queueing", "fifo", False),
        ("closed", "closed", False),
    ]
    assert view.current[REGISTER].mode == "queueing"
    door = view.of_service(RESULTS)
    assert door is not None
    assert door.mode == "closed"


async def test_a_rush_of_joins_makes_people_wait_on_every_worker(two: tuple[Worker, Worker]) -> None:
    """The leader decides, the other reads it; calm for a while lets everyone through again."""
    leader, other = two
    assert await leader.mode() == await other.mode() == "passthrough"
    for second in range(12):
        leader.sees(issued=second * 20)
    assert await leader.mode() == await other.mode() == "queueing"
    assert other.specs.current[RESULTS].room.method == "fifo"
    leader.sees(240, waiting=5)
    leader.now_s += 120
    leader.sees(240, waiting=5)
    assert await leader.mode() == "queueing", "somebody waits"
    leader.sees(240)
    assert await leader.mode() == "queueing", "not calm for long enough"
    leader.now_s += 61
    leader.sees(240)
    assert await leader.mode() == await other.mode() == "passthrough"


async def test_a_rush_through_the_gate_counts_too(two: tuple[Worker, Worker]) -> None:
    """Different visitors, on whichever worker; one who asks a thousand times is one."""
    leader, other = two
    for _ in range(1_000):
        leader.arrivals.note(RESULTS, b"the same")
    assert await leader.mode() == "passthrough"
    for number in range(120):
        other.arrivals.note(RESULTS, b"%d" % number)
    await other.mode()
    assert await leader.mode() == "queueing"


async def test_an_unwell_origin_makes_people_wait(two: tuple[Worker, Worker]) -> None:
    """By what the gate and the feedback tell of it."""
    leader, _ = two
    leader.sees(1, health=Health(90, 10, 50.0))
    assert await leader.mode() == "passthrough"
    leader.sees(1, health=Health(10, 90, 50.0))
    assert await leader.mode() == "queueing"


async def test_who_takes_over_goes_on_where_the_other_stopped(two: tuple[Worker, Worker]) -> None:
    """The mode is in the store: a new leader does not let everyone through at once."""
    leader, other = two
    for second in range(12):
        leader.sees(issued=second * 20)
    await leader.mode()
    leader.leads, other.leads = False, True
    other.now_s = leader.now_s
    assert await other.mode() == "queueing"
