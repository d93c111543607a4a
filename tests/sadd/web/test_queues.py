"""Waiting rooms over HTTP: everything that a citizen's browser or app does."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.sadd.web.scene import BARE, RESULTS, four_services
from tests.sadd.web.served import Served
from tests.stores import stoppable_valkey
from tests.waiting import eventually

ROOM = f"/v1/queues/{RESULTS}"


@pytest.fixture
async def server(valkey_url: str) -> AsyncIterator[Served]:
    async with four_services(valkey_url) as server:
        yield server


async def ask(server: Served, method: str, path: str, ticket: str = "") -> tuple[int, Any]:
    headers = {"Sadd-Ticket": ticket} if ticket else {}
    async with server.client.request(method, ROOM + path, headers=headers) as answer:
        server.client.cookie_jar.clear()
        return answer.status, await answer.json()


async def test_the_first_comer_gets_the_pass(server: Served) -> None:
    """No line: the first answer admits, and a backend verifies the pass with the published keys alone."""
    status, body = await ask(server, "POST", "/tickets")
    assert (status, body["state"], body["number"]) == (200, "admitted", 1)
    assert body["expires_in_ms"] == 300_000
    async with server.client.get("/.well-known/jwks.json") as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        keys = jwt.PyJWKSet.from_dict(await answer.json())
    key = keys[jwt.get_unverified_header(body["pass"])["kid"]]
    claims = jwt.decode(body["pass"], key, ["EdDSA"], audience=RESULTS, issuer="sadd")
    assert len(claims["jti"]) == 32


async def test_who_comes_next_waits_and_is_admitted_in_turn(server: Served) -> None:
    """Join, wait, be called when the first leaves, claim, leave."""
    _, first = await ask(server, "POST", "/tickets")
    _, second = await ask(server, "POST", "/tickets")
    assert (second["state"], second["position"]) == ("waiting", 1)
    assert set(second) == {"ticket", "number", "state", "position", "estimate_ms", "poll_after_ms"}
    assert 0 < second["estimate_ms"]["low"] <= second["estimate_ms"]["high"]
    assert (await ask(server, "POST", "/claim", second["ticket"]))[1]["state"] == "waiting"
    assert (await ask(server, "POST", "/leave", first["ticket"]))[1]["state"] == "completed"

    async def called() -> Any:
        _, standing = await ask(server, "GET", "/ticket", second["ticket"])
        return standing if standing["state"] == "called" else None

    standing = await eventually(called)
    assert 0 < standing["expires_in_ms"] <= 121_000
    _, admitted = await ask(server, "POST", "/claim", second["ticket"])
    assert admitted["state"] == "admitted"
    assert admitted["pass"] == (await ask(server, "POST", "/claim", second["ticket"]))[1]["pass"]


async def test_the_cookie_keeps_the_place(server: Served) -> None:
    """A browser that comes back keeps its number; the cookie is this room's and out of scripts' reach."""
    await ask(server, "POST", "/tickets")
    async with server.client.post(f"{ROOM}/tickets") as answer:
        body, cookie = await answer.json(), answer.cookies["sadd_ticket"]
    assert cookie.value == body["ticket"]
    assert cookie["path"] == ROOM
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    again = {"Cookie": f"sadd_ticket={cookie.value}"}
    async with server.client.post(f"{ROOM}/tickets", headers=again) as answer:
        assert (await answer.json())["number"] == body["number"]
    async with server.client.post(f"{ROOM}/leave", headers=again) as answer:
        assert answer.cookies["sadd_ticket"]["max-age"] == "0"


async def test_the_status_may_be_cached_anywhere_for_a_second(server: Served) -> None:
    """Public, with a tag that answers 304, and nobody's name in it."""
    await ask(server, "POST", "/tickets")
    await ask(server, "POST", "/tickets")
    async with server.client.get(ROOM) as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=1"
        tag, body = answer.headers["ETag"], await answer.json()
    body.pop("pace", None)  # there once a leader stepped
    assert body == {
        "room": RESULTS,
        "state": "queueing",
        "serving": 1,
        "issued": 2,
        "waiting": 1,
        "active": 1,
        "outflow_per_minute": 360,
        "name": {"ar": "نتائج moehe-results", "en": "Results moehe-results"},
    }
    async with server.client.get(ROOM, headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


@pytest.mark.parametrize("room", ["nothing", BARE, "moehe-closed", "ا"])
async def test_a_service_without_a_room_has_none(server: Served, room: str) -> None:
    """Unknown, without a queue class, and retired are 404 alike."""
    for method, path in (("GET", ""), ("POST", "/tickets"), ("GET", "/ticket"), ("POST", "/claim")):
        async with server.client.request(method, f"/v1/queues/{room}{path}") as answer:
            assert answer.status == 404
            assert (await answer.json())["type"].endswith("/unknown-room")


@pytest.mark.parametrize("ticket", ["", "forged", "A" * 88, "../../etc/passwd", "x" * 5000])
async def test_a_ticket_that_is_none_gets_nothing(server: Served, ticket: str) -> None:
    """403 alike for none, forged and overlong; it never fails open."""
    for method, path in (("GET", "/ticket"), ("POST", "/claim"), ("POST", "/leave")):
        status, body = await ask(server, method, path, ticket)
        assert status == 403
        assert body["type"].endswith("/invalid-ticket")


async def test_another_rooms_ticket_gets_nothing(server: Served) -> None:
    """A place in one line is none in another."""
    _, body = await ask(server, "POST", "/tickets")
    async with server.client.get(
        "/v1/queues/moph-appointment/ticket", headers={"Sadd-Ticket": body["ticket"]}
    ) as answer:
        assert answer.status == 403


async def test_without_a_store_the_room_stays_shut(tmp_path: Path) -> None:
    """Store killed: every call is 503 with Retry-After, and no answer holds a pass."""
    with stoppable_valkey(tmp_path) as valkey:
        async with four_services(valkey.url, deadline_ms=2_000) as server:
            _, body = await ask(server, "POST", "/tickets")
            valkey.stop()
            for method, path in (("GET", ""), ("POST", "/tickets"), ("GET", "/ticket"), ("POST", "/claim")):
                headers = {"Sadd-Ticket": body["ticket"]}
                async with server.client.request(method, ROOM + path, headers=headers) as answer:
                    assert answer.status == 503
                    assert answer.headers["Retry-After"] == "1"
                    assert "pass" not in await answer.json()
