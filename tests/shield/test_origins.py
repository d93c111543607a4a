"""An origin that fails is asked as little as may be, and nobody waits for it in vain."""

import asyncio
from dataclasses import replace

import pytest

from sadd.shield import breaker
from sadd.shield.breaker import FAILURES_MAX
from tests.shield.origin import Origin, Request, ok
from tests.shield.scene import NAME, QUICK, Scene, shielded
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


def dying(times: int, then: bytes):  # type: ignore[no-untyped-def]  # an answer of the origin's scene
    """Ends the connection without a word, so many times."""
    left = times

    async def say(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            writer.transport.abort()
        else:
            writer.write(then)

    return say


async def warm(site: Origin, shield: Scene) -> None:
    """A connection lies in the pool."""
    site.says["/warm"] = ok()
    await shield.ask("/warm")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_idempotent_request_is_repeated_once(site: Origin, shield: Scene, method: str) -> None:
    """RFC 9110 §9.2.2: a kept connection may end at any moment, which is nobody's fault."""
    await warm(site, shield)
    site.says["/a"] = dying(1, ok(b"again"))

    assert (await shield.ask("/a", method=method)).body == b"again"
    assert site.count("/a") == 2


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_no_other_request_is_repeated(site: Origin, shield: Scene, method: str) -> None:
    """Nobody knows whether it was done."""
    await warm(site, shield)
    site.says["/a"] = dying(1, ok(b"again"))

    assert (await shield.ask("/a", method=method, body=b"x")).status == 502
    assert site.count("/a") == 1


async def test_an_answer_that_is_not_http_is_502(site: Origin, shield: Scene) -> None:
    """RFC 9112 §2.2, §5.1, §6.3, for answers: never passed on, never kept, and that connection ends."""
    bad = [
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    ]
    for one in bad:
        await warm(site, shield)
        site.says["/bad"] = one
        answer = await shield.ask("/bad")
        assert (answer.status, answer.get("content-type")) == (502, "application/problem+json")


async def test_bytes_behind_an_answer_are_nobodys(site: Origin, shield: Scene) -> None:
    """An answer that was smuggled in behind another is not given to who asks next."""
    site.says["/a"] = ok(b"one") + ok(b"smuggled")
    site.says["/b"] = ok(b"two")

    assert (await shield.ask("/a")).body == b"one"
    assert (await shield.ask("/b")).body == b"two"


async def test_preambles_are_dropped(site: Origin, shield: Scene) -> None:
    """RFC 9110 §15.2: 100 and 103 come before the answer."""
    site.says["/"] = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok(b"then")

    assert (await shield.ask()).body == b"then"


async def test_a_late_origin_is_504(site: Origin) -> None:
    """And its place is free again."""
    site.hold = asyncio.Event()
    async with shielded(site, settings=replace(QUICK, answer_timeout_seconds=0.2)) as shield:
        assert (await shield.ask()).status == 504
        assert shield.sites.pools[NAME].held == 0


async def test_who_finds_no_place_is_told_when_to_come_back(site: Origin) -> None:
    """503 with Retry-After; the origin has no more than its cap at once."""
    await eventually(lambda: site.busy == 0)
    site.says["/"], site.hold, site.busy_max = ok(), asyncio.Event(), 0
    async with shielded(site, cap=2, settings=replace(QUICK, place_timeout_seconds=0.3)) as shield:
        asking = [asyncio.create_task(shield.ask(method="POST")) for _ in range(6)]
        await eventually(lambda: sum(one.done() for one in asking) == 4)
        site.hold.set()
        answers = [await one for one in asking]

    assert sorted(one.status for one in answers) == [200, 200, 503, 503, 503, 503]
    assert all(one.get("retry-after") for one in answers if one.status == 503)
    assert site.busy_max == 2


async def test_a_dead_origin_is_left_alone(site: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five failures in a row it is asked no more, and who asks hears it at once."""
    monkeypatch.setattr(breaker, "OPEN_SECONDS", 600.0)  # this machine may be busy
    async with shielded(site, url="http://127.0.0.1:1") as shield:
        said = [(await shield.ask()).status for _ in range(FAILURES_MAX + 2)]
        answer = await shield.ask()

    assert said == [502] * FAILURES_MAX + [503] * 2
    assert 0 < int(answer.get("retry-after") or 0) <= 600
    assert shield.shield.stats().breakers_opened == 1


async def test_a_browser_is_told_in_both_languages(site: Origin) -> None:
    """A page for people, a problem for programs; neither names the origin."""
    async with shielded(site, url="http://127.0.0.1:1") as shield:
        page = await shield.ask("/", "Accept: text/html", "Sec-Fetch-Mode: navigate")
        problem = await shield.ask("/")

    assert page.get("content-type") == "text/html; charset=utf-8"
    assert 'dir="rtl"' in page.body.decode()
    assert problem.get("content-type") == "application/problem+json"
    assert b"127.0.0.1" not in page.body + problem.body
    assert (page.get("cache-control"), problem.get("cache-control")) == ("no-store", "no-store")


async def test_a_client_s_own_fault_is_not_the_origin_s(site: Origin, shield: Scene) -> None:
    """Bodies that break off or are malformed open no breaker, and are never a whole request."""
    site.says["/"] = ok()
    head = f"POST / HTTP/1.1\r\nHost: {NAME}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    for _ in range(FAILURES_MAX + 1):
        said = await shield.exchange(head.encode() + b"zz\r\n")
        assert said.startswith(b"HTTP/1.1 400 ")

    assert (await shield.ask("/")).status == 200
    assert all(one.method == "GET" for one in site.asked)


async def test_an_early_answer_is_heard(site: Origin, shield: Scene) -> None:
    """An origin that refuses a body before its end, and closes: the client is told what it said."""
    server = await asyncio.start_server(_refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with shielded(site, url=f"http://127.0.0.1:{port}") as other:
        head = f"POST / HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 1000000\r\n\r\n".encode()
        said = await other.exchange(head + b"a" * 100_000)
    server.close()

    assert said.startswith(b"HTTP/1.1 413 ")


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ok(b"too large", status="413 Content Too Large"))
    await writer.drain()
    writer.close()
