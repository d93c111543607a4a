"""One fetch for a crowd, nobody's own page to another, and what each answer says of how it came about."""

import asyncio
from collections.abc import Callable
from typing import ClassVar, cast

import pytest

from sadd.caching.spaces import space_of
from sadd.catalogue.model import CacheClass
from sadd.gate.door import Door, Verdict
from sadd.gate.knock import Caller, Knock
from sadd.gate.refused import waits
from sadd.gate.visitor import kind_of
from tests.shield.gatekeepers import ADMITTED, REFUSED, SHOWN
from tests.shield.origin import Origin, Request, ok
from tests.shield.scene import NAME, Scene, shielded
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

FRESH = "Cache-Control: max-age=60"
SESSION = f"Cookie: __Host-sadd_session={SHOWN}"


async def test_a_crowd_is_one_fetch(site: Origin, shield: Scene) -> None:
    """300 who miss at once: the origin is asked once, and each says that it was collapsed."""
    site.says["/a"], site.hold = ok(b"page", FRESH), asyncio.Event()
    asking = [asyncio.create_task(shield.ask("/a")) for _ in range(300)]
    await eventually(lambda: shield.fronts.busy == 300)
    site.hold.set()
    answers = [await one for one in asking]

    assert {one.body for one in answers} == {b"page"}
    assert site.count("/a") == 1
    said = [one.get("cache-status") or "" for one in answers]
    assert sum("collapsed" in one for one in said) >= 250, set(said)
    assert sum("stored" in one for one in said) == 1


async def test_a_crowd_before_an_uncacheable_page_is_let_go_at_once(site: Origin, shield: Scene) -> None:
    """50 at once: when the first answer's head is there all others ask for themselves, at the same time."""
    first, rest = asyncio.Event(), asyncio.Event()

    async def own(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (first if site.count("/b") == 1 else rest).wait()
        writer.write(ok(b"yours", "Cache-Control: private"))

    site.says["/b"] = own
    asking = [asyncio.create_task(shield.ask("/b")) for _ in range(50)]
    await eventually(lambda: shield.fronts.busy == 50 and site.busy == 1)
    first.set()
    await eventually(lambda: site.busy == 49)
    rest.set()

    assert {(await one).body for one in asking} == {b"yours"}
    assert site.count("/b") == 50


async def test_it_is_remembered_that_a_page_cannot_be_shared(site: Origin, shield: Scene) -> None:
    """The next crowd does not wait for a first one."""
    site.says["/c"] = ok(b"yours", "Cache-Control: private")
    await shield.ask("/c")
    site.hold = asyncio.Event()
    asking = [asyncio.create_task(shield.ask("/c")) for _ in range(20)]
    await eventually(lambda: site.busy == 20)
    site.hold.set()
    answers = [await one for one in asking]

    assert all("detail=private" in (one.get("cache-status") or "") for one in answers)


async def test_who_gives_up_harms_nobody(site: Origin, shield: Scene) -> None:
    """The first of a crowd goes away while its fetch is under way."""
    site.says["/d"], site.hold = ok(b"page", FRESH), asyncio.Event()
    _, writer = await shield.raw(f"GET /d HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
    await eventually(lambda: site.busy == 1)
    others = [asyncio.create_task(shield.ask("/d")) for _ in range(10)]
    await eventually(lambda: shield.fronts.busy == 11)
    writer.close()
    await eventually(lambda: shield.fronts.busy == 10)
    site.hold.set()

    assert {(await one).body for one in others} == {b"page"}
    assert site.count("/d") == 1


async def test_when_all_give_up_the_origin_is_free(site: Origin, shield: Scene) -> None:
    """Nobody is left, so nothing is fetched."""
    site.says["/e"], site.hold = ok(b"page", FRESH), asyncio.Event()
    writers = [(await shield.raw(f"GET /e HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()))[1] for _ in range(5)]
    await eventually(lambda: shield.fronts.busy == 5)
    for writer in writers:
        writer.close()

    await eventually(lambda: shield.sites.pools[NAME].held == 0)


async def test_a_citizen_s_page_is_his_own(site: Origin, shield: Scene) -> None:
    """A session makes an answer private, whatever the origin says; without one it is as before."""

    async def by_subject(
        request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(ok((request.get("x-sadd-subject") or "nobody").encode(), FRESH))

    site.says["/f"] = by_subject
    mine = await shield.ask("/f", SESSION)
    everybody = await shield.ask("/f")
    again = await shield.ask("/f", SESSION)

    assert (mine.body, everybody.body, again.body) == (b"28012345678", b"nobody", b"28012345678")
    assert "detail=personal" in (again.get("cache-status") or "")


async def test_a_public_route_is_everybody_s(site: Origin, shield: Scene) -> None:
    """Whoever is signed in: the origin sees no cookie, and hits ask neither for a limit nor for a session."""
    site.says["/public"] = ok(b"results", FRESH)
    await shield.ask("/public/a", SESSION, "Authorization: Bearer x")
    assert [site.last().get(name) for name in ("cookie", "authorization", "x-sadd-subject")] == [None] * 3
    asked = len(shield.desk.asked)
    answers = [await shield.ask("/public/a", *more) for more in ((), (SESSION,), ("Cookie: a=b",))]

    assert {one.body for one in answers} == {b"results"}
    assert (len(shield.desk.asked), site.count("/public/a")) == (asked, 1)


async def test_a_class_that_is_not_shared_keeps_public_routes_alone(site: Origin) -> None:
    """What is not declared public goes to the origin each time."""
    site.says["/"] = ok(b"page", FRESH)
    rules = CacheClass("page", 300, 0, shared=False, public_routes=("/public/*",))
    async with shielded(site, rules=rules) as shield:
        for path in ("/g", "/public/g"):
            for _ in range(2):
                await shield.ask(path)

    assert (site.count("/g"), site.count("/public/g")) == (2, 1)


async def test_a_page_without_a_freshness_is_each_visitor_s_own(site: Origin) -> None:
    """Also where the class serves stale pages: nothing is kept, and the origin sees who asks."""

    async def greet(request: Request, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ok(f"for {request.get('cookie')}".encode(), 'ETag: "a"'))

    site.says["/own"] = greet
    rules = CacheClass("page", 300, stale_seconds=900, stale_error_seconds=3_600, jitter=0.0)
    async with shielded(site, rules=rules) as shield:
        for _ in range(2):
            for name in ("alice", "basim"):
                assert (await shield.ask("/own", f"Cookie: id={name}")).body == f"for id={name}".encode()
            assert (await shield.ask("/own")).body == b"for None"


async def test_nothing_unkeyed_chooses_what_is_kept(site: Origin, shield: Scene) -> None:
    """A fetch for everybody shows the origin nothing that only one visitor sent."""
    site.says["/h"] = ok(b"page", FRESH)
    await shield.ask(
        "/h", "X-Forwarded-Host: evil", "X-Anything: 1", "User-Agent: me", "Cookie: a=b", "Accept: x/y"
    )
    gone = ("x-anything", "cookie", "accept", "x-forwarded-for", "referer")

    assert [site.last().get(name) for name in gone] == [None] * 5
    assert site.last().get("user-agent") == "sadd-shield"
    assert site.last().get("x-forwarded-host") == NAME


async def test_limits_stand_before_what_is_kept(site: Origin, shield: Scene) -> None:
    """By the desk that the gate asks: 429 with its fields, also for a hit, but on public routes."""
    site.says["/"] = ok(b"page", FRESH)
    for path in ("/i", "/public/i"):
        await shield.ask(path)
    shield.desk.says = REFUSED
    try:
        refused, public = await shield.ask("/i"), await shield.ask("/public/i")
        page = await shield.ask("/i", "Accept: text/html")
    finally:
        shield.desk.says = ADMITTED

    assert (refused.status, public.status) == (429, 200)
    assert refused.get("retry-after") == "2"
    assert refused.get("content-type") == "application/problem+json"
    assert page.get("content-type") == "text/html; charset=utf-8"
    assert shield.desk.asked[-1].route == "/i"


class Shut:
    """The door of a waiting room that nobody has entered."""

    counts: ClassVar[dict[str, int]] = {}

    def ask(self, knock: Knock, caller: Caller, done: Callable[[Verdict], None]) -> None:
        done(Verdict(waits(kind_of(knock.headers), "results", "/queue/results")))


async def test_a_waiting_room_stands_before_what_is_kept(site: Origin) -> None:
    """A page is led there, an app is told where it is; public pages that are kept need no pass."""
    site.says["/"] = ok(b"page", FRESH)
    async with shielded(site, door=cast("Door", Shut())) as shield:
        page = await shield.ask("/q", "Accept: text/html")
        app = await shield.ask("/q")
        miss = await shield.ask("/public/q")

    assert (page.status, page.get("location")) == (302, "/queue/results")
    assert (app.status, app.get("sadd-room"), miss.status) == (429, "/queue/results", 429)
    assert site.asked == []


async def test_a_session_that_cannot_be_looked_at_is_503(site: Origin, shield: Scene) -> None:
    """Nobody is taken for anonymous because the store is away."""
    site.says["/"] = ok(b"page", FRESH)
    shield.sessions.away = True
    try:
        answer = await shield.ask("/j", SESSION)
    finally:
        shield.sessions.away = False

    assert answer.status == 503
    assert site.asked == []


async def test_a_surrogate_key_purges(site: Origin, shield: Scene) -> None:
    """By the word that the origin wrote, which no client sees."""
    site.says["/k"] = ok(b"page", FRESH, "Surrogate-Key: results 2026")
    first = await shield.ask("/k")
    space = space_of("moehe", f"shield-{NAME}", shield.view.current.classes.caches["page"])
    await shield.cache.purge(space, tags=["results"])

    async def anew() -> bool:
        await shield.ask("/k")
        return site.count("/k") == 2

    assert first.get("surrogate-key") is None
    await eventually(anew)


async def test_what_is_too_large_streams_by(site: Origin) -> None:
    """By its length at once; without one when it has become too large. Neither is kept, both come whole."""
    body = b"z" * 300_000

    async def chunks(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{FRESH}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for at in range(0, len(body), 100_000):
            writer.write(b"186a0\r\n" + body[at : at + 100_000] + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    site.says["/sized"], site.says["/chunked"] = ok(body, FRESH), chunks
    rules = CacheClass("page", 300, 0, entry_bytes_max=100_000)
    async with shielded(site, rules=rules) as shield:
        for path in ("/sized", "/chunked"):
            answers = [await shield.ask(path) for _ in range(2)]
            assert all(one.body == body for one in answers)
            assert all("detail=too-large" in (one.get("cache-status") or "") for one in answers)
            assert site.count(path) == 2


async def test_variants_of_a_url_have_an_end(site: Origin, shield: Scene) -> None:
    """Fields that differ with each visitor do not fill the cache."""
    site.says["/l"] = ok(b"page", FRESH, "Vary: X-Id")
    for number in range(40):
        await shield.ask("/l", f"X-Id: {number}")
    before = site.count("/l")
    for number in range(40):
        await shield.ask("/l", f"X-Id: {number}")

    assert site.count("/l") - before == 40 - 16


async def test_a_crowd_before_a_page_that_varies_is_one_fetch(site: Origin, shield: Scene) -> None:
    """Every compressed page varies by its coding: that costs no second call."""
    site.says["/v"] = ok(b"page", FRESH, "Vary: Accept-Encoding")
    site.hold = asyncio.Event()
    asking = [asyncio.create_task(shield.ask("/v", "Accept-Encoding: gzip")) for _ in range(50)]
    await eventually(lambda: shield.fronts.busy == 50)
    site.hold.set()

    assert {(await one).body for one in asking} == {b"page"}
    assert site.count("/v") == 1


@pytest.mark.parametrize("reload", [False, True])
async def test_nothing_older_than_a_purge_is_kept(site: Origin, shield: Scene, *, reload: bool) -> None:
    """A fetch that began before a purge is its asker's, and nobody's after it: of variants, of reloads."""
    vary, wants = "Vary: X-Device", ("X-Device: phone", *(["Cache-Control: no-cache"] if reload else []))
    space = space_of("moehe", f"shield-{NAME}", shield.view.current.classes.caches["page"])
    path = f"/w{reload}"
    site.says[path] = ok(b"old", FRESH, vary)
    if reload:
        await shield.ask(path, *wants)
    go, before = asyncio.Event(), site.count(path)

    async def slow(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(ok(b"old", FRESH, vary, "Surrogate-Key: w"))

    site.says[path] = slow
    asking = asyncio.create_task(shield.ask(path, *wants))
    await eventually(lambda: site.count(path) == before + 1)
    await shield.cache.purge(space, tags=["w"], everything=True)
    site.says[path] = ok(b"new", FRESH, vary)
    go.set()
    await asking

    async def new() -> bool:
        return (await shield.ask(path, wants[0])).body == b"new"

    await eventually(new)
    assert [(await shield.ask(path, wants[0])).body for _ in range(3)] == [b"new"] * 3


async def test_a_cross_origin_answer_is_its_asker_s(site: Origin, shield: Scene) -> None:
    """The field Origin is in the key: what is allowed to one site is not told to another."""

    async def cors(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = request.get("origin")
        more = (f"Access-Control-Allow-Origin: {asked}",) if asked else ()
        writer.write(ok(b"data", FRESH, *more))

    site.says["/m"] = cors
    for _ in range(2):
        one = await shield.ask("/m", "Origin: https://one.example")
        plain = await shield.ask("/m")
        assert (one.get("access-control-allow-origin"), plain.get("access-control-allow-origin")) == (
            "https://one.example",
            None,
        )
    assert site.count("/m") == 2


async def test_every_answer_says_how_it_came_about(site: Origin, shield: Scene) -> None:
    """RFC 9211: hit, miss, passed, refused."""
    site.says["/n"], site.says["/o"] = ok(b"a", FRESH), ok(b"b", "Cache-Control: no-store")
    answers = [
        await shield.ask("/n"),
        await shield.ask("/n"),
        await shield.ask("/o"),
        await shield.ask("/n", method="POST"),
        await shield.ask("/n", host="nobody"),
        await shield.ask("/n/%00"),
    ]
    said = [one.get("cache-status") or "" for one in answers]

    assert said[0].startswith("sadd; fwd=uri-miss; fwd-status=200; ttl=")
    assert said[1].startswith("sadd; hit; ttl=")
    assert said[2] == "sadd; fwd=uri-miss; fwd-status=200; stored=?0; detail=no-store"
    assert said[3] == "sadd; fwd=method; detail=method"
    assert said[4:] == ["sadd; fwd=bypass; detail=refused"] * 2
