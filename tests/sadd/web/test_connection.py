"""The limits of a connection, seen from a plain socket."""

import asyncio
import gc
import socket
import time

import pytest
from aiohttp import web

from sadd.settings import Server
from sadd.web.answer import json_answer
from sadd.web.connection import HEADERS_MAX, Connection
from sadd.web.endpoint import Call
from tests.sadd.web.served import endpoint, served
from tests.waiting import eventually

LIMIT = 4096
HASTY = Server(
    port=0,
    max_header_bytes=LIMIT,
    first_byte_timeout_seconds=0.25,
    idle_timeout_seconds=0.4,
    max_body_bytes=1 << 20,
)


async def fine(call: Call) -> web.StreamResponse:
    return json_answer({"body": len(call.body or b"")})


TRY = endpoint(fine)
PUT = endpoint(fine, method="PUT", raw_body=True)


def get(*headers: str) -> bytes:
    return "\r\n".join(["GET /try HTTP/1.1", "Host: x", *headers]).encode() + b"\r\n\r\n"


async def test_a_silent_client_is_closed() -> None:
    """Nobody may hold a connection without a word: 408 after the time to the first head, then the end."""
    async with served([TRY], limits=HASTY) as site:
        began = time.monotonic()
        answer = await site.exchange(b"")

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began > 0.2
        assert site.connections.counters.slow_heads == 1


async def test_a_client_that_drips_its_head_is_closed() -> None:
    """Bytes do not extend the time; whoever goes on sending may see a reset instead of 408."""
    async with served([TRY], limits=HASTY) as site:
        _, writer = await site.raw(b"GET /try HTTP/1.1\r\nHost: x\r\n")

        def drip() -> int:
            writer.write(b"X-Slow: 1\r\n")
            return site.connections.counters.slow_heads

        assert await eventually(drip) == 1
        await eventually(lambda: site.connections.stats().open == 0)
        writer.close()


async def test_an_idle_connection_is_closed() -> None:
    """After its answer a connection may idle for so long, not longer; nothing more is sent."""
    async with served([TRY], limits=HASTY) as site:
        began = time.monotonic()
        answer = await site.exchange(get())

        assert answer.count(b"HTTP/1.1 ") == 1
        assert time.monotonic() - began > 0.3


async def test_a_second_head_that_drips_is_closed_too() -> None:
    """Later heads have the idle time-out: a part of one does not keep the connection."""
    async with served([TRY], limits=HASTY) as site:
        assert (await site.exchange(get() + b"GET /try HTTP/1.1\r\nX-Slow: 1\r\n")).count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * (LIMIT + 1) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        get("X-Large: " + "x" * (LIMIT + 1)),
        get(*[f"X-{number}: " + "x" * 200 for number in range(40)]),
        get(*[f"X-{number}: " + "x" * 200 for number in range(40)])[:-2],
        get("X-Unended: " + "x" * (LIMIT + 1))[:-4],
    ],
    ids=["target", "one field", "all fields", "all fields, no end", "one field, no end"],
)
async def test_a_large_head_is_refused(head: bytes) -> None:
    """431 or a close, at the latest when the limit is passed, and it is counted."""
    async with served([TRY], limits=HASTY) as site:
        answer = await site.exchange(head)

        assert b" 431 Request Header Fields Too Large\r\n" in answer
        assert b"problems/head-too-large" in answer
        assert site.connections.counters.large_heads == 1


async def test_a_large_head_in_small_parts_is_refused() -> None:
    """The bound holds for the sum of the parts; whoever goes on sending may see a reset instead of 431."""
    async with served([TRY], limits=HASTY) as site:
        _, writer = await site.raw(b"GET /try HTTP/1.1\r\nHost: x\r\n")

        def send_on() -> int:
            if not site.connections.counters.large_heads:
                writer.write(b"X-Some: " + b"x" * 200 + b"\r\n")
            return site.connections.counters.large_heads

        assert await eventually(send_on) == 1
        writer.close()


LARGE = get(*[f"X-{number}: " + "x" * 200 for number in range(30)])


async def test_a_large_head_that_began_with_the_request_before_is_refused() -> None:
    """What of it came in the chunk of the request before counts, although that was taken apart already."""
    async with served([TRY], limits=HASTY) as site:
        reader, writer = await site.raw(get() + LARGE[:3000])
        await reader.readuntil(b"}")
        writer.write(LARGE[3000:])

        assert b" 431 " in await reader.read()
        assert site.connections.counters.large_heads == 1
        writer.close()


@pytest.mark.parametrize("requests", [1, 40, 200])
async def test_a_large_head_behind_many_requests_is_refused(requests: int) -> None:
    """Also when it waits in aiohttp's parser until the requests before it are served."""
    async with served([TRY], limits=HASTY) as site:
        answer = await site.exchange(get() * requests + LARGE)

        assert answer.count(b" 200 OK\r\n") <= requests
        assert site.connections.counters.large_heads == 1


async def test_many_requests_at_once_are_all_served() -> None:
    """More than wait in aiohttp's queue, and more bytes than one head may have."""
    async with served([TRY], limits=HASTY) as site:
        answer = await site.exchange(get() * 500 + get("Connection: close"))

        assert answer.count(b" 200 OK\r\n") == 501
        assert site.connections.counters.large_heads == 0


async def test_too_many_headers_are_refused() -> None:
    """A bound for the number of fields, small ones too."""
    async with served([TRY], limits=HASTY) as site:
        assert b" 400 " in await site.exchange(get(*[f"X-{number}: 1" for number in range(HEADERS_MAX + 1)]))


async def test_a_head_below_the_limit_with_a_large_body_passes() -> None:
    """The bound is for the head: a body in the same chunk, or in many, is not counted."""
    head = b"PUT /try HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n"
    async with served([PUT], limits=HASTY) as site:
        assert (await site.exchange(head + b"x" * 200_000)).endswith(b'{"body":200000}')

        reader, writer = await site.raw(head[:-1])  # the head's last byte comes with the body
        writer.write(head[-1:] + b"x" * 200_000)
        assert (await reader.read()).endswith(b'{"body":200000}')
        writer.close()


async def test_pipelined_requests_are_answered_in_order() -> None:
    """Several heads in one chunk are that many answers, also when together they pass the limit."""
    async with served([TRY], limits=HASTY) as site:
        sent = get("X-Padding: " + "x" * 1000) * 6 + get("Connection: close")
        assert (await site.exchange(sent)).count(b"HTTP/1.1 200 OK") == 7


async def test_a_large_head_behind_a_request_under_way_ends_the_connection_unanswered() -> None:
    """Its refusal must not be taken for the answer to the first request."""
    release = asyncio.Event()

    async def wait(call: Call) -> web.StreamResponse:
        await release.wait()
        return json_answer({})

    async with served([endpoint(wait)], limits=HASTY) as site:
        reader, writer = await site.raw(get())
        await eventually(lambda: site.traffic.in_flight == 1)
        writer.write(get("X-A: " + "x" * 3000, "X-B: " + "x" * 3000))
        assert await reader.read() == b""
        release.set()
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"NONSENSE\r\n\r\n",
        b"GET /try HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /try HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /try HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ],
    ids=["TLS", "words", "space before colon", "two lengths", "negative length"],
)
async def test_what_is_not_http_gets_a_problem(sent: bytes) -> None:
    """400 as a problem, without a version of ours, and the connection ends."""
    async with served([TRY]) as site:
        answer = await site.exchange(sent)

        assert b" 400 Bad Request\r\n" in answer
        assert b"problems/malformed-http" in answer
        assert b"aiohttp" not in answer


@pytest.mark.parametrize(
    "target", [b"OPTIONS * HTTP/1.1", b"GET //x/../y HTTP/1.1", b"GET http://x/y HTTP/1.1"]
)
async def test_odd_targets_get_a_problem(target: bytes) -> None:
    """Whatever the target, the answer is ours."""
    async with served([TRY]) as site:
        answer = await site.exchange(target + b"\r\nHost: x\r\nConnection: close\r\n\r\n")

        assert b"problems/not-found" in answer
        assert b"aiohttp" not in answer


async def test_nobody_gets_a_tunnel() -> None:
    """CONNECT, whose target is no path, is answered by us too, and counted."""
    async with served([TRY]) as site:
        answer = await site.exchange(b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\nhello")

        assert b"problems/malformed-http" in answer
        assert b"aiohttp" not in answer
        assert site.connections.counters.malformed == 1


async def test_an_offer_to_upgrade_is_ignored() -> None:
    """The request is answered as it is (RFC 9110, section 7.8)."""
    async with served([TRY]) as site:
        answer = await site.exchange(get("Connection: upgrade, close", "Upgrade: h2c"))

        assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_reader_that_takes_nothing_is_closed() -> None:
    """It is not idle for aiohttp, which waits to write on; the kernel ends it in the idle time."""

    async def large(call: Call) -> web.StreamResponse:
        return web.Response(body=b"x" * 20_000_000)

    async with served([endpoint(large)], limits=HASTY) as site:
        with socket.create_connection(("127.0.0.1", site.port)) as client:
            client.sendall(get())
            await eventually(lambda: site.connections.stats().open == 1)
            await eventually(lambda: site.connections.stats().open == 0)


async def test_connections_are_counted() -> None:
    """Open, opened and refused connections are numbers for the metrics."""
    async with served([TRY], limits=HASTY) as site:
        _, writer = await site.raw(get())
        await eventually(lambda: site.connections.stats().open == 1)
        await site.exchange(b"NONSENSE\r\n\r\n")
        writer.close()
        await eventually(lambda: site.connections.stats().open == 0)
        stats = site.connections.stats()

        assert (stats.opened, stats.refused) == (2, {"slow_head": 0, "large_head": 0, "malformed": 1})


def test_aiohttp_still_has_the_private_fields_that_we_read() -> None:
    """A release that renames one fails here, not in production."""
    assert {"_request_count", "_waiter", "_messages", "_force_close"} <= set(web.RequestHandler.__slots__)
    assert issubclass(Connection, web.RequestHandler)


@pytest.mark.parametrize("earlier", [b"", b"PUT /try HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"])
async def test_a_body_on_the_heels_of_its_head(earlier: bytes) -> None:
    """A body that comes in the same turn of the event loop as its head is not taken for a larger head."""
    async with served([PUT], limits=HASTY) as site:
        reader, writer = await site.raw(earlier)
        if earlier:
            await reader.readuntil(b'{"body":1}')
        (connection,) = await eventually(lambda: site.connections.connections)
        body = b"x" * (2 * LIMIT)
        connection.data_received(
            f"PUT /try HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        connection.data_received(body)
        answer = await reader.readuntil(f'{{"body":{len(body)}}}'.encode())
        assert answer.startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_a_large_head_in_one_piece_leaves_no_trace() -> None:
    """Its refusal takes the request away from the server's loop, which ends without an error."""
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with served([TRY], limits=HASTY) as site:
        fields = [f"X-{number}: {'a' * (LIMIT // 8)}" for number in range(9)]
        answer = await site.exchange(get(*fields))
        assert answer.startswith(b"HTTP/1.1 431 ")
        await eventually(lambda: not site.connections.connections)
    gc.collect()
    assert failures == []
