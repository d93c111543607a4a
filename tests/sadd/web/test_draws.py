"""Draws over HTTP: public documents, and the two calls that an operator may make."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec import structs

from queueing.draw.archive import Archive
from queueing.draw.document import Draw, Proof, Published, read
from queueing.draw.draws import Draws
from queueing.draw.postgres import PostgresDraws
from queueing.draw.verification import faults_of_draw, faults_of_list, faults_of_proof
from sadd.postgres.pool import AWAY, open_pool
from sadd.rooms.view import RoomsView
from sadd.web import draws as web_draws
from tests.queueing.draw.chain import OURS, signature
from tests.queueing.draw.scene import REFUSED, Scene
from tests.sadd.catalogue.scene import service, small
from tests.sadd.web.scene import MOEHE, MOPH, READER, Keys, View
from tests.sadd.web.served import Served, served
from tests.waiting import eventually

ROOM = "results"
DRAW = f"/v1/queues/{ROOM}/draw"


@dataclass(frozen=True)
class Stage:
    server: Served
    scene: Scene

    async def get(self, path: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        async with self.server.client.get(DRAW + path, headers=headers) as answer:
            return answer.status, answer.headers, await answer.read()

    async def send(self, method: str, body: dict[str, Any], key: dict[str, str]) -> tuple[int, Any]:
        async with self.server.client.request(method, f"{DRAW}/beacon", json=body, headers=key) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def stage(migrated_database_url: str) -> AsyncIterator[Stage]:
    pool = await open_pool(migrated_database_url, pool_max=4, deadline_seconds=10)
    draws = Draws(PostgresDraws(pool, AWAY, REFUSED, OURS), chain=OURS)
    await draws.refresh()
    specs = RoomsView(None, View(small(service(ROOM))))
    endpoints = web_draws.endpoints(draws, specs, authority="")
    async with served(endpoints, keys=Keys()) as server:
        yield Stage(server, Scene(pool, draws))
    await pool.close()


async def test_while_people_gather_the_document_names_the_beacon_and_shows_no_list(stage: Stage) -> None:
    """While people gather the document names the beacon and shows no list."""
    await stage.scene.announce()
    await stage.scene.enter(3)

    status, headers, body = await stage.get("")
    document = read(body)

    assert (status, headers["Cache-Control"]) == (200, "public, max-age=1")
    assert isinstance(document, Draw)
    assert (document.stage, document.root, document.beacon.chain) == ("gathering", "", OURS.id)
    assert json.loads((await stage.get("/entries"))[2])["type"].endswith("/list-not-frozen")
    assert json.loads((await stage.get("/proof?index=0"))[2])["type"].endswith("/not-drawn")


async def test_the_whole_draw_is_checked_from_what_anybody_can_fetch(stage: Stage) -> None:
    """The whole draw is checked from what anybody can fetch."""
    drawn = await stage.scene.drawn(9_000)

    status, headers, body = await stage.get("/entries")
    whole = read(body)

    assert (status, headers["Content-Type"]) == (200, "text/plain")
    assert isinstance(whole, Published)
    assert whole.draw == drawn
    assert faults_of_list(whole, OURS) == []


async def test_one_place_comes_with_its_proof_by_entry_or_by_index(stage: Stage) -> None:
    """One place comes with its proof by entry or by index."""
    await stage.scene.drawn(30)
    whole = read((await stage.get("/entries"))[2])
    assert isinstance(whole, Published)

    by_index = read((await stage.get("/proof?index=17"))[2])
    by_entry = read((await stage.get(f"/proof?entry={whole.entries[17].hex().upper()}"))[2])

    assert isinstance(by_index, Proof)
    assert by_index == by_entry
    assert faults_of_proof(by_index, OURS) == []


async def test_documents_of_a_certain_draw_may_be_kept_for_ever(stage: Stage) -> None:
    """Documents of a certain draw may be kept for ever."""
    await stage.scene.drawn(3)
    first = (await stage.get(""))[2]
    await stage.scene.announce()

    status, headers, body = await stage.get("?draw=1")

    assert (status, body) == (200, first)
    assert "immutable" in headers["Cache-Control"]
    for path in ("?draw=1", "/entries?draw=1", "/proof?index=0&draw=1"):
        headers = (await stage.get(path))[1]
        assert "immutable" in headers["Cache-Control"]
        assert (await stage.get(path, **{"If-None-Match": headers["ETag"]}))[0] == 304
    assert json.loads((await stage.get(""))[2])["draw"] == 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("?draw=2", 404),
        ("?draw=0", 422),
        ("?draw=x", 422),
        ("/entries?draw=7", 404),
        ("/proof", 422),
        ("/proof?index=1&entry=" + "0" * 64, 422),
        ("/proof?index=3", 404),
        ("/proof?index=-1", 422),
        ("/proof?entry=abc", 422),
        ("/proof?entry=" + "0" * 64, 404),
    ],
)
async def test_what_there_is_not_is_a_problem(stage: Stage, path: str, status: int) -> None:
    """What there is not is a problem."""
    await stage.scene.drawn(3)

    answered, headers, _ = await stage.get(path)

    assert (answered, headers["Content-Type"]) == (status, "application/problem+json")


async def test_a_room_without_draws_has_none(stage: Stage) -> None:
    """A room without draws has none."""
    assert (await stage.get(""))[0] == 404


async def test_an_operator_gives_the_value_and_only_the_true_one_draws(stage: Stage) -> None:
    """An operator gives the value and only the true one draws."""
    frozen = await stage.scene.frozen(5)
    value = signature(frozen.beacon.round).hex()

    wrong = await stage.send("POST", {"value": signature(1).hex()}, MOEHE)
    status, document = await stage.send("POST", {"value": value}, MOEHE)

    assert (wrong[0], wrong[1]["type"].rpartition("/")[2]) == (409, "draw-refused")
    assert (status, document["stage"]) == (200, "drawn")
    assert await stage.send("POST", {"value": value}, MOEHE) == (200, document)
    shown = read((await stage.get(""))[2])
    assert isinstance(shown, Draw)
    assert faults_of_draw(shown, OURS) == []
    notes = await stage.scene.pool.fetch("SELECT actor, action FROM audit WHERE action = 'draws.draw'")
    assert [tuple(note) for note in notes] == [("moehe", "draws.draw")]


async def test_an_operator_names_a_statement_before_the_freeze_and_not_after(stage: Stage) -> None:
    """An operator names a statement before the freeze and not after."""
    draw = await stage.scene.announce()
    wanted = {"kind": "statement", "at_ms": draw.closes_at_ms + 3_600_000, "source": "Lottery 88, as printed"}

    status, document = await stage.send("PUT", wanted, MOEHE)

    assert (status, document["beacon"]["source"]) == (200, "Lottery 88, as printed")
    assert (await stage.send("PUT", {**wanted, "at_ms": 5}, MOEHE))[0] == 409
    assert (await stage.send("PUT", {**wanted, "source": ""}, MOEHE))[0] == 409
    await stage.scene.enter(1)
    await stage.scene.start()
    await stage.scene.draws.freeze(ROOM)
    assert (await stage.send("PUT", {**wanted, "source": "My own dice"}, MOEHE))[0] == 409


@pytest.mark.parametrize(("key", "status"), [({}, 401), (READER, 403), (MOPH, 404)])
async def test_nobody_else_names_or_gives_a_beacon(stage: Stage, key: dict[str, str], status: int) -> None:
    """Nobody else names or gives a beacon."""
    frozen = await stage.scene.frozen(2)

    given = await stage.send("POST", {"value": signature(frozen.beacon.round).hex()}, key)
    named = await stage.send("PUT", {"kind": "drand", "at_ms": frozen.beacon.at_ms + 9_000}, key)

    assert (given[0], named[0]) == (status, status)
    assert stage.scene.draws.pending(ROOM)


async def test_who_takes_no_list_holds_no_place(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of eight places none is held by a reader that does not read."""
    drawn = await stage.scene.drawn(3)
    large = structs.replace(drawn, count=2_000_000)
    page = [bytes(32)] * web_draws.PAGE

    async def told(*_: object) -> Draw:
        return large

    async def entries(*_: object) -> list[bytes]:
        return page

    monkeypatch.setattr(web_draws, "draw_asked", told)
    monkeypatch.setattr(web_draws, "PAGE_SECONDS", 1.0)
    monkeypatch.setattr(Archive, "entries", entries)
    asked = f"GET {DRAW}/entries HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    readers = [await stage.server.raw(asked) for _ in range(web_draws.DOWNLOADS_MAX)]

    async def has_place() -> bool:
        async with stage.server.client.get(f"{DRAW}/entries") as answer:
            return answer.status == 200

    await eventually(lambda: _refused(has_place))
    await eventually(has_place)
    for _, writer in readers:
        writer.transport.abort()


async def _refused(has_place: Callable[[], Awaitable[bool]]) -> bool:
    return not await has_place()
