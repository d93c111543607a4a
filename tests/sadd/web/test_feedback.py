"""What an agency's backend tells a room and asks of it, and the stream of its public document."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from queueing.passes import Pass, PassKey, PassOffice
from queueing.policy import Room
from queueing.rooms import Rooms
from queueing.spent import SpentPasses
from queueing.standing import RoomStatus
from sadd.rooms.holder import Holders
from sadd.rooms.view import RoomsView
from sadd.web import feedback
from sadd.web.queue_events import Events
from sadd.web.visits import Visits
from tests.sadd.web.scene import MOEHE, MOPH, READER, RESULTS, Keys, View, catalogue
from tests.sadd.web.served import Served, served
from tests.stores import connected

ROOM = f"/v1/queues/{RESULTS}"
PASSES = PassOffice([PassKey("0000000b", b"p" * 32)])


@dataclass
class Engine:
    """A room with a line that the test moves, and what it was told of its origin."""

    serving: int = 0
    told: list[tuple[str, int, int, float]] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)

    async def status(self, room: Room) -> RoomStatus:
        return RoomStatus(room.id, "queueing", self.serving, 100, 1, room.outflow_per_minute)

    async def feedback(self, room: Room, ok: int, failed: int, latency_ms: float) -> None:
        self.told.append((room.id, ok, failed, latency_ms))

    async def end(self, room: Room, pass_id: str) -> None:
        self.ended.append((room.id, pass_id))


@dataclass
class Scene:
    server: Served
    engine: Engine

    async def ask(self, path: str, body: Any, key: dict[str, str] = MOEHE) -> tuple[int, Any]:
        async with self.server.client.post(f"{ROOM}/{path}", json=body, headers=key) as answer:
            return answer.status, await answer.json() if answer.status != 204 else None


@asynccontextmanager
async def opened(valkey_url: str, streams: int = 2) -> AsyncIterator[Scene]:
    engine = Engine()
    visits = Visits(cast("Rooms", engine), RoomsView(None, View(catalogue())), Holders(b"h" * 32))
    async with connected(valkey_url) as client:
        described = [
            *feedback.endpoints(visits, PASSES, SpentPasses(client), ""),
            *Events(visits, streams).endpoints(),
        ]
        async with served(described, keys=Keys()) as server:
            yield Scene(server, engine)


@pytest.fixture
async def scene(valkey_url: str) -> AsyncIterator[Scene]:
    async with opened(valkey_url) as scene:
        yield scene


def signed(room: str = RESULTS, id_: str = "ab", ends_in_s: int = 60) -> str:
    now_s = int(time.time())
    return PASSES.sign(Pass(room, "cd", id_, now_s - 10, now_s + ends_in_s, RESULTS))


async def test_the_origin_s_health_reaches_the_room(scene: Scene) -> None:
    """By a key of the room's agency with the scope; of nobody else, and within bounds."""
    assert (await scene.ask("feedback", {"ok": 980, "failed": 20, "latency_ms": 120.5}))[0] == 204
    assert scene.engine.told == [(RESULTS, 980, 20, 120.5)]
    assert (await scene.ask("feedback", {"ok": 1}, key=MOPH))[0] == 403
    assert (await scene.ask("feedback", {"ok": 1}, key=READER))[0] == 403
    assert (await scene.ask("feedback", {"ok": 1}, key={}))[0] == 401
    assert (await scene.ask("feedback", {"ok": -1}))[0] == 422
    assert len(scene.engine.told) == 1


async def test_a_pass_is_verified_without_a_library(scene: Scene) -> None:
    """A good one tells whose it is and for how long; verifying does not spend it."""
    for _ in range(2):
        status, answer = await scene.ask("verify", {"pass": signed(), "service": RESULTS})
        assert (status, answer["valid"], answer["holder"], answer["id"]) == (200, True, "cd", "ab")
        assert 55_000 < answer["expires_in_ms"] <= 60_000


@pytest.mark.parametrize(
    "shown",
    ["forged", signed(room="moph-appointment"), signed(ends_in_s=-5), signed()[:-2] + "xx"],
    ids=["forged", "another room's", "ended", "altered"],
)
async def test_a_bad_pass_is_an_answer(scene: Scene, shown: str) -> None:
    """200 with why; never an error that a caller might take for yes."""
    status, answer = await scene.ask("verify", {"pass": shown, "spend": True})
    assert (status, answer["valid"]) == (200, False)
    assert answer["why"]


async def test_a_pass_lets_in_once(scene: Scene) -> None:
    """A second time it is spent, but the same visitor may repeat a call whose answer was lost."""
    body = {"pass": signed(), "spend": True}
    assert (await scene.ask("verify", {**body, "visitor": "one"}))[1]["valid"] is True
    assert (await scene.ask("verify", {**body, "visitor": "one"}))[1]["valid"] is True
    _, answer = await scene.ask("verify", {**body, "visitor": "another"})
    assert (answer["valid"], answer["why"]) == (False, "spent")
    other = {"pass": signed(id_="ef"), "spend": True}
    assert (await scene.ask("verify", other))[1]["valid"] is True
    assert (await scene.ask("verify", other))[1]["valid"] is False


async def test_a_session_that_is_over_frees_its_slot(scene: Scene) -> None:
    """By the id of the pass that opened it; only the room's own agency may say so."""
    assert (await scene.ask("end", {"pass_id": "ab"}))[0] == 204
    assert (await scene.ask("end", {"pass_id": "cd"}, key=MOPH))[0] == 403
    assert scene.engine.ended == [(RESULTS, "ab")]


async def test_a_stream_tells_each_change(scene: Scene) -> None:
    """The public document at once, and again when it is another."""
    async with scene.server.client.get(f"{ROOM}/events") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert (await stream.content.readuntil(b"\n\n")) == b"retry: 3000\n\n"
        first = await event(stream.content)
        scene.engine.serving = 7
        second = await event(stream.content)
    assert (first["serving"], second["serving"]) == (0, 7)


async def event(content: Any) -> dict[str, Any]:
    name, data, _, _ = (await content.readuntil(b"\n\n")).decode().split("\n")
    assert name == "event: status"
    found: dict[str, Any] = json.loads(data.removeprefix("data: "))
    return found


async def test_streams_are_bounded(scene: Scene) -> None:
    """Beyond the bound 503, which says to poll; a room that there is not is 404."""
    get = scene.server.client.get
    async with get(f"{ROOM}/events"), get(f"{ROOM}/events"), get(f"{ROOM}/events") as refused:
        assert refused.status == 503
        assert refused.headers["Retry-After"]
        assert (await refused.json())["type"].endswith("/too-many-streams")
    async with get("/v1/queues/nothing/events") as answer:
        assert answer.status == 404
