"""Webhooks: made over HTTP, told by the announcer, sent until they are taken."""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from queueing.policy import Room
from queueing.standing import RoomState, RoomStatus
from sadd.postgres.pool import Pool, open_pool
from sadd.rooms import webhooks as outbox
from sadd.rooms.announcer import Announcer
from sadd.rooms.view import RoomsView
from sadd.web import webhooks
from sadd.web.endpoint import Call
from sadd.web.webhook_sender import PAUSES_SECONDS, Sender
from tests.sadd.web.scene import MOEHE, MOPH, READER, RESULTS, Keys, View, catalogue
from tests.sadd.web.served import Served, endpoint, served


@dataclass
class Receiver:
    """Somebody's server: what it got, and what it answers."""

    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    meanwhile: Awaitable[object] | None = None
    """What happens before it answers, once."""

    async def take(self, call: Call) -> web.StreamResponse:
        if self.meanwhile is not None:
            await self.meanwhile
            self.meanwhile = None
        self.got.append(({name.lower(): value for name, value in call.request.headers.items()}, call.body))
        return web.Response(status=self.status, headers={"Location": "http://127.0.0.1:1/"})


@dataclass
class Scene:
    server: Served
    pool: Pool
    receiver: Receiver
    announcer: Announcer
    sender: Sender
    states: dict[str, RoomState]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/taken"

    async def ask(
        self, method: str, path: str, body: Any = None, key: dict[str, str] = MOEHE
    ) -> tuple[int, Any]:
        async with self.server.client.request(method, path, json=body, headers=key) as answer:
            return answer.status, await answer.json() if answer.content_length else None

    async def register(self, **more: Any) -> dict[str, Any]:
        status, made = await self.ask("POST", "/v1/webhooks", {"url": self.url, **more})
        assert status == 201
        found: dict[str, Any] = made
        return found

    async def turn(self, state: RoomState) -> int:
        """The room comes into a state, which the announcer sees; how many messages that makes."""
        self.states[RESULTS] = state
        await self.pool.execute("UPDATE room_told SET told_at = told_at - interval '1 minute'")
        return await self.announcer.look()

    async def send(self) -> int:
        async with self.sender.client() as client:
            return await self.sender.send(client)

    async def due_now(self) -> None:
        await self.pool.execute("UPDATE webhook_delivery SET due_at = now()")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Scene]:
    states: dict[str, RoomState] = {}

    async def status(room: Room) -> RoomStatus:
        state = states.get(room.id, "open")
        return RoomStatus(room.id, state, 10, 100, 5, room.outflow_per_minute)

    receiver = Receiver()
    async with await open_pool(url, pool_max=4, deadline_seconds=5) as pool:
        specs = RoomsView(pool, View(catalogue()))
        described = [
            *webhooks.endpoints(pool, specs, authority="", to_loopback=True),
            endpoint(receiver.take, method="POST", path="/taken", raw_body=True),
        ]
        async with served(described, keys=Keys()) as server:
            announcer, sender = Announcer(pool, specs, status), Sender(pool, to_loopback=True)
            yield Scene(server, pool, receiver, announcer, sender, states)


@pytest.fixture
async def scene(migrated_database_url: str) -> AsyncIterator[Scene]:
    async with opened(migrated_database_url) as scene:
        yield scene


async def test_whoever_asked_is_told_and_can_verify_it(scene: Scene) -> None:
    """A line forms: one message, signed with the secret that was shown once."""
    made = await scene.register()
    assert await scene.announcer.look() == 0, "an open room is no news"
    assert await scene.turn("queueing") == 1
    assert await scene.send() == 1
    ((fields, body),) = scene.receiver.got
    told = json.loads(body)
    assert (told["type"], told["data"]["room"], told["data"]["waiting"]) == ("queue.opened", RESULTS, 90)
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + body
    secret = b64decode(made["secret"].removeprefix("whsec_"))
    mac = b64encode(hmac.digest(secret, signed, "sha256")).decode()
    assert fields["webhook-signature"] == f"v1,{mac}"
    assert await scene.send() == 0, "what was taken is not sent again"


async def test_who_begins_to_listen_is_told_what_is_unusual(scene: Scene) -> None:
    """A room that was paused before anybody looked at it: once."""
    await scene.register()
    assert await scene.turn("paused") == 1
    assert await scene.announcer.look() == 0
    await scene.send()
    assert [json.loads(body)["type"] for _, body in scene.receiver.got] == ["queue.paused"]


async def test_each_change_is_told_once_however_many_look(scene: Scene) -> None:
    """opened, paused, resumed, drained; the same state twice is no news."""
    await scene.register()
    await scene.announcer.look()
    states: list[RoomState] = ["queueing", "queueing", "paused", "queueing", "open", "open"]
    for state in states:
        await scene.turn(state)
    await scene.send()
    types = [json.loads(body)["type"] for _, body in scene.receiver.got]
    assert sorted(types) == ["queue.drained", "queue.opened", "queue.paused", "queue.resumed"]


async def test_only_what_was_asked_for_is_told(scene: Scene) -> None:
    """Of some events, of one room, of one's own agency."""
    await scene.register(events=["paused"], room=RESULTS)
    await scene.announcer.look()
    assert await scene.turn("queueing") == 0
    assert await scene.turn("paused") == 1
    assert (await scene.ask("POST", "/v1/webhooks", {"url": scene.url, "room": RESULTS}, MOPH))[0] == 404
    assert (await scene.ask("GET", "/v1/webhooks", key=MOPH))[1] == {"webhooks": []}


@pytest.mark.parametrize("status", [500, 404, 302, 429])
async def test_what_is_not_taken_is_sent_again(scene: Scene, status: int) -> None:
    """With the same id, after a pause; a redirect is not followed."""
    await scene.register()
    await scene.announcer.look()
    await scene.turn("queueing")
    scene.receiver.status = status
    await scene.send()
    assert await scene.send() == 0, "not before the pause is over"
    _, listed = await scene.ask("GET", "/v1/webhooks")
    assert (listed["webhooks"][0]["waiting"], listed["webhooks"][0]["last_error"]) == (1, f"status {status}")
    scene.receiver.status = 204
    await scene.due_now()
    await scene.send()
    (first, _), (second, _) = scene.receiver.got
    assert first["webhook-id"] == second["webhook-id"]
    assert scene.sender.stats().delivered == 1


async def test_a_worker_that_dies_over_a_message_loses_it_not(scene: Scene) -> None:
    """It was taken and never sent: after its lease another worker takes it."""
    await scene.register()
    await scene.announcer.look()
    await scene.turn("queueing")
    assert len(await outbox.take(scene.pool, 10)) == 1
    assert await scene.send() == 0
    await scene.due_now()
    assert await scene.send() == 1


async def test_what_could_not_be_noted_is_sent_again(scene: Scene) -> None:
    """The database goes while the receiver answers: the worker lives, and the same message comes twice."""
    await scene.register()
    await scene.announcer.look()
    await scene.turn("queueing")
    scene.receiver.meanwhile = scene.pool.execute("ALTER TABLE webhook_delivery RENAME TO elsewhere")
    assert await scene.send() == 1
    await scene.pool.execute("ALTER TABLE elsewhere RENAME TO webhook_delivery")
    assert await scene.send() == 0, "not before its lease is over"
    await scene.due_now()
    assert await scene.send() == 1
    (first, _), (second, _) = scene.receiver.got
    assert first["webhook-id"] == second["webhook-id"]


async def test_who_wants_no_more_is_left_alone(scene: Scene) -> None:
    """410 ends the webhook; so does too long a silence for the message."""
    await scene.register()
    await scene.announcer.look()
    await scene.turn("queueing")
    scene.receiver.status = 410
    await scene.send()
    assert await scene.turn("paused") == 0
    _, listed = await scene.ask("GET", "/v1/webhooks")
    assert listed["webhooks"][0]["disabled_at"]
    assert (listed["webhooks"][0]["waiting"], listed["webhooks"][0]["given_up"]) == (0, 1)


async def test_what_nobody_takes_for_days_is_given_up(scene: Scene) -> None:
    """After the last pause; it stays to be looked at."""
    await scene.register()
    await scene.announcer.look()
    await scene.turn("queueing")
    scene.receiver.status = 500
    await scene.pool.execute("UPDATE webhook_delivery SET attempts = $1", len(PAUSES_SECONDS))
    await scene.send()
    _, listed = await scene.ask("GET", "/v1/webhooks")
    assert (listed["webhooks"][0]["waiting"], listed["webhooks"][0]["given_up"]) == (0, 1)


async def test_no_network_behind_us_is_called(scene: Scene) -> None:
    """Neither when the webhook is made, nor where a name says so when it is called."""
    for url in ("http://169.254.169.254/", "https://10.0.0.8/x", "https://postgres/"):
        status, problem = await scene.ask("POST", "/v1/webhooks", {"url": url})
        assert (status, problem["errors"][0]["pointer"]) == (422, "#/url")
    await scene.register()
    await scene.announcer.look()
    await scene.turn("queueing")
    strict = Sender(scene.pool, to_loopback=False)
    async with strict.client() as client:
        assert await strict.send(client) == 1
    assert scene.receiver.got == []
    _, listed = await scene.ask("GET", "/v1/webhooks")
    assert listed["webhooks"][0]["last_error"].startswith("Forbidden: ")


async def test_a_webhook_is_tried_and_deleted(scene: Scene) -> None:
    """A test message says nothing; after the deletion nothing is sent. Both are audited."""
    made = await scene.register()
    assert (await scene.ask("POST", f"/v1/webhooks/{made['id']}/test"))[0] == 202
    await scene.send()
    assert json.loads(scene.receiver.got[0][1])["type"] == "queue.test"
    assert (await scene.ask("DELETE", f"/v1/webhooks/{made['id']}", key=MOPH))[0] == 404
    assert (await scene.ask("DELETE", f"/v1/webhooks/{made['id']}"))[0] == 204
    assert (await scene.ask("POST", f"/v1/webhooks/{made['id']}/test"))[0] == 404
    assert (await scene.ask("POST", "/v1/webhooks", {"url": scene.url}, READER))[0] == 403
    rows = await scene.pool.fetch("SELECT actor, action FROM audit ORDER BY id")
    assert [tuple(row) for row in rows] == [("moehe", "webhooks.add"), ("moehe", "webhooks.remove")]
    assert made["secret"] not in str(await scene.pool.fetch("SELECT * FROM audit"))
