"""What each proxy makes of each word of the gate, with the configuration that we hand out for it."""

import itertools
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import pytest

from sadd.gate.original import original_of
from sadd.gate.trust import Trust
from tests.proxies.agent import ScriptedAgent
from tests.proxies.scripted import (
    COOKIE,
    LIMITED,
    ROOM,
    SHARED,
    SLOW_SECONDS,
    Origin,
    ScriptedGate,
    Told,
    Visit,
    ended,
    visit,
)
from tests.proxies.servers import PROXIES, Proxy, ports_for, started
from tests.waiting import eventually_sync

FORGED = ("X-Sadd-Subject", "minister")
OWN_WORDS = b"the gate's own words"

QUIET_WHEN_ADMITTED = {"caddy", "varnish"}
"""On the answer of an admitted request they show less of the gate: Caddy nothing, Varnish no cookie."""

BODY_IS_THE_GATES = {"nginx-accel", "caddy", "varnish", "envoy"}
"""The others answer a refusal in a few words of their own."""

MISTAKE = {"nginx-accel": 404, "caddy": 404, "varnish": 404, "envoy": 404}
"""What a visitor sees where the service's id is wrong; elsewhere 502."""


@dataclass(frozen=True)
class Front:
    """One proxy, set up both ways before one gate."""

    proxy: Proxy
    gate: ScriptedGate
    origin: Origin
    opening: int
    closing: int

    @property
    def name(self) -> str:
        return self.proxy.name

    def told(self) -> Told:
        """What the gate was told last."""
        return self.gate.seen[-1]


@pytest.fixture(scope="module", params=PROXIES, ids=lambda proxy: proxy.name)
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    proxy: Proxy = request.param
    if proxy.missing:
        pytest.skip(proxy.missing)
    gate, origin = ScriptedAgent(), Origin()
    with ended(gate, origin), ExitStack() as servers:
        opening, closing = (ports_for(gate.port, origin.port, gate.agent_port) for _ in range(2))
        servers.enter_context(started(proxy, opening))
        servers.enter_context(started(proxy, closing, closed=True))
        yield Front(proxy, gate, origin, opening.visitors, closing.visitors)


numbers = itertools.count()


def refused_at(front: Front, path: str, port: int | None = None) -> Visit:
    """A visit that must not reach the origin."""
    before = len(front.origin.seen)
    got = visit(port or front.opening, path, headers=[FORGED])
    assert len(front.origin.seen) == before
    return got


def test_admitted(front: Front) -> None:
    """The origin gets the request, the visitor the origin's answer and what is left of its limit."""
    got = visit(front.opening, "/page?a=%20b")
    assert (got.status, got.reached["path"]) == (200, "/page?a=%20b")
    assert got.fields.getall("Cache-Control") == ["private, max-age=60"]
    assert got.fields.getall("Content-Type") == ["application/json"]
    assert "X-Sadd-Subject" not in got.fields
    if front.name != "caddy":
        assert got.fields.getall("RateLimit") == [LIMITED["RateLimit"]]
        assert got.fields.getall("RateLimit-Policy") == [LIMITED["RateLimit-Policy"]]


def test_a_cookie_on_the_way_in(front: Front) -> None:
    """What the gate sets when it admits reaches the visitor."""
    got = visit(front.opening, "/greeted")
    assert got.status == 200
    if front.name not in QUIET_WHEN_ADMITTED:
        assert got.fields.getall("Set-Cookie") == [COOKIE]


@pytest.mark.parametrize("forged", [(), (FORGED,), (FORGED, FORGED)])
def test_the_subject_is_the_gates_word(front: Front, forged: tuple[tuple[str, str], ...]) -> None:
    """The origin gets the name that the gate gave, once, whatever the visitor sends."""
    got = visit(front.opening, "/citizen", headers=forged)
    assert got.at_origin("x-sadd-subject") == ["citizen-7"]


@pytest.mark.parametrize(
    "field", ["X-Sadd-Subject", "x-sadd-subject", "X_Sadd_Subject", "X-Sadd_Subject", "X_SADD-SUBJECT"]
)
def test_a_forged_subject_never_arrives(front: Front, field: str) -> None:
    """Nobody is somebody by saying so; nor by a spelling that an origin takes for the same."""
    got = visit(front.opening, "/page", headers=[(field, "minister")])
    assert got.status == 200
    assert "minister" not in got.body.decode()
    assert "{http" not in got.body.decode()


def test_nobody_gets_the_page_of_another(front: Front) -> None:
    """Not even where the origin forgets to say that its page is for one person."""
    for citizen in ("citizen-7", "citizen-8", "citizen-7"):
        got = visit(front.opening, SHARED, headers=[("Sadd-Session", citizen)])
        assert got.at_origin("x-sadd-subject") == [citizen]


def test_429(front: Front) -> None:
    """Too many: the visitor learns when to come back."""
    got = refused_at(front, "/refused")
    assert got.status == 429
    assert got.fields.getall("Retry-After") == ["7"]
    assert got.fields.getall("RateLimit") == [LIMITED["RateLimit"]]
    assert (OWN_WORDS in got.body) == (front.name in BODY_IS_THE_GATES)


def test_302(front: Front) -> None:
    """Elsewhere: the place and the cookie arrive as the gate said them."""
    got = refused_at(front, "/moved")
    assert got.status == 302
    assert got.fields["Location"] == "https://room.example/q?id=7&back=%2Fmoved"
    assert got.fields.getall("Set-Cookie") == [COOKIE]


def test_an_app_is_told_where_the_room_is(front: Front) -> None:
    """By every proxy: JSON with the room's address, which is in a field too."""
    got = refused_at(front, "/waits")
    assert got.status == 429
    assert got.fields.getall("Retry-After") == ["5"]
    assert got.fields.getall("Sadd-Room") == [ROOM]
    if front.name not in BODY_IS_THE_GATES:  # the script's own words are no such problem
        assert got.fields["Content-Type"].partition(";")[0] == "application/problem+json"
        assert json.loads(got.body)["room_url"] == ROOM
        assert json.loads(got.body)["type"].endswith("/waiting-room")


def test_a_crawler_comes_back_later(front: Front) -> None:
    """503 and when, never a page under 200; by Envoy 429, which takes any 5xx for a gate that is away."""
    got = refused_at(front, "/crawled")
    assert got.status == (429 if front.name == "envoy" else 503)
    assert got.fields.getall("Retry-After") == ["300"]


def test_a_pass_is_taken_off(front: Front) -> None:
    """The page is asked for again at the same host, with the cookie, wherever the visitor came by."""
    got = refused_at(front, "/entered")
    assert (got.status, got.fields["Location"]) == (302, "/page?id=7")
    assert got.fields.getall("Set-Cookie") == [COOKIE]


def test_the_gate_sees_what_a_visitor_shows(front: Front) -> None:
    """Entry and pass in their fields, and what tells a page from an app and from a crawler."""
    shown = {
        "Sadd-Entry": "e.n.t",
        "Sadd-Pass": "p.a.s",
        "User-Agent": "Mozilla/5.0 (phone)",
        "Accept": "text/html,*/*;q=0.8",
        "Sec-Fetch-Mode": "navigate",
    }
    visit(front.opening, "/page", headers=list(shown.items()))
    told = front.told()
    assert {name: told.headers.getall(name) for name in shown} == {name: [shown[name]] for name in shown}


def test_401(front: Front) -> None:
    """Sign in first, and how."""
    got = refused_at(front, "/anonymous")
    assert got.status == 401
    assert got.fields.getall("WWW-Authenticate") == ['Bearer realm="portal"']


@pytest.mark.parametrize("way", ["opening", "closing"])
def test_503(front: Front, way: str) -> None:
    """A limit that is closed without its store stays so, however the proxy takes a gate that is away."""
    got = refused_at(front, "/closed", getattr(front, way))
    assert got.status == (429 if front.name == "envoy" else 503)
    assert got.fields.getall("Retry-After") == ["1"]


@pytest.mark.parametrize("path", ["/unknown", "/foreign"])
def test_a_mistake_opens_nothing(front: Front, path: str) -> None:
    """A service's id that the platform does not know, or a proxy that it does not: seen at the first try."""
    got = refused_at(front, path)
    assert got.status == (MISTAKE.get(front.name, 502) if path == "/unknown" else got.status)
    assert got.status in (403, 404, 502)


@pytest.mark.parametrize(
    ("method", "size"), [("PUT", 200_000), ("POST", 10), ("DELETE", None), ("OPTIONS", None)]
)
def test_method_and_body_survive(front: Front, method: str, size: int | None) -> None:
    """The question goes without the body; the request goes on with it."""
    body = None if size is None else b"x" * size
    got = visit(front.opening, "/page", method, body=body)
    assert (got.status, got.reached["method"], got.reached["bytes"]) == (200, method, size or 0)
    if front.name != "varnish":  # 7.1 cannot help sending a kept body (varnish-cache #3914)
        assert front.told().body == b""


def test_head(front: Front) -> None:
    """A HEAD stays one, and is refused like a GET."""
    got = visit(front.opening, "/page?head", "HEAD")
    assert (got.status, got.body, front.origin.seen[-1].path) == (200, b"", "/page?head")
    # A cache asks for the whole page.
    assert front.origin.seen[-1].method == ("GET" if front.name == "varnish" else "HEAD")
    assert visit(front.opening, "/refused", "HEAD").status == 429
    assert front.origin.seen[-1].path == "/page?head"


def test_a_body_that_is_announced(front: Front) -> None:
    """Expect: 100-continue, with the body sent all the same, as clients may after a while."""
    got = visit(front.opening, "/page", "PUT", headers=[("Expect", "100-continue")], body=b"x" * 10)
    assert (got.status, got.reached["bytes"]) == (200, 10)


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_the_origins_errors_are_its_own(front: Front, status: int) -> None:
    """What the origin answers is passed on, and never taken for the gate's."""
    got = visit(front.opening, f"/status/{status}")
    assert (got.status, got.reached["path"]) == (status, f"/status/{status}")


def test_what_the_gate_is_told(front: Front) -> None:
    """The visitor's own address, path and method, whatever the visitor says they are."""
    forged = [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Accel", "1"),
        ("X-Sadd-Refusal", "403"),
        ("Cookie", "sadd_session=s-7"),
    ]
    visit(front.opening, "/page%20one?x=1", "PUT", headers=forged, body=b"")
    told = front.told()
    address = Trust(["127.0.0.1/32"]).visitor("127.0.0.1", told.headers.getall("X-Forwarded-For", []))
    original = original_of(told.headers, told.method, told.path.partition("results")[2])
    assert (address, original.method, original.path) == ("127.0.0.2", "PUT", "/page one")
    assert told.headers.get("Cookie") == "sadd_session=s-7"
    assert told.path.startswith("/gate/moehe-secondary-results")
    if front.name not in ("nginx-accel", "caddy", "envoy"):
        assert not {"X-Accel", "X-Sadd-Refusal"} & {name for name in told.headers if told.headers[name]}


@pytest.mark.parametrize(
    "forged",
    [("X-Original-URI", "/page"), ("X-Forwarded-Uri", "/page"), ("x-original-uri", "/page")],
)
def test_nobody_is_judged_by_another_page(front: Front, forged: tuple[str, str]) -> None:
    """A visitor who says that it asks for another page is refused all the same."""
    got = refused_at_with(front, "/refused", forged)
    assert got.status in (400, 429, 502)


def refused_at_with(front: Front, path: str, header: tuple[str, str]) -> Visit:
    before = len(front.origin.seen)
    got = visit(front.opening, path, headers=[header])
    assert len(front.origin.seen) == before
    return got


def test_a_slow_gate(front: Front) -> None:
    """Half a second, then it counts as away: open or closed, as set up."""

    def asked(port: int) -> tuple[Visit, float]:
        began = time.monotonic()
        return visit(port, "/slow", headers=[FORGED]), time.monotonic() - began

    with ThreadPoolExecutor(2) as both:
        for (got, seconds), status in zip(
            both.map(asked, (front.opening, front.closing)), (200, 503), strict=True
        ):
            assert got.status == status
            assert 0.4 < seconds < SLOW_SECONDS
            assert b"minister" not in got.body


def test_a_gate_that_is_away(front: Front) -> None:
    """Open: the service goes on, and a forged name still reaches nobody. Closed: 503. It ends by itself."""
    front.gate.stop()
    try:
        got = visit(front.opening, "/citizen", "PUT", headers=[FORGED], body=b"x" * 10)
        assert (got.status, got.reached["method"], got.reached["bytes"]) == (200, "PUT", 10)
        assert [one for one in got.at_origin("x-sadd-subject") if one] == []
        before = len(front.origin.seen)
        got = visit(front.closing, "/citizen")
        assert got.status == 503
        assert got.fields.getall("Retry-After") == ["5" if front.name == "varnish" else "1"]
        assert len(front.origin.seen) == before
    finally:
        front.gate.start()
    for port in (front.opening, front.closing):
        eventually_sync(partial(_is_known, port))


def _is_known(port: int) -> bool:
    got = visit(port, "/citizen")
    return got.status == 200 and got.at_origin("x-sadd-subject") == ["citizen-7"]
