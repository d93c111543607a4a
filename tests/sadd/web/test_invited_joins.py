"""Whoever is invited to a lane joins it, by whatever door he comes; nobody is put elsewhere by a guess."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from multidict import CIMultiDict

from queueing.passes import PassKey, PassOffice
from queueing.postgres import PostgresLedger
from queueing.rooms import Rooms
from queueing.ticket import TicketKeys, TicketOffice
from queueing.valkey import ValkeyStore
from sadd.identity.caller import Caller
from sadd.postgres.pool import AWAY, Pool, open_pool
from sadd.rooms import store
from sadd.rooms.holder import Holders
from sadd.rooms.invited import Invited
from sadd.rooms.view import RoomsView
from sadd.rooms.written import LaneSettings, RoomSettings
from sadd.session.ids import Ids
from sadd.session.policy import SessionPolicy
from sadd.session.sessions import Sessions
from sadd.session.valkey import ValkeyStore as SessionStore
from sadd.web.problem import Problem
from sadd.web.visits import JoinRequest, Visit, Visits
from tests.sadd.catalogue.scene import service, small
from tests.sadd.web.scene import RESULTS, View
from tests.stores import connected

APP = Caller("app", "moehe", frozenset({"queues:join"}))
AHMAD = "27801234567"


@dataclass
class Scene:
    visits: Visits
    invited: Invited
    sessions: Sessions
    specs: RoomsView
    pool: Pool

    async def lane(
        self, *, subject: str | None = None, session: str = "", caller: Caller | None = None
    ) -> str:
        """Where a join goes."""
        body = None if subject is None else JoinRequest(subject)
        visit = Visit(RESULTS, "", CIMultiDict(), "192.0.2.7", caller, body, session)
        return (await self.visits.join(visit)).lane

    async def signed_in(self, subject: str) -> str:
        times = SessionPolicy(60_000, 60_000)
        return (await self.sessions.create("moehe", RESULTS, subject, times, {}))[0]


async def have_lanes(scene: Scene, *lanes: str, **settings: object) -> None:
    written = RoomSettings(RESULTS, lanes=tuple(LaneSettings(lane, 0.2) for lane in lanes), **settings)  # type: ignore[arg-type]  # by name
    await store.publish(scene.pool, [written], "tester")
    await scene.specs.refresh()


@pytest.fixture
async def scene(valkey_url: str, migrated_database_url: str) -> AsyncIterator[Scene]:
    async with (
        await open_pool(migrated_database_url, pool_max=4, deadline_seconds=5) as pool,
        connected(valkey_url) as client,
    ):
        tickets = TicketOffice(TicketKeys("0000000a", {"0000000a": b"t" * 32}))
        passes = PassOffice([PassKey("0000000b", b"p" * 32)])
        rooms = Rooms(ValkeyStore(client), tickets, passes, PostgresLedger(pool, AWAY))
        specs, holders, invited = (
            RoomsView(pool, View(small(service(RESULTS)))),
            Holders(b"h" * 32),
            Invited(pool),
        )
        sessions = Sessions(SessionStore(client), Ids(b"p" * 32))
        visits = Visits(rooms, specs, holders, sessions, lists=invited)
        made = Scene(visits, invited, sessions, specs, pool)
        await have_lanes(made, "invited", "counters")
        await invited.add(RESULTS, "invited", [holders.of(RESULTS, "moehe", AHMAD)], "tester")
        yield made


async def test_an_apps_word_is_enough(scene: Scene) -> None:
    """For the person on the list; another one is in the open lane."""
    assert await scene.lane(subject=AHMAD, caller=APP) == "invited"
    assert await scene.lane(subject="someone", caller=APP) == ""
    assert await scene.lane() == ""


async def test_who_is_signed_in_is_known(scene: Scene) -> None:
    """Also in a room that asks nobody who he is; a session that is none, or another's, changes nothing."""
    assert await scene.lane(session=await scene.signed_in(AHMAD)) == "invited"
    assert await scene.lane(session=await scene.signed_in("someone")) == ""
    assert await scene.lane(session="x" * 54) == ""


async def test_in_a_room_of_one_place_each_it_is_the_same(scene: Scene) -> None:
    """The invited person has one place, in his lane."""
    await have_lanes(scene, "invited", one_per_identity=True)
    session = await scene.signed_in(AHMAD)
    assert [await scene.lane(session=session) for _ in range(2)] == ["invited", "invited"]


async def test_a_lane_that_is_no_more_is_nobodys(scene: Scene) -> None:
    """Who is on its list is in the open lane, as in a room that has no lanes any more."""
    await have_lanes(scene, "counters")
    assert await scene.lane(subject=AHMAD, caller=APP) == ""
    await have_lanes(scene)
    assert await scene.lane(session=await scene.signed_in(AHMAD)) == ""


async def test_without_the_database_nobody_is_put_in_the_wrong_lane(scene: Scene) -> None:
    """503: the join may be repeated, a place in the open lane could not be taken back."""
    assert await scene.lane(subject=AHMAD, caller=APP) == "invited"
    await scene.pool.close()
    with pytest.raises(Problem) as refused:
        await scene.lane(subject="27801234568", caller=APP)
    assert refused.value.status == 503
