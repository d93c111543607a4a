"""What is of a hop stays there, and what tells of the visitor is ours (over the wire)."""

import pytest

from tests.shield.origin import Origin, ok
from tests.shield.scene import NAME, Scene, shielded

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_fields_of_the_hop_do_not_reach_the_origin(site: Origin, shield: Scene) -> None:
    """RFC 9110 §7.6.1: neither the usual ones nor those that Connection names."""
    site.says["/"] = ok()
    await shield.ask(
        "/", "Connection: X-Mine, keep-alive", "X-Mine: 1", "Keep-Alive: 5", "TE: trailers", "X-Other: 2",
        "Proxy-Authorization: Basic eA==", "Upgrade: h2c", method="POST",
    )  # fmt: skip

    asked = site.last()
    gone = ("connection", "x-mine", "keep-alive", "te", "proxy-authorization", "upgrade")
    assert [asked.get(name) for name in gone] == [None] * 6
    assert asked.get("x-other") == "2"


async def test_fields_of_the_hop_do_not_reach_the_client(site: Origin, shield: Scene) -> None:
    """RFC 9110 §7.6.1, the other way."""
    site.says["/"] = ok(b"x", "Connection: X-Secret", "X-Secret: 1", "Keep-Alive: timeout=5", "X-Other: 2")
    answer = await shield.ask()

    assert [answer.get(name) for name in ("connection", "x-secret", "keep-alive")] == [None] * 3
    assert answer.get("x-other") == "2"


async def test_a_visitor_cannot_say_where_he_comes_from(site: Origin, shield: Scene) -> None:
    """All that an origin trusts its proxy for is overwritten or gone."""
    site.says["/"] = ok()
    await shield.ask(
        "/", "X-Forwarded-For: 192.0.2.9", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 1", "Forwarded: for=192.0.2.9", "X-Real-IP: 192.0.2.9", "X-Original-URL: /admin",
        "X-Rewrite-URL: /admin", "X-Sadd-Subject: 28012345678", "Via: 1.0 old", method="POST",
    )  # fmt: skip

    asked = site.last()
    assert asked.get("x-forwarded-for") == "127.0.0.1"
    assert asked.get("x-forwarded-host") == NAME
    assert asked.get("x-forwarded-proto") == "http"
    assert asked.get("x-sadd-subject") == ""
    assert asked.get("host") == site.url.removeprefix("http://")
    gone = ("x-forwarded-port", "forwarded", "x-real-ip", "x-original-url", "x-rewrite-url")
    assert [asked.get(name) for name in gone] == [None] * 5
    assert asked.get("via") == "1.1 sadd-shield"


async def test_a_proxy_of_ours_is_believed(site: Origin) -> None:
    """In front of the shield stands what ends TLS: its word on the visitor is taken."""
    site.says["/"] = ok()
    async with shielded(site, trusted="127.0.0.0/8") as shield:
        await shield.ask("/", "X-Forwarded-For: 192.0.2.9", "X-Forwarded-Proto: https", method="POST")

    assert site.last().get("x-forwarded-for") == "192.0.2.9"
    assert site.last().get("x-forwarded-proto") == "https"


async def test_a_request_that_comes_back_ends(site: Origin, shield: Scene) -> None:
    """An origin that leads to the shield would ask itself for ever (RFC 9110 §7.6.3)."""
    answer = await shield.ask("/", "Via: 1.1 sadd-shield")

    assert answer.status == 508
    assert site.asked == []


async def test_an_unknown_host_is_no_origin(site: Origin, shield: Scene) -> None:
    """Origins are those of the catalogue: no name in a request leads anywhere else."""
    for host in ("evil.example", "127.0.0.1", f"{NAME}.evil.example"):
        assert (await shield.ask(host=host)).status == 421
    assert site.asked == []


async def test_a_body_is_framed_anew(site: Origin, shield: Scene) -> None:
    """RFC 9112 §6: chunks with extensions and trailers become chunks without, a length stays a length."""
    site.says["/"] = ok()
    sent = f"POST / HTTP/1.1\r\nHost: {NAME}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    await shield.exchange(sent.encode() + b"3;a=b\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n")
    assert (site.last().body, site.last().get("transfer-encoding")) == (b"abc", "chunked")
    assert site.last().get("x-trailer") is None

    await shield.ask("/", method="POST", body=b"abcd")
    assert (site.last().body, site.last().get("content-length")) == (b"abcd", "4")


async def test_a_request_hidden_in_a_body_is_never_asked(site: Origin, shield: Scene) -> None:
    """RFC 9112 §11.2: both lengths, and the second request goes nowhere."""
    site.says["/"] = ok()
    sent = (
        f"POST / HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
        f"0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: {NAME}\r\n\r\n"
    )
    said = await shield.exchange(sent.encode())

    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 4") == 1
    assert site.asked == []
