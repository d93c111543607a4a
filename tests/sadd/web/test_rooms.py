"""Settings of waiting rooms over HTTP: what an agency sets, sees and takes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from queueing.policy import Room
from queueing.standing import RoomStatus
from queueing.store import StoreUnavailable
from sadd.postgres.pool import Pool, open_pool
from sadd.rooms.registry import Registry
from sadd.rooms.view import RoomsView
from sadd.web import rooms
from tests.sadd.web.scene import CLINIC, MOEHE, MOPH, READER, RESULTS, Keys, View, catalogue
from tests.sadd.web.served import Served, served

ROOM = f"/v1/queues/{RESULTS}"
SETTINGS = f"{ROOM}/settings"
MORNING = {"id": "morning", "services": [RESULTS], "name": {"ar": "صباح", "en": "Morning"}}


@dataclass
class Scene:
    server: Served
    pool: Pool
    specs: RoomsView

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: dict[str, str] = MOEHE,
        **headers: str,
    ) -> tuple[int, Any]:
        fields = {**key, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.server.client.request(method, path, json=body, headers=fields) as answer:
            return answer.status, await answer.json()


async def crowd(room: Room) -> RoomStatus:
    """Ninety wait and thirty are inside of one room; nobody can say of others."""
    if room.id != RESULTS:
        raise StoreUnavailable("away")
    return RoomStatus(room.id, "queueing", 10, 100, 30, room.outflow_per_minute)


@asynccontextmanager
async def opened(url: str, authority: str = "") -> AsyncIterator[Scene]:
    async with await open_pool(url, pool_max=4, deadline_seconds=5) as pool:
        specs = RoomsView(pool, View(catalogue()))
        registry = Registry(pool, specs, crowd)
        described = rooms.endpoints(registry, specs, pool, authority=authority)
        async with served(described, keys=Keys()) as server:
            yield Scene(server, pool, specs)


@pytest.fixture
async def scene(migrated_database_url: str) -> AsyncIterator[Scene]:
    async with opened(migrated_database_url) as scene:
        yield scene


async def test_a_room_of_the_catalogue_is_changed_and_taken_back(scene: Scene) -> None:
    """What was not said stays the catalogue's, before, meanwhile and after."""
    status, shown = await scene.ask("GET", SETTINGS)
    assert (status, shown["settings"], shown["holds"]["outflow_per_minute"]) == (200, None, 360)
    status, changed = await scene.ask("PATCH", SETTINGS, {"outflow_per_minute": 60})
    assert (status, changed["version"]) == (200, 1)
    assert scene.specs.current[RESULTS].room.outflow_per_minute == 60, "here at once"
    assert scene.specs.current[RESULTS].room.active_cap == 1
    status, _ = await scene.ask("PATCH", SETTINGS, {"outflow_per_minute": None})
    assert status == 200
    assert scene.specs.current[RESULTS].written is None
    assert (await scene.ask("DELETE", SETTINGS))[0] == 200


async def test_a_dry_run_tells_whom_it_would_touch_and_changes_nothing(scene: Scene) -> None:
    """Each field before and after, how many wait, and what that means for them."""
    path = f"{SETTINGS}?dry_run=true"
    status, told = await scene.ask("PATCH", path, {"outflow_per_minute": 60, "stock": 50})
    assert (status, told["dry_run"], told["version"]) == (200, True, 0)
    (effect,) = told["effects"]
    assert (effect["room"], effect["verb"]) == (RESULTS, "change")
    assert (effect["waiting"], effect["active"]) == (90, 30)
    assert {"field": "outflow_per_minute", "before": 360, "after": 60} in effect["fields"]
    assert "90 wait for at most 50" in effect["warnings"]
    assert any("1.5 minutes" in warning for warning in effect["warnings"])
    assert scene.specs.current[RESULTS].room.outflow_per_minute == 360
    assert await scene.pool.fetchval("SELECT count(*) FROM room_edition") == 0


async def test_a_shared_room_is_made_and_becomes_the_door(scene: Scene) -> None:
    """201, with whose door it is now; a second time 409."""
    status, made = await scene.ask("POST", "/v1/queues", {**MORNING, "outflow_per_minute": 100})
    assert status == 201
    warnings = [warning for effect in made["effects"] for warning in effect.get("warnings", [])]
    assert f"the door of {RESULTS} is this room from now on, no longer {RESULTS}" in warnings
    spec = scene.specs.of_service(RESULTS)
    assert spec is not None
    assert spec.id == "morning"
    status, problem = await scene.ask("POST", "/v1/queues", MORNING)
    assert (status, problem["type"].rpartition("/")[2]) == (409, "room-exists")
    _, listed = await scene.ask("GET", "/v1/queues")
    assert [(line["room"], line["set"]) for line in listed["rooms"]] == [(RESULTS, False), ("morning", True)]


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"outflow_per_minute": 0}, "#"),
        ({"active_cap": 10**9}, "#"),
        ({"pass_ms": 10**12}, "#/pass_ms"),
        ({"method": "random"}, "#/method"),
        ({"colour": "red"}, "#/colour"),
        ({"activation": {"kind": "scheduled"}}, "#/activation"),
        ({"activation": {"kind": "scheduled", "opens_at": "2027-08-01T10:00:00"}}, "#/activation"),
        ({"activation": {"kind": "always", "joins_per_minute": 5}}, "#/activation/joins_per_minute"),
        ({"lanes": [{"id": "a", "share": 0.6}, {"id": "b", "share": 0.6}]}, "#"),
        ({"message": {"ar": "", "en": "Closed"}}, "#/message/ar"),
        ({"logo": "https://elsewhere.example/logo.png"}, "#/logo"),
        ({"services": [RESULTS, "nothing"]}, "#/services/1"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_bad_setting_is_refused_and_the_old_stays(
    scene: Scene, settings: dict[str, Any], place: str
) -> None:
    """422 names the place; the room and the history are as they were."""
    await scene.ask("PATCH", SETTINGS, {"outflow_per_minute": 60})
    status, problem = await scene.ask("PATCH", SETTINGS, settings)
    assert status == 422
    assert place in [error["pointer"] for error in problem["errors"]]
    assert scene.specs.current[RESULTS].room.outflow_per_minute == 60
    assert await scene.pool.fetchval("SELECT max(version) FROM room_edition") == 1


async def test_of_two_writers_the_second_is_told(scene: Scene) -> None:
    """PUT needs the ETag of what is set; an old one is 412, none is 428."""
    body = {"id": RESULTS, "outflow_per_minute": 60}
    assert (await scene.ask("PUT", SETTINGS, body))[0] == 200
    async with scene.server.client.get(SETTINGS, headers=MOEHE) as answer:
        tag = answer.headers["ETag"]
    body["outflow_per_minute"] = 90
    assert (await scene.ask("PUT", SETTINGS, body))[0] == 428
    assert (await scene.ask("PUT", SETTINGS, body, If_Match=tag))[0] == 200
    assert (await scene.ask("PUT", SETTINGS, body, If_Match=tag))[0] == 412
    assert (await scene.ask("PATCH", SETTINGS, {"stock": 1}, If_Match=tag))[0] == 412


async def test_a_room_is_paused_and_resumed(scene: Scene) -> None:
    """Audited by the key's prefix, with the note in the history."""
    status, paused = await scene.ask("POST", f"{ROOM}/pause?note=fire+alarm")
    assert status == 200
    assert any("90 who wait are not called" in warning for warning in paused["effects"][0]["warnings"])
    assert scene.specs.current[RESULTS].room.suspended
    assert (await scene.ask("POST", f"{ROOM}/resume-calls"))[0] == 200
    assert not scene.specs.current[RESULTS].room.suspended
    _, told = await scene.ask("GET", f"{SETTINGS}/history")
    assert [(one["version"], one["actor"], one["note"]) for one in told["versions"]] == [
        (2, "moehe", ""),
        (1, "moehe", "fire alarm"),
    ]
    rows = await scene.pool.fetch("SELECT actor, action, subject FROM audit ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("moehe", "queues.add", f"queues/{RESULTS}"),
        ("moehe", "queues.remove", f"queues/{RESULTS}"),
    ]


async def test_a_room_goes_back_to_a_version(scene: Scene) -> None:
    """As a new version; one that never was is refused."""
    await scene.ask("PATCH", SETTINGS, {"outflow_per_minute": 60})
    await scene.ask("PATCH", SETTINGS, {"outflow_per_minute": 90})
    assert (await scene.ask("POST", f"{SETTINGS}/rollback", {"version": 1}))[0] == 200
    assert scene.specs.current[RESULTS].room.outflow_per_minute == 60
    assert (await scene.ask("POST", f"{SETTINGS}/rollback", {"version": 9}))[0] == 422


async def test_another_agencys_room_is_out_of_reach(scene: Scene) -> None:
    """403 for what is written, 404 for what is read; without the scope 403, without a key 401."""
    assert (await scene.ask("PATCH", SETTINGS, {"stock": 1}, key=MOPH))[0] == 403
    assert (await scene.ask("POST", f"{ROOM}/pause", key=MOPH))[0] == 403
    assert (await scene.ask("GET", SETTINGS, key=MOPH))[0] == 404
    mixed = {"id": "mixed", "services": [RESULTS, CLINIC]}
    assert (await scene.ask("POST", "/v1/queues", mixed))[0] == 403
    assert (await scene.ask("GET", "/v1/queues", key=READER))[0] == 403
    assert (await scene.ask("GET", "/v1/queues", key={}))[0] == 401
    assert (await scene.ask("PATCH", "/v1/queues/nothing/settings", {"stock": 1}))[0] == 404


async def test_the_authority_shares_a_room_between_agencies(migrated_database_url: str) -> None:
    """It may write all rooms and sees them all."""
    async with opened(migrated_database_url, authority="moehe") as scene:
        mixed = {"id": "mixed", "services": [RESULTS, CLINIC]}
        assert (await scene.ask("POST", "/v1/queues", mixed))[0] == 201
        _, listed = await scene.ask("GET", "/v1/queues")
        assert {line["room"] for line in listed["rooms"]} == {RESULTS, CLINIC, "mixed"}
