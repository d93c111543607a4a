"""Sharing a port, and ending without breaking a request."""

import asyncio
import dataclasses
import socket
import time

import pytest
import uvloop
from aiohttp import web

from sadd.settings import Server
from sadd.web.answer import json_answer
from sadd.web.endpoint import Call
from sadd.web.health import Health, endpoints
from sadd.web.serving import listen
from tests.sadd.web.served import LOCAL, endpoint, served
from tests.waiting import eventually

GET = b"GET /try HTTP/1.1\r\nHost: x\r\n\r\n"


class Gate:
    """An endpoint that answers when it is told to."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.endpoint = endpoint(self._handle)

    async def _handle(self, call: Call) -> web.StreamResponse:
        await self.open.wait()
        return json_answer({"done": True})


def test_workers_share_a_port_and_a_supervisor_may_hold_it() -> None:
    """Several sockets bind one port; the one that only holds it takes no connection."""
    with listen(LOCAL) as holder:
        limits = dataclasses.replace(LOCAL, port=holder.getsockname()[1])
        with listen(limits) as first, listen(limits) as second:
            first.listen()
            second.listen()
            for _ in range(16):
                socket.create_connection(("127.0.0.1", limits.port)).close()


def test_a_port_of_somebody_else_is_an_error() -> None:
    """A program that listens without SO_REUSEPORT keeps its port."""
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="in use"):
        listen(Server(port=other.getsockname()[1]))


def test_a_connection_that_takes_no_data_is_ended_by_the_kernel() -> None:
    """The option is inherited by accepted connections; its time is the idle time-out."""
    with listen(Server(port=0, idle_timeout_seconds=7)) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()):
            listener.setblocking(True)
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000


async def test_draining_finishes_what_is_in_flight() -> None:
    """Readiness goes first, the request under way gets its whole answer with Connection: close."""
    gate, health = Gate(), Health({})
    sites = [gate.endpoint, *endpoints(health)]
    async with served(sites, on_draining=health.drain, settle_seconds=0.3) as site:
        reader, writer = await site.raw(GET)
        await eventually(lambda: site.traffic.in_flight == 1)
        site.stop.set()
        await eventually(lambda: not site.ended.done() and health.readiness.draining)
        async with site.client.get("/readyz") as response:  # still accepted, and told to go
            assert (response.status, response.headers["Connection"]) == (503, "close")
        gate.open.set()
        answer = await reader.read()
        writer.close()
        await site.ended

        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Connection: close" in answer
        assert answer.endswith(b'{"done":true}')


async def test_a_request_longer_than_settling_is_finished() -> None:
    """Closing the socket does not touch the connections that have work."""
    gate = Gate()
    async with served([gate.endpoint]) as site:
        reader, writer = await site.raw(GET)
        await eventually(lambda: site.traffic.in_flight == 1)
        site.stop.set()
        await eventually(lambda: not site.listens)
        gate.open.set()

        assert (await reader.read()).endswith(b'{"done":true}')
        writer.close()


async def test_idle_connections_are_closed_at_once() -> None:
    """A kept-alive connection without a request does not hold up the end."""
    gate = Gate()
    gate.open.set()
    async with served([gate.endpoint]) as site:
        reader, writer = await site.raw(GET)
        await reader.readuntil(b"}")
        began = time.monotonic()
        site.stop.set()
        await site.ended

        assert time.monotonic() - began < LOCAL.drain_timeout_seconds
        assert await reader.read() == b""
        writer.close()


async def test_a_request_that_never_ends_is_cut_off() -> None:
    """The drain's time-out is the end of patience."""
    limits = dataclasses.replace(LOCAL, drain_timeout_seconds=0.3)
    async with served([Gate().endpoint], limits=limits) as site:
        reader, writer = await site.raw(GET)
        await eventually(lambda: site.traffic.in_flight == 1)
        began = time.monotonic()
        site.stop.set()
        await site.ended

        assert time.monotonic() - began > 0.25
        assert await reader.read() == b""
        writer.close()


async def test_cancelling_leaves_no_connection() -> None:
    """Also a server that is torn down closes its socket and its connections."""
    gate = Gate()
    async with served([gate.endpoint]) as site:
        reader, writer = await site.raw(GET)
        await eventually(lambda: site.traffic.in_flight == 1)
        site.ended.cancel()
        await asyncio.wait([site.ended])

        assert await reader.read() == b""
        assert not site.listens
        writer.close()


def test_no_request_fails_while_one_of_two_servers_drains() -> None:
    """New connections go on to the other one; those of the drained one got their answers.

    On uvloop, as in production: asyncio drops a connection that it accepts while it closes the socket.
    """
    uvloop.run(asyncio.wait_for(drain_one_of_two(), 30))


async def drain_one_of_two() -> None:
    gate = Gate()
    gate.open.set()
    async with served([gate.endpoint]) as first:
        limits = dataclasses.replace(LOCAL, port=first.port)
        async with served([gate.endpoint], limits=limits, settle_seconds=0.1) as second:
            statuses = []

            async def ask() -> None:
                while not second.ended.done():
                    answer = await first.exchange(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                    statuses.append(answer[:12])

            askers = [asyncio.create_task(ask()) for _ in range(8)]
            await eventually(lambda: len(statuses) > 100)
            second.stop.set()
            await asyncio.gather(*askers)

            assert set(statuses) == {b"HTTP/1.1 200"}
            assert any(sum(route.by_class) for route in second.traffic.routes)
