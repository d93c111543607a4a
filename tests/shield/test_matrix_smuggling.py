"""Request and answer smuggling: one request is one request to everybody, and one answer is for one asker.

Each case is a request in which a second one hides from one of two readers (RFC 9112, sections 6 and 11.2).
The origin must never see the hidden one, nor may the next visitor get the answer to it.
"""

import asyncio
import re

import pytest

from tests.shield.origin import Origin, Request, ok
from tests.shield.scene import NAME, Scene
from tests.shield.visitor import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: " + NAME.encode() + b"\r\nX: "
CHUNKED = b"0\r\n\r\n" + HIDDEN
SIZE = len(CHUNKED)


def post(fields: bytes, body: bytes = CHUNKED, line: bytes = b"POST /a HTTP/1.1") -> bytes:
    return line + b"\r\nHost: " + NAME.encode() + b"\r\n" + fields + b"\r\n" + body


LENGTH = b"Content-Length: %d\r\n" % SIZE
TE = b"Transfer-Encoding: chunked\r\n"
ODD_TE = [
    *(
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: chunked\r\n" + TE,
    ),
    *(b"Transfer-Encoding: x\r\n" + TE, TE + b"Transfer-Encoding: x\r\n", b"Transfer-Encoding:\tchunked\r\n"),
    *(
        b" Transfer-Encoding: chunked\r\n",
        b"X: y\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
    ),
    *(
        b"Transfer-Encoding\n: chunked\r\n",
        b"X: y\r\n\tTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, x\r\n",
    ),
    *(
        b"Transfer-Encoding: x, chunked\r\n",
        b"Transfer-Encoding: chunked;q=1\r\n",
        b'Transfer-Encoding: "chunked"\r\n',
    ),
    *(
        b"Transfer-Encoding: chunked\x00\r\n",
        b"Transfer_Encoding: chunked\r\n",
        b"Transfer-Encoding: CHUNKED\x0c\r\n",
    ),
    *(
        b"Transfer-Encoding:\r\n chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"TE: chunked\r\n",
        b"\x00" + TE,
    ),
    *(
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"tRANSFER-eNCODING: chunked\r\n",
        TE,
    ),
]
ODD_LENGTHS = [
    *(
        b"Content-Length: 0\r\n" + LENGTH,
        LENGTH + b"Content-Length: 0\r\n",
        b"Content-Length: 0, %d\r\n" % SIZE,
    ),
    *(
        b"Content-Length: +%d\r\n" % SIZE,
        b"Content-Length: -1\r\n",
        b"Content-Length: 0x10\r\n",
        b"Content-Length:\r\n",
    ),
    *(b"Content-Length : %d\r\n" % SIZE, b"Content-Length: %d \x0b\r\n" % SIZE, b"Content-Length: 1_0\r\n"),
    *(b"Content-Length: 1e2\r\n", b"Content-Length: %d.0\r\n" % SIZE, b"Content-Length:\n %d\r\n" % SIZE),
    *(
        b"Content-Length: 0\nX: y\r\n",
        b"Content-Length\x00: 5\r\n",
        b"Content-Length: 999999999999999999999\r\n",
    ),
    *(
        b"Content-Length: 0 0\r\n",
        b"Content-Length: \xb2\r\n",
        b"Content-Length: 0;x\r\n",
        b"Content-Length: zero\r\n",
    ),
]
BROKEN_CHUNKS = [
    *(b"5\nhello\r\n" + CHUNKED, b"5\r\nhello" + CHUNKED, b"5 \r\nhelloo\r\n" + CHUNKED, b"-1\r\n" + CHUNKED),
    *(
        b"0x5\r\nhello\r\n" + CHUNKED,
        b"g\r\n" + CHUNKED,
        b"\r\n" + CHUNKED,
        b"0\n\n" + HIDDEN,
        b"0\r\r\n" + HIDDEN,
    ),
    *(
        b"ffffffffffffffff5\r\nhello\r\n" + CHUNKED,
        b"5;a\nb\r\nhello\r\n" + CHUNKED,
        b"5\r\nhello\r\n\n" + CHUNKED,
    ),
    *(b"5;\x00\r\nhello\r\n" + CHUNKED, b"+5\r\nhello\r\n" + CHUNKED, b"5_0\r\nhello\r\n" + CHUNKED),
]
OTHERS = [
    post(b"Content-Length: 0\r\nConnection: Content-Length\r\n"),
    post(LENGTH + b"Connection: close, Host\r\n"),
    post(TE, line=b"POST /a HTTP/1.0"),
    post(LENGTH, line=b"POST /a HTTP/1.1\r\nX: y\n"),
    post(LENGTH, line=b"POST  /a HTTP/1.1"),
    post(LENGTH, line=b"POST /a\x00 HTTP/1.1"),
    post(LENGTH, line=b"POST /a HTTP/1.1 "),
    post(LENGTH, line=b"POST /a HTTP/1.10"),
    post(LENGTH, line=b"POST http://other.example/a HTTP/1.1"),
    post(LENGTH, line=b"POST /a HTTP/2.0"),
    post(LENGTH, line=b"POST /a?x=\r\n\r\nGET /hidden HTTP/1.1"),
    post(b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n" + LENGTH),
    post(b"Upgrade: TLS/1.0\r\nConnection: Upgrade\r\n" + LENGTH),
    post(b"Expect: 100-continue, x\r\n" + LENGTH),
    post(b"X: a\rTransfer-Encoding: chunked\r\n" + LENGTH),
    post(b"X: a\r\n: b\r\n" + LENGTH),
    post(LENGTH, line=b"CONNECT /a HTTP/1.1"),
    post(b"Host: other.example\r\n" + LENGTH),
]
CASES = [
    *(post(odd + LENGTH) for odd in ODD_TE),
    *(post(LENGTH + odd) for odd in ODD_TE),
    *(
        post(odd, line=b"GET /a HTTP/1.1")
        for odd in ODD_TE
        if odd
        not in (
            TE,
            b"tRANSFER-eNCODING: chunked\r\n",
            b"Transfer-Encoding:\tchunked\r\n",
            b"TE: chunked\r\n",
            b"Transfer_Encoding: chunked\r\n",
        )
    ),
    *(post(odd) for odd in ODD_LENGTHS),
    *(post(odd, line=b"GET /a HTTP/1.1") for odd in ODD_LENGTHS),
    *(post(odd + TE) for odd in ODD_LENGTHS),
    *(post(TE, body=chunks) for chunks in BROKEN_CHUNKS),
    *OTHERS,
]


async def exchanged(shield: Scene, sent: bytes) -> bytes:
    """All that comes back. The sender has nothing more to say, and says so."""
    reader, writer = await shield.raw(sent)
    writer.write_eof()
    try:
        async with asyncio.timeout(30):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_no_hidden_request_reaches_an_origin_nor_its_answer_a_visitor(
    site: Origin, shield: Scene
) -> None:
    """More than a hundred ways to hide one: each is refused, or is one request with a body."""
    site.says["/"] = ok(b"plain")
    site.says["/hidden"] = ok(b"hidden")
    failed: list[bytes] = []
    async with Visitor(shield.port, shield.host) as visitor:
        for number, case in enumerate(CASES):
            came = await exchanged(shield, case)
            if b"hidden" in came or len(re.findall(rb"HTTP/1.1 \d{3}", came)) > 1:
                failed.append(case)
            if (await visitor.ask(f"/next/{number}")).body != b"plain":
                failed.append(case)

    assert failed == []
    assert [one.line for one in site.asked if "hidden" in one.line] == []
    assert len(CASES) >= 130


async def test_what_is_sent_on_has_one_length(site: Origin, shield: Scene) -> None:
    """Each forwarded request is framed anew: one of the two fields, written by us."""
    site.says["/"] = ok()
    await shield.ask("/a", method="POST", body=b"hello")
    await shield.exchange(
        post(TE + b"Connection: close\r\n", b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n")
    )
    for asked, body in zip(site.asked, (b"hello", b"abcde"), strict=True):
        assert asked.body == body
        framing = [value for name, value in asked.fields if name in ("content-length", "transfer-encoding")]
        assert len(framing) == 1
        assert asked.get("trailer") is None


def split(first: bytes, then: bytes):  # type: ignore[no-untyped-def]  # an answer of the origin's scene
    """An origin that sends more than its answer: in the same packet, or in one of its own."""

    async def say(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        if not then:
            return
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(then)

    return say


FORGED = ok(b"forged", "Cache-Control: public, max-age=600")
ANSWERS = {
    "a body to HEAD": ("HEAD", ok(FORGED), b""),
    "a body to HEAD, later": ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(FORGED), FORGED),
    "a body to 204": ("GET", b"HTTP/1.1 204 No\r\nContent-Length: %d\r\n\r\n" % len(FORGED), FORGED),
    "a body to 304": ("GET", b"HTTP/1.1 304 No\r\nContent-Length: %d\r\n\r\n" % len(FORGED) + FORGED, b""),
    "more than its length": ("GET", ok(b"own") + FORGED, b""),
    "more than its length, later": ("GET", ok(b"own"), FORGED),
    "more behind its chunks": (
        "GET",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + FORGED,
        b"",
    ),
    "an answer before the answer": ("GET", b"HTTP/1.1 102 X\r\n\r\n" + ok(b"own") + FORGED, b""),
    "two lengths": (
        "GET",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 3\r\n\r\nown" + FORGED,
        b"",
    ),
    "both lengths": (
        "GET",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + TE + b"\r\n0\r\n\r\n" + FORGED,
        b"",
    ),
    "a line end in a field": ("GET", b"HTTP/1.1 200 OK\r\nX: a\nContent-Length: 0\r\n\r\n" + FORGED, b""),
}


@pytest.mark.parametrize("how", ANSWERS)
async def test_what_comes_behind_an_answer_is_nobodys(site: Origin, shield: Scene, how: str) -> None:
    """An origin that says too much is not asked again on that connection."""
    method, first, then = ANSWERS[how]
    site.says["/"] = ok(b"plain")
    site.says["/split"] = split(first, then)
    async with Visitor(shield.port, shield.host) as attacker, Visitor(shield.port, shield.host) as victim:
        for number in range(3):
            try:
                answer = await attacker.ask(f"/split/{number}", method=method)
            except (EOFError, ConnectionError):
                attacker.forget()
            else:
                assert b"forged" not in answer.body
            assert (await victim.ask(f"/next/{how.replace(' ', '-')}/{number}")).body == b"plain"
            assert (await victim.ask(f"/split/{number}", "Cookie: a=1", method="OPTIONS")).body != b"forged"
