import asyncio
import json
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from sadd_client import AsyncClient
from tests.client.conftest import Open
from tests.client.doors import KEY
from tests.client.odd import ALLOWED, Odd, answer, odd

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]


def run(work: Coroutine[Any, Any, Any], loop: Callable[[], asyncio.AbstractEventLoop]) -> Any:
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work)


@pytest.mark.parametrize("loop", LOOPS)
def test_any_event_loop_will_do(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """asyncio's own and uvloop: connections are kept, and those that ended are noticed."""

    async def calls(listener: Odd) -> list[str]:
        async with AsyncClient(listener.url, key=KEY, on_loss="closed") as client:
            decided = [(await client.check("p", "k")).decided_by for _ in range(2)]
            listener.hang_up()
            return [*decided, (await client.check("p", "k")).decided_by]

    with odd(answer(200, ALLOWED)) as listener:
        assert run(calls(listener), loop) == ["platform"] * 3
    assert len(listener.connections) == 2


def twice(connection: socket.socket, _: Odd) -> None:
    """An answer, and another one that nobody asked for."""
    said = []
    for body in (ALLOWED, {**ALLOWED, "allowed": False}):
        encoded = json.dumps(body).encode()
        said.append(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(encoded), encoded))
    connection.sendall(b"".join(said))


def test_an_answer_nobody_asked_for_is_not_taken(door: Open) -> None:
    """A second answer on a connection would else be the next caller's."""
    with odd(twice, answer(200, ALLOWED)) as listener:
        opened = door(listener.url)
        assert [opened.do(lambda client: client.check("p", "k")).allowed for _ in range(3)] == [True] * 3
    assert len(listener.connections) == 2
