"""Every kind of answer of the shield is sound HTTP, by the judgement of httplint (of REDbot's author)."""

import asyncio

import pytest
from httplint import HttpResponseLinter
from httplint.note import levels

from tests.shield.origin import Origin, Request, Said, ok
from tests.shield.scene import NAME, Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = b"<!doctype html><title>results</title>" + b"hello " * 100
TYPE = "Content-Type: text/html; charset=utf-8"
LAST = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"
TAKEN_FOR_FAULTS = {
    "STATUS_BAD_REQUEST",  # that is what it is
    "PARTIAL_WITHOUT_RANGE",  # RFC 9110, section 15.3.7.2: an answer of several parts must not have it
}
KEPT = ok(TEXT, "Cache-Control: max-age=600", TYPE, 'ETag: "1"', LAST, "Vary: Accept-Encoding")
STALE = ok(TEXT, "Cache-Control: max-age=60, stale-while-revalidate=600", "Age: 100", TYPE, 'ETag: "1"')
CHECKED = ok(TEXT, "Cache-Control: no-cache", TYPE, 'ETag: "1"')
CHUNKS = (
    b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
)


async def still(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An origin that validates."""
    writer.write(
        b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n' if request.get("if-none-match") else CHECKED
    )


ASKED: dict[str, tuple[int, Said, tuple[str, ...]]] = {
    "a miss": (200, KEPT, ()),
    "a hit": (200, KEPT, ()),
    "not modified": (304, KEPT, ('If-None-Match: "1"',)),
    "a part": (206, KEPT, ("Range: bytes=0-3",)),
    "parts": (206, KEPT, ("Range: bytes=0-3,5-8",)),
    "no such part": (416, KEPT, ("Range: bytes=9999-",)),
    "stale": (200, STALE, ()),
    "validated": (200, still, ()),
    "passed": (200, ok(b"now", "Cache-Control: no-store", TYPE), ()),
    "missing": (404, ok(b"none", TYPE, status="404 Not Found"), ()),
    "in chunks": (200, CHUNKS, ()),
    "only if kept": (504, KEPT, ("Cache-Control: only-if-cached",)),
    "an origin that cannot be read": (502, b"junk\r\n\r\n", ()),
    "refused": (400, KEPT, ("Content-Length: x",)),
    "to a browser": (502, b"junk\r\n\r\n", ("Accept: text/html", "Sec-Fetch-Mode: navigate")),
}
SEEN_BEFORE = ("a hit", "not modified", "a part", "parts", "no such part", "stale", "validated")


@pytest.mark.parametrize("kind", ASKED)
async def test_an_answer_is_sound(site: Origin, shield: Scene, kind: str) -> None:
    """Neither a fault nor a doubt; and each says how it came about in a field that can be read."""
    status, said, fields = ASKED[kind]
    path = "/" + kind.replace(" ", "-")
    site.says[path] = said
    if kind in SEEN_BEFORE:
        await shield.ask(path)
    lines = (f"GET {path} HTTP/1.1", f"Host: {NAME}", "Connection: close", *fields)
    raw = await shield.exchange(("\r\n".join(lines) + "\r\n\r\n").encode())

    found = linted(raw)
    assert raw.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\ncache-status: sadd; " in raw
    assert found == []


def linted(raw: bytes) -> list[str]:
    """What httplint finds wrong, or doubtful, with an answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    version, status, phrase = first.split(b" ", 2)
    linter = HttpResponseLinter()
    linter.process_response_topline(version, status, phrase)
    pairs = [line.partition(b": ") for line in lines]
    linter.process_headers([(name, value) for name, _, value in pairs])
    linter.feed_content(body)
    linter.finish_content(True)
    bad = [note for note in linter.notes if note.level in (levels.BAD, levels.WARN)]
    return [note.summary for note in bad if type(note).__name__ not in TAKEN_FOR_FAULTS]
