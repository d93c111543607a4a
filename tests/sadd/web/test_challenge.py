"""The door of the rooms over HTTP: challenges asked for, met, and gone round in no way."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from queueing.policy import Room
from queueing.ticket import TicketKeys
from queueing.work import Challenge, Effort, WorkOffice, solve
from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore
from sadd.catalogue.model import Name
from sadd.gate.trust import Trust
from sadd.rooms.doorkeeper import Doorkeeper
from sadd.rooms.spec import RoomSpec
from sadd.rooms.written import Bots
from sadd.web import challenge
from sadd.web.answer import json_answer
from sadd.web.challenge import Address, Door
from sadd.web.endpoint import Call, Endpoint
from tests.sadd.web.served import Served, served
from tests.stores import connected

ROOM = Room("results", 60, 3, 60_000, 600_000)
SPEC = RoomSpec(ROOM, Name("نتائج", "Results"), "moehe", ("results",), bots=Bots(40, "always", True))
PHONE = {"X-Forwarded-For": "203.0.113.5"}


class Now:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


class Board:
    """What the door asks of the rooms: how many numbers were given out."""

    async def status(self, room: Room) -> Any:
        return type("Status", (), {"issued": 0})()


class Specs:
    current: Mapping[str, RoomSpec] = {
        "results": SPEC,
        "calm": RoomSpec(ROOM, SPEC.name, "moehe", ("results",)),
    }


@asynccontextmanager
async def door(valkey_url: str, now: Now) -> AsyncIterator[Served]:
    """The door with two endpoints behind it, as the rooms' own call it."""
    async with connected(valkey_url) as client:
        office = WorkOffice(TicketKeys("0000000a", {"0000000a": b"w" * 32}), lambda size: b"n" * size)
        keeper = Doorkeeper(Limiter(ValkeyStore(client)), office, Effort(8, 8))
        address = Address(Trust(("127.0.0.0/8",)), "X-Forwarded-For")
        guarded = Door(keeper, Board(), address, now)  # type: ignore[arg-type]  # it has what is asked for

        async def join(call: Call) -> Any:
            holder = await guarded.at_join(SPEC, call.request)
            return json_answer({"holder": None if holder is None else holder.hex()})

        async def claim(call: Call) -> Any:
            await guarded.at_claim(SPEC, call.request, 7)
            return json_answer({})

        described = [
            Endpoint("POST", "/join", join, "Join", "tests"),
            Endpoint("POST", "/claim", claim, "Claim", "tests"),
            *challenge.endpoints(guarded, Specs()),
        ]
        async with served(described) as server:
            yield server


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
async def server(valkey_url: str, now: Now) -> AsyncIterator[Served]:
    async with door(valkey_url, now) as server:
        yield server


async def ask(server: Served, path: str, work: str = "", **fields: str) -> tuple[int, Any, dict[str, str]]:
    headers = {**PHONE, **fields, **({"Sadd-Work": work} if work else {})}
    async with server.client.post(path, headers=headers) as answer:
        return answer.status, await answer.json(), dict(answer.headers)


async def test_a_challenge_is_asked_and_met(server: Served) -> None:
    """428 with all that is needed; with its answer the join goes through, for one holder."""
    status, body, _ = await ask(server, "/join")
    assert (status, body["type"].rpartition("/")[2]) == (428, "work-required")
    assert set(body["challenge"]) == {"text", "bits", "parts", "expires_in_ms", "plain_after_ms"}
    shown = solve(Challenge(**body["challenge"]))
    first, second = await ask(server, "/join", shown), await ask(server, "/join", shown)
    assert first[:2] == second[:2]
    assert len(first[1]["holder"]) == 32


async def test_without_a_script_one_waits(server: Served, now: Now) -> None:
    """Too early is told with the time that is left, and the challenge stays good; after it he joins."""
    _, body, _ = await ask(server, "/join")
    text = body["challenge"]["text"]
    now.at += 2
    status, body, headers = await ask(server, "/join", text)
    assert (status, body["retry_after_ms"], headers["Retry-After"]) == (428, 3_000, "3")
    assert "challenge" not in body
    now.at += 3
    assert (await ask(server, "/join", text))[0] == 200


async def test_too_many_joins_are_told_when_to_come(server: Served, now: Now) -> None:
    """429 with Retry-After, in the wide network as in the narrow one."""
    challenges = await ask(server, "/join")
    shown = solve(Challenge(**challenges[1]["challenge"]))
    said = [await ask(server, "/join", shown) for _ in range(41)]
    assert [status for status, _, _ in said] == [200] * 40 + [429]
    assert said[40][1]["type"].endswith("/too-many-joins")
    assert int(said[40][2]["Retry-After"]) >= 1


async def test_a_forwarded_address_is_believed_of_our_proxies_only(server: Served) -> None:
    """A visitor who writes the field himself, in front of what our proxy adds, is whom the proxy saw."""
    _, body, _ = await ask(server, "/join")
    shown = solve(Challenge(**body["challenge"]))
    assert (await ask(server, "/join", shown, **{"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}))[0] == 200
    assert (await ask(server, "/join", shown, **{"X-Forwarded-For": "203.0.113.5, 198.51.100.1"}))[0] == 428


async def test_who_has_no_address_is_not_judged(server: Served) -> None:
    """Our own proxy that names nobody: all behind it would be one caller."""
    async with server.client.post("/join") as answer:
        assert (answer.status, await answer.json()) == (200, {"holder": None})


async def test_the_front_is_free_for_most(server: Served) -> None:
    """A turn is taken without a word by whoever has taken few."""
    assert (await ask(server, "/claim"))[0] == 200


async def test_a_challenge_before_it_is_asked_for(server: Served) -> None:
    """Handed out to who wants to begin at once; none in a room that asks for none; no such room is told."""
    async with server.client.get("/v1/queues/results/challenge", headers=PHONE) as answer:
        body = await answer.json()
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert (await ask(server, "/join", solve(Challenge(**body["challenge"]))))[0] == 200
    async with server.client.get("/v1/queues/calm/challenge", headers=PHONE) as answer:
        assert await answer.json() == {"challenge": None}
    async with server.client.get("/v1/queues/nothing/challenge", headers=PHONE) as answer:
        assert answer.status == 404


async def test_the_solver_is_a_script(server: Served) -> None:
    """Kept by browsers for a day, with its type, so that it runs as a worker."""
    async with server.client.get("/v1/challenges/work.js") as answer:
        assert (answer.status, answer.content_type) == (200, "text/javascript")
        assert "function solve(text, bits, parts)" in await answer.text()
        tag = answer.headers["ETag"]
    async with server.client.get("/v1/challenges/work.js", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


@pytest.mark.parametrize("work", ["x", "." * 40, "AAAA.BBBB", "a" * 5000, "eyJhbGciOiJub25lIn0..", "é.é"])
async def test_malformed_work_never_opens(server: Served, work: str) -> None:
    """Whatever is shown: a new challenge, no error and no way in."""
    status, body, _ = await ask(server, "/join", work)
    assert status == 428
    assert "challenge" in body
