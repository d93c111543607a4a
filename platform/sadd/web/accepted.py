"""The connections that a listening socket has accepted and that nobody has taken yet."""

import socket


def waiting_in(queue: socket.socket) -> list[socket.socket]:
    """All of them. ``queue`` is a second descriptor of the socket: closing the last one would reset them."""
    queue.setblocking(False)
    waiting: list[socket.socket] = []
    while True:
        try:
            waiting.append(queue.accept()[0])
        except ConnectionAbortedError:  # its client gave up while it waited
            continue
        except OSError:  # BlockingIOError: the queue is empty
            return waiting
