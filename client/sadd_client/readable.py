"""Whether a socket has something to read, without reading it."""

import select
import socket


def readable(connected: socket.socket) -> bool:
    """True also at its end. ``poll`` where there is one: ``select`` ends at descriptor 1024."""
    if not hasattr(select, "poll"):
        return bool(select.select([connected], [], [], 0)[0])
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(0))
