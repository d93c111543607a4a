"""Bodies flow both ways as fast as the slower side takes them, and a client that goes frees its origin."""

import asyncio

import psutil
import pytest

from sadd.shield import front
from tests.shield.origin import Origin, Request, ok
from tests.shield.scene import NAME, Scene, read_answer, shielded
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

LARGE_BYTES = 256 * 1024 * 1024
"""A test's share of the 2 GB of ``python -m benchmarks.shield_stream``."""
GROWTH_BYTES_MAX = 16 * 1024 * 1024
PIECE = b"x" * 262_144
GET = f"GET /large HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()


def endless(length: int):  # type: ignore[no-untyped-def]  # an answer of the origin's scene
    """An answer of so many bytes."""

    async def say(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())
        for _ in range(length // len(PIECE)):
            writer.write(PIECE)
            await writer.drain()

    return say


async def test_a_large_body_passes_in_little_memory(site: Origin, shield: Scene) -> None:
    """256 MiB through a quarter of a MiB of room; the origin and the client are in this process too."""
    site.says["/large"] = endless(LARGE_BYTES)
    reader, writer = await shield.raw(GET)
    await reader.readuntil(b"\r\n\r\n")
    before = psutil.Process().memory_info().rss
    most, got = before, 0
    while got < LARGE_BYTES:
        got += len(await reader.read(262_144))
        most = max(most, psutil.Process().memory_info().rss) if got % (1 << 24) < 262_144 else most
    writer.close()

    assert got == LARGE_BYTES
    assert most - before <= GROWTH_BYTES_MAX


async def test_a_large_upload_passes(site: Origin, shield: Scene) -> None:
    """Byte for byte, and the answer comes after it."""
    taken = 0

    async def take(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        taken = len(request.body)
        writer.write(ok(b"thanks"))

    site.says["/"] = take
    answer = await shield.ask("/", method="POST", body=b"y" * 8_000_000)

    assert (answer.status, answer.body, taken) == (200, b"thanks", 8_000_000)


async def test_slow_readers_hold_no_more_than_the_cap(site: Origin) -> None:
    """A thousand who read nothing of a large answer: three connections."""
    site.says["/large"] = endless(LARGE_BYTES)
    await eventually(lambda: site.busy == 0)
    site.busy_max = 0
    async with shielded(site, cap=3) as shield:
        readers = [await shield.raw(GET) for _ in range(1_000)]
        pool = shield.sites.pools[NAME]
        await eventually(lambda: pool.held == 3 and site.busy == 3)
        assert pool.held_max == 3
        for _, writer in readers:
            writer.close()
        await eventually(lambda: pool.held == 0)

    assert site.busy_max == 3


async def test_a_client_that_goes_frees_its_origin(site: Origin, shield: Scene) -> None:
    """Before the answer and in the middle of it: the place is free, and the origin's connection ends."""
    pool = shield.sites.pools[NAME]
    site.says["/large"] = endless(LARGE_BYTES)
    site.hold = asyncio.Event()
    for started in (False, True):
        _, writer = await shield.raw(GET)
        await eventually(lambda: pool.held == 1)
        if started:
            site.hold.set()
            await eventually(lambda: site.busy == 1)
        writer.close()
        await eventually(lambda: pool.held == 0)
    await eventually(lambda: site.busy == 0)


async def test_half_an_answer_never_looks_like_a_whole_one(site: Origin, shield: Scene) -> None:
    """An origin that dies in the middle ends the client's connection there."""
    site.says["/a"] = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf"

    async def chunks(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await writer.drain()
        writer.close()

    async def short(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    site.says["/a"], site.says["/b"] = short, chunks
    for path in ("/a", "/b"):
        said = await shield.exchange(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
        assert not said.endswith(b"0\r\n\r\n")
        assert b"content-length: 4" not in said


async def test_events_come_as_they_happen(site: Origin, shield: Scene) -> None:
    """Server-sent events pass one by one, however long the silence between."""
    go = asyncio.Event()

    async def events(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await go.wait()
        writer.write(b"data: 2\n\n")
        await writer.drain()
        writer.close()

    site.says["/"] = events
    reader, writer = await shield.raw(f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
    first = await reader.readuntil(b"data: 1\n\n")
    go.set()
    rest = await reader.readuntil(b"0\r\n\r\n")
    writer.close()

    assert b"text/event-stream" in first
    assert b"data: 2\n\n" in rest


async def test_a_websocket_is_a_tunnel(site: Origin, shield: Scene) -> None:
    """RFC 6455 §4: the handshake passes, then bytes both ways, and either end is the end of both."""

    async def echo(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert request.get("upgrade") == "websocket"
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        writer.write(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        while data := await reader.read(1000):
            writer.write(data.upper())
            await writer.drain()
        writer.close()

    site.says["/"] = echo
    sent = f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    reader, writer = await shield.raw((sent + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
    answer = await read_answer(reader)
    writer.write(b"hello")
    said = await reader.readexactly(5)
    writer.close()

    assert (answer.status, answer.get("upgrade"), said) == (101, "websocket", b"HELLO")
    await eventually(lambda: shield.sites.pools[NAME].held == 0)


async def test_a_body_is_asked_for_only_after_admission(site: Origin, shield: Scene) -> None:
    """RFC 9110 §10.1.1: who would be refused need not send it."""
    site.says["/"] = ok(b"taken")
    head = f"POST / HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"
    reader, writer = await shield.raw((head + "\r\n").encode())
    told = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"hello")
    answer = await read_answer(reader)
    writer.close()
    refused = await shield.exchange((head.replace(NAME, "nobody") + "Connection: close\r\n\r\n").encode())

    assert told.startswith(b"HTTP/1.1 100 ")
    assert (answer.status, site.last().body, site.last().get("expect")) == (200, b"hello", None)
    assert refused.startswith(b"HTTP/1.1 421 ")


async def test_requests_of_one_connection_are_answered_in_order(site: Origin, shield: Scene) -> None:
    """RFC 9112 §9.3.2: also if they come all at once, with and without bodies."""
    for path in ("/1", "/2", "/3"):
        site.says[path] = ok(path.encode())
    sent = (
        f"GET /1 HTTP/1.1\r\nHost: {NAME}\r\n\r\n"
        f"POST /2 HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 3\r\n\r\nabc"
        f"GET /3 HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n"
    )
    said = await shield.exchange(sent.encode())

    assert [said.find(path) for path in (b"/1", b"/2", b"/3")] == sorted(
        said.find(p) for p in (b"/1", b"/2", b"/3")
    )
    assert said.count(b"HTTP/1.1 200 OK") == 3


async def test_who_only_said_all_has_his_answer(
    site: Origin, shield: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 9112 §9.6: a side that is closed is no client that went, if he does not wait for long."""
    monkeypatch.setattr(front, "GONE_SECONDS", 30.0)  # this machine may be busy
    for path in ("/1", "/2"):
        site.says[path] = ok(path.encode())
    sent = "".join(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n" for path in ("/1", "/2"))
    reader, writer = await shield.raw(sent.encode())
    writer.write_eof()
    said = await reader.read()
    writer.close()

    assert said.count(b"HTTP/1.1 200 OK") == 2
