"""A waiting room asked through the client, and services that ask for passes by its middleware."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from sadd_client import (
    AsyncClient,
    Client,
    InvalidPass,
    InvalidTicket,
    PassVerifier,
    Place,
    PlatformAway,
    UnknownRoom,
)
from sadd_client.door import Visit, entries_in, page_of, pass_in
from sadd_client.middleware import aiohttp as for_aiohttp
from sadd_client.middleware import asgi, wsgi
from sadd_client.middleware import django as for_django
from tests.client.catalogue import AGENCY
from tests.client.conftest import Open
from tests.client.doors import KEY
from tests.client.middleware.applications import _set_up_django
from tests.e2e.platform import SERVICE, Platform

BROWSER = {"accept": "text/html", "user-agent": "Mozilla/5.0"}
QUICK: dict[str, Any] = {"deadline_seconds": 5.0, "on_loss": "closed"}


@pytest.fixture(scope="module")
def site(running: Platform) -> Platform:
    """One whose services have rooms."""
    return running


@pytest.fixture(scope="module")
def words(site: Platform) -> dict[str, Any]:
    """What a client of that platform is made with."""
    return {**QUICK, "key": site.key("limits:check", "queues:join", agency=AGENCY)}


def test_the_way_of_a_visitor(site: Platform, words: dict[str, Any], door: Open) -> None:
    """Joined, found again by his ticket, let in, and gone."""
    own = door(site.url, **words)
    room = own.client.room(SERVICE)
    place: Place = own.do(lambda _: room.join())
    assert place.state in ("admitted", "waiting", "called")
    assert own.do(lambda _: room.join(place.ticket)).number == place.number
    place = own.do(lambda _: room.wait(place, 10))
    if place.state == "called":
        place = own.do(lambda _: room.claim(place.ticket))
    assert place.state == "admitted"
    assert place.pass_ is not None
    assert own.do(lambda _: room.claim(place.ticket)).pass_ == place.pass_
    assert own.do(lambda _: room.standing(place.ticket)).state == "admitted"
    assert own.do(lambda _: room.leave(place.ticket)).state == "completed"
    assert place.ticket not in repr(place)
    assert place.pass_ not in repr(place)


def test_a_place_on_another_device(site: Platform, words: dict[str, Any], door: Open) -> None:
    """A short code brings it there."""
    own = door(site.url, **words)
    room = own.client.room(SERVICE)
    place: Place = own.do(lambda _: room.join())
    code = own.do(lambda _: room.resume_code(place.ticket))
    assert len(code) <= 20
    assert own.do(lambda _: room.resume(code)).number == place.number


def test_faults_are_told_apart(site: Platform, words: dict[str, Any], door: Open) -> None:
    """A room that is none, a ticket that is none, a ticket that no header carries."""
    own = door(site.url, **words)
    with pytest.raises(UnknownRoom):
        own.do(lambda client: client.room("no-such-room").join())
    with pytest.raises(InvalidTicket):
        own.do(lambda client: client.room(SERVICE).standing("none"))
    with pytest.raises(ValueError, match="ASCII"):
        own.do(lambda client: client.room(SERVICE).standing("a\r\nX: y"))
    with pytest.raises(ValueError, match="room"):
        own.client.room("")


def test_a_platform_that_is_away(door: Open) -> None:
    """The room stays shut: there is no way of one's own here."""
    own = door("http://127.0.0.1:9", deadline_seconds=0.5)
    with pytest.raises(PlatformAway):
        own.do(lambda client: client.room(SERVICE).join())


def a_pass(client: Client) -> str:
    room = client.room(SERVICE)
    place = room.wait(room.join(), 10)
    place = room.claim(place.ticket) if place.state == "called" else place
    assert place.pass_ is not None
    return place.pass_


def test_a_pass_is_verified_and_exchanged_once(site: Platform, words: dict[str, Any]) -> None:
    """Offline by the published keys; the exchange is one device's."""
    with Client(site.url, **words) as client:
        text = a_pass(client)
        queue = client._core.queue(SERVICE)
        published = _now(queue.keys())
        verifier = PassVerifier(published, SERVICE, SERVICE)
        assert verifier.read(text).room == SERVICE
        entry, expires_in_ms = _now(queue.entry(SERVICE, text, "phone"))
        assert verifier.read_entry(entry).service == SERVICE
        assert 0 < expires_in_ms <= 300_000
        assert _now(queue.entry(SERVICE, text, "phone"))[0] == entry
        for visitor, shown in (("laptop", text), ("laptop", text[:-2] + "AA"), ("phone", entry)):
            with pytest.raises(InvalidPass):
                _now(queue.entry(SERVICE, shown, visitor))


def _now(work: Any) -> Any:
    from sadd_client.ports import complete

    return complete(work)


def walk(call: Any, shown: str) -> None:
    """Each door is walked through alike. ``call(uri, headers)`` is status, headers, whether it was inside."""
    status, headers, inside = call("/results?id=7", BROWSER)
    assert (status, inside) == (302, False)
    assert headers["Location"].endswith(f"/queue/{SERVICE}?service={SERVICE}&path=/results%3Fid%3D7")
    status, headers, inside = call("/results", {"accept": "application/json"})
    assert (status, inside, headers["Content-Type"]) == (429, False, "application/problem+json")
    status, headers, inside = call("/results", {**BROWSER, "user-agent": "Googlebot/2.1"})
    assert (status, inside, headers["Retry-After"]) == (503, False, "300")
    status, headers, inside = call(f"/results?id=7&sadd_pass={shown}", BROWSER)
    assert (status, inside, headers["Location"]) == (302, False, "/results?id=7")
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert call("/results", {"cookie": cookie})[::2] == (200, True)
    status, _, inside = call(f"/results?sadd_pass={shown}", {**BROWSER, "user-agent": "another"})
    assert (status, inside) == (302, False)
    assert call("/results", {"cookie": cookie[:-2]})[::2] == (429, False)


def test_wsgi(site: Platform, words: dict[str, Any]) -> None:
    """A service in threads."""
    reached: list[str] = []

    def application(environ: Any, start_response: Any) -> Any:
        reached.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [b"well"]

    with Client(site.url, **words) as client:
        app = wsgi.Admitted(application, client.room(SERVICE).door(SERVICE))

        def call(uri: str, headers: dict[str, str]) -> Any:
            path, _, query = uri.partition("?")
            fields = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
            environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, **fields}
            told: list[Any] = []
            before = len(reached)
            app(environ, lambda status, sent, _=None: told.append((status, sent)))
            return int(told[0][0].split()[0]), dict(told[0][1]), len(reached) > before

        walk(call, a_pass(client))


def test_django(site: Platform, words: dict[str, Any]) -> None:
    """Django in threads."""
    _set_up_django()
    with Client(site.url, **words) as client:
        middleware = for_django.admitted(client.room(SERVICE).door(SERVICE))(lambda _: HttpResponse("well"))

        def call(uri: str, headers: dict[str, str]) -> Any:
            answer = middleware(RequestFactory(headers=headers).get(uri))
            return answer.status_code, dict(answer.headers), answer.content == b"well"

        walk(call, a_pass(client))


def test_asgi(site: Platform, words: dict[str, Any]) -> None:
    """A service on an event loop, and its websockets."""
    reached: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"well"})

    async def receive() -> Any:
        return {}

    with asyncio.Runner() as runner, Client(site.url, **words) as other:
        client = AsyncClient(site.url, **words)
        app = asgi.Admitted(application, client.room(SERVICE).door(SERVICE))

        def call(uri: str, headers: dict[str, str], kind: str = "http") -> Any:
            path, _, query = uri.partition("?")
            sent: list[Any] = []

            async def send(message: Any) -> None:
                sent.append(message)

            fields = [(name.encode(), value.encode()) for name, value in headers.items()]
            scope = {"type": kind, "path": path, "query_string": query.encode(), "headers": fields}
            before = len(reached)
            runner.run(app({**scope, "method": "GET"}, receive, send))
            if kind == "websocket":
                return sent
            told = {name.decode().title(): value.decode() for name, value in sent[0]["headers"]}
            return sent[0]["status"], told, len(reached) > before

        walk(call, a_pass(other))
        assert call("/live", {}, "websocket") == [{"type": "websocket.close", "code": 1008}]
        runner.run(client.close())


async def test_aiohttp(site: Platform, words: dict[str, Any]) -> None:
    """The middleware in a real aiohttp application: led to the room, and in with a pass."""

    async def well(_: web.Request) -> web.Response:
        return web.Response(text="well")

    async with AsyncClient(site.url, **words) as client:
        room = client.room(SERVICE)
        application = web.Application(middlewares=[for_aiohttp.admitted(room.door(SERVICE))])
        application.router.add_get("/{page}", well)
        place = await room.wait(await room.join(), 10)
        place = await room.claim(place.ticket) if place.state == "called" else place
        async with TestClient(TestServer(application)) as caller:
            async with caller.get("/results", headers=BROWSER, allow_redirects=False) as led:
                assert led.status == 302
            async with caller.get("/results", headers={"Sadd-Pass": place.pass_ or ""}) as inside:
                assert (inside.status, await inside.text()) == (200, "well")
                entry = inside.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
            async with caller.get("/results", headers={"Sadd-Entry": entry}) as inside:
                assert inside.status == 200


async def test_async_django(site: Platform, words: dict[str, Any]) -> None:
    """Django on an event loop."""
    _set_up_django()

    async def well(_: Any) -> HttpResponse:
        return HttpResponse("well")

    async with AsyncClient(site.url, **words) as client:
        middleware = for_django.admitted(client.room(SERVICE).door(SERVICE))(well)
        assert asyncio.iscoroutinefunction(middleware), "Django would call it in a thread"
        answer = await middleware(AsyncRequestFactory().get("/results", headers=BROWSER))
        assert answer.status_code == 302


def test_a_door_without_a_platform() -> None:
    """It stays shut: a page goes to the room, a pass cannot be taken, an entry cannot be looked at."""
    with Client("http://127.0.0.1:9", key=KEY, on_loss="open", deadline_seconds=0.3) as client:
        door = client.room(SERVICE).door(SERVICE)
        assert door.judge(Visit("GET", "/", BROWSER)).status == 302
        assert door.judge(Visit("GET", "/?sadd_pass=a.b.c", BROWSER)).status == 503
        assert door.judge(Visit("GET", "/", {"sadd-entry": "a.b.c"})).status == 503
        with pytest.raises(ValueError, match="service"):
            client.room(SERVICE).door("")


@pytest.mark.parametrize(
    ("uri", "page"),
    [
        ("//evil.example/?sadd_pass=x", "/evil.example/"),
        ("/\\evil.example", "/evil.example"),
        ("/a?b", "/a?b"),
    ],
)
def test_a_page_is_a_path_of_this_host(uri: str, page: str) -> None:
    """There is no open redirect."""
    assert page_of(uri) == page


def test_what_a_visitor_shows() -> None:
    """Two passes are none; of many cookies a few are looked at."""
    assert pass_in(Visit("GET", "/?sadd_pass=a&sadd_pass=b", {})) == ""
    assert pass_in(Visit("GET", "/?sadd_pass=a", {"sadd-pass": "a"})) == "a"
    assert len(entries_in(Visit("GET", "/", {"cookie": "sadd_entry_x=1; " * 50}), "x")) == 4
