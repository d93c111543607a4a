import asyncio
import select
import socket

import pytest

from sadd_client.ports import complete
from sadd_client.readable import readable


def test_what_waits_for_a_loop_is_no_blocking_port() -> None:
    """A mistake of ours is said at once, instead of a coroutine that never ends."""
    with pytest.raises(RuntimeError, match="suspended"):
        complete(asyncio.sleep(0))


@pytest.mark.parametrize("polls", [True, False])
def test_a_socket_with_something_to_read(polls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes, or its end; also on a system without ``poll``."""
    if not polls:
        monkeypatch.delattr(select, "poll")
    ours, theirs = socket.socketpair()
    with ours:
        assert not readable(ours)
        theirs.send(b"x")
        assert readable(ours)
        ours.recv(1)
        theirs.close()
        assert readable(ours)
