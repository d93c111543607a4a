"""One port for all workers of this instance, and for no other instance."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class PortTaken(Exception):
    """Another program has the port, or we may not have it."""


@contextmanager
def reserve_port(host: str, port: int) -> Iterator[int]:
    """Hold the port while workers share it by SO_REUSEPORT; yields its number. 0 chooses a free one.

    The socket is bound without SO_REUSEPORT, so that an instance that is there already is seen instead of
    silently shared with, and gets the option afterwards. It never listens, so no connection ever comes to it.
    SO_REUSEADDR lets connections of an earlier run that linger in TIME_WAIT not count as "there"; it is taken
    off again, or a second instance would pass us before our first worker listens.
    """
    family, address = resolve(host, port)
    with socket.socket(family, socket.SOCK_STREAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(address)
        except OSError as error:
            raise PortTaken(f"port {port} on {host} cannot be used: {error.strerror}") from error
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        yield int(holder.getsockname()[1])


def resolve(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """The first address of the host, as `bind` takes it; an empty host is all of this machine's."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that no name can have
        raise PortTaken(
            f"{host} is no address of this machine: {getattr(error, 'strerror', error)}"
        ) from error
    family, _, _, _, address = found[0]
    return family, address
