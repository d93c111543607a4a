"""Who a place is for, and what visitors are refused, whichever way they came."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

import msgspec
import pytest
from multidict import CIMultiDict

from queueing.activation import Scheduled
from queueing.policy import Room
from queueing.rooms import Rooms
from queueing.standing import Estimate, RoomStatus, Standing
from queueing.store import RoomClosed
from queueing.ticket import InvalidTicket
from sadd.identity.caller import SCOPES, Caller
from sadd.rooms.holder import HOLDER_BYTES, Holders
from sadd.rooms.resolving import in_mode
from sadd.rooms.spec import LaneSpec, RoomSpec
from sadd.rooms.view import state_of
from sadd.rooms.written import RoomBook
from sadd.session.ids import Ids
from sadd.session.policy import SessionPolicy
from sadd.session.sessions import Sessions
from sadd.session.valkey import ValkeyStore
from sadd.web.problem import Problem
from sadd.web.visits import JoinRequest, Visit, Visits, told
from tests.sadd.catalogue.scene import small
from tests.sadd.rooms.scene import RESULTS
from tests.stores import connected

MOEHE = Caller("moehe", "moehe", SCOPES)
PLAIN = state_of(small(), RoomBook()).rooms[RESULTS]


@dataclass
class Engine:
    """Remembers whom it was asked to let join."""

    closed: bool = False
    joined: list[tuple[bytes | None, str]] = field(default_factory=list)

    async def join(
        self, room: Room, shown: str | None, *, holder: bytes | None = None, lane: str = ""
    ) -> Standing:
        if self.closed:
            raise RoomClosed(room.id)
        self.joined.append((holder, lane))
        return Standing("ticket", 1, "waiting", 1, Estimate(0, 0), 3_000)

    async def standing(self, room: Room, shown: str) -> Standing:
        raise InvalidTicket

    def known_status(self, room: Room) -> RoomStatus:
        return RoomStatus(room.id, "queueing", 0, 100, 0, 60, stock_left=10)


@dataclass
class Scene:
    engine: Engine
    sessions: Sessions
    current: dict[str, RoomSpec]

    def set(self, **changes: object) -> None:
        self.current[RESULTS] = msgspec.structs.replace(PLAIN, **changes)

    @property
    def visits(self) -> Visits:
        return Visits(cast("Rooms", self.engine), self, Holders(b"h" * 32), self.sessions)

    async def join(
        self, body: JoinRequest | None = None, caller: Caller | None = None, session: str = ""
    ) -> bytes | None:
        """For whom the engine was asked."""
        await self.visits.join(Visit(RESULTS, "", CIMultiDict(), "192.0.2.7", caller, body, session))
        return self.engine.joined[-1][0]

    async def signed_in(self, subject: str) -> str:
        session_id, _ = await self.sessions.create(
            "moehe", RESULTS, subject, SessionPolicy(60_000, 600_000), {}
        )
        return session_id


@pytest.fixture
async def scene(valkey_url: str) -> AsyncIterator[Scene]:
    async with connected(valkey_url) as client:
        yield Scene(Engine(), Sessions(ValkeyStore(client), Ids(b"p" * 32)), {RESULTS: PLAIN})


async def refused(scene: Scene, *args: object) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        await scene.join(*args)  # type: ignore[arg-type]  # as each test has them
    return caught.value.status, caught.value.slug


async def test_a_person_is_one_holder_however_he_comes(scene: Scene) -> None:
    """Signed in on two devices, or by the word of an app of his agency; another person is another."""
    scene.set(one_per_identity=True)
    by_session = {await scene.join(session=await scene.signed_in("285")) for _ in range(2)}
    by_app = await scene.join(JoinRequest("285"), MOEHE)
    assert by_session == {by_app}
    assert by_app is not None
    assert len(by_app) == HOLDER_BYTES
    assert await scene.join(JoinRequest("286"), MOEHE) != by_app


async def test_who_is_nobody_does_not_join_such_a_room(scene: Scene) -> None:
    """Neither without a session nor with one that is over; other rooms ask nobody who he is."""
    scene.set(one_per_identity=True)
    assert await refused(scene) == (401, "identity-required")
    assert await refused(scene, None, None, "forged") == (401, "identity-required")
    scene.set()
    assert await scene.join() is None


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        (None, 401),
        (Caller("moph", "moph", SCOPES), 403),
        (Caller("reader", "moehe", frozenset({"cache:read"})), 403),
    ],
    ids=["nobody", "another agency", "without the scope"],
)
async def test_only_the_rooms_agency_says_who_somebody_is(
    scene: Scene, caller: Caller | None, status: int
) -> None:
    """Or that he stands in a lane: else anyone could take another's place."""
    scene.set(lanes=(LaneSpec("invited", PLAIN.name, 0.1),))
    for wish in (JoinRequest("285"), JoinRequest(lane="invited")):
        assert (await refused(scene, wish, caller))[0] == status
    assert scene.engine.joined == []


async def test_a_lane_is_one_of_the_rooms(scene: Scene) -> None:
    """422 with the place of the mistake; a lane that there is reaches the engine."""
    scene.set(lanes=(LaneSpec("invited", PLAIN.name, 0.1),))
    assert await refused(scene, JoinRequest(lane="other"), MOEHE) == (422, "invalid-request")
    await scene.join(JoinRequest("285", "invited"), MOEHE)
    assert scene.engine.joined[-1][1] == "invited"


async def test_a_closed_room_is_409(scene: Scene) -> None:
    """Nobody waits for what is not there."""
    scene.engine.closed = True
    assert await refused(scene) == (409, "room-closed")


def test_the_stock_is_told_to_whoever_waits(scene: Scene) -> None:
    """Ten are left: the fifth may hope, the fiftieth hears early that there will be nothing."""
    near, far = (Standing("t", n, "waiting", n, Estimate(0, 0), 3_000) for n in (5, 50))
    assert scene.visits.prospect(RESULTS, near) is None, "a room without a stock"
    scene.set(room=Room(RESULTS, 60, 10, 60_000, 60_000, stock=10))
    assert scene.visits.prospect(RESULTS, near) == "likely"
    assert scene.visits.prospect(RESULTS, far) == "unlikely"


@pytest.mark.parametrize(
    ("mode", "state"), [("closed", "scheduled"), ("gathering", "gathering"), ("queueing", "open")]
)
def test_a_schedule_says_when_it_opens(mode: str, state: str) -> None:
    """Before the opening; from then on the room's own state counts."""
    spec = msgspec.structs.replace(PLAIN, activation=Scheduled(opens_at_ms=2_000, outside="closed"))
    status = RoomStatus(RESULTS, "open", 0, 0, 0, 60, now_ms=1_000)
    said = told(in_mode(spec, mode), status)  # type: ignore[arg-type]  # a mode
    assert (said.state, said.opens_at_ms) == (state, None if mode == "queueing" else 2_000)


class Answered:
    """A door at which everybody shows the same answered challenge."""

    async def at_join(self, spec: RoomSpec, request: Visit) -> bytes | None:
        return b"w" * HOLDER_BYTES

    def lets_by(self, request: Visit) -> bool:
        return False

    async def at_claim(self, spec: RoomSpec, request: Visit, number: int) -> None: ...


async def test_one_answered_challenge_is_one_place(scene: Scene) -> None:
    """Whatever a browser without cookies calls its join, which counts where no work is asked for."""
    visits = Visits(cast("Rooms", scene.engine), scene, Holders(b"h" * 32), door=Answered())
    for once in ("a" * 22, "b" * 22, ""):
        await visits.join(Visit(RESULTS, "", CIMultiDict(), "192.0.2.7", once=once))
        await scene.visits.join(Visit(RESULTS, "", CIMultiDict(), "192.0.2.7", once=once))
    by_work, by_name = scene.engine.joined[::2], scene.engine.joined[1::2]
    assert set(by_work) == {(b"w" * HOLDER_BYTES, "")}
    assert len(set(by_name)) == 3
