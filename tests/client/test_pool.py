import asyncio
import socket
import time
from typing import Any

import pytest

from sadd_client import AsyncClient
from tests.client.conftest import Open
from tests.client.doors import KEY
from tests.client.odd import ALLOWED, answer, hang, odd
from tests.conftest import free_port
from tests.waiting import eventually, eventually_sync


def test_a_connection_is_kept(door: Open) -> None:
    """Three calls, one connection, and each carries the key."""
    with odd(answer(200, ALLOWED)) as listener:
        opened = door(listener.url)
        for _ in range(3):
            opened.do(lambda client: client.check("p", "k"))

    assert len(listener.connections) == 1
    assert all(f"Authorization: Bearer {KEY}".encode() in request for request in listener.requests)


def test_a_connection_that_ended_meanwhile_is_not_used(door: Open) -> None:
    """The platform closes idle connections, on restart all of them: the next call takes a new one."""
    with odd(answer(200, ALLOWED)) as listener:
        opened = door(listener.url)
        opened.do(lambda client: client.check("p", "k"))
        listener.hang_up()
        assert opened.do(lambda client: client.check("p", "k")).decided_by == "platform"

    assert len(listener.connections) == 2
    assert opened.client.stats().repeats == 0


def test_a_draining_platform_gets_no_more_on_its_connection(door: Open) -> None:
    """``Connection: close`` is obeyed."""
    with odd(answer(200, ALLOWED, "Connection: close")) as listener:
        opened = door(listener.url)
        for _ in range(2):
            assert opened.do(lambda client: client.check("p", "k")).decided_by == "platform"

    assert len(listener.connections) == 2


async def test_calls_wait_for_a_free_connection_until_their_deadline() -> None:
    """The number of connections is bounded, and the wait for one counts.

    The listener accepts in the order of connecting: a look from outside that comes through as the third
    shows that no third call went before it. Once the first two have given up, a later one may open its own.
    """
    with odd(hang) as listener:
        async with AsyncClient(
            listener.url, key=KEY, on_loss="open", connections_max=2, deadline_seconds=3
        ) as client:
            began = time.monotonic()
            calls = asyncio.gather(*(client.check("p", f"{n}") for n in range(5)))
            await eventually(lambda: len(listener.connections) == 2, deadline_seconds=2.7)
            with socket.create_connection(("127.0.0.1", listener.port)):
                await eventually(lambda: len(listener.connections) > 2, deadline_seconds=2.7)
                assert len(listener.connections) == 3
                decisions = await calls
            took = time.monotonic() - began

            assert client.stats().breaker_opened == 0, "a crowd of our own is no fault of the platform"

    assert {decision.decided_by for decision in decisions} == {"open"}
    assert took < 5.7, "those that waited gave up with the others, not a deadline later"


def test_a_name_with_several_addresses(door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is tried when one does not answer."""
    known, nobody = socket.getaddrinfo, ("127.0.0.1", free_port())

    def both(host: str, port: int, *rest: Any, **words: Any) -> Any:
        found = known("127.0.0.1", port, *rest, **words)
        return [(*found[0][:4], nobody), *found] if host == "platform.example" else found

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with odd(answer(200, ALLOWED)) as listener:
        opened = door(f"http://platform.example:{listener.port}")
        assert opened.do(lambda client: client.check("p", "k")).decided_by == "platform"


def test_a_name_without_an_address(door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a loss like any other."""

    def nothing(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    opened = door("http://platform.example")
    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    assert opened.do(lambda client: client.check("p", "k")).decided_by == "closed"


async def test_a_cancelled_call_frees_its_place() -> None:
    """Its connection is closed, since the answer would be taken for the next one's."""
    with odd(hang, answer(200, ALLOWED)) as listener:
        async with AsyncClient(listener.url, key=KEY, on_loss="open", connections_max=1) as client:
            call = asyncio.create_task(client.check("p", "k"))
            await eventually(lambda: len(listener.requests) == 1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await client.check("p", "k")).decided_by == "platform"
    assert len(listener.connections) == 2


def test_closing_ends_the_connections(door: Open) -> None:
    """Nothing stays open behind a closed client."""
    with odd(answer(200, ALLOWED)) as listener:
        opened = door(listener.url)
        opened.do(lambda client: client.check("p", "k"))
        opened.do(lambda client: client.check("p", "k"))
        opened.close()
        eventually_sync(lambda: listener.connections[0].recv(1) == b"")
