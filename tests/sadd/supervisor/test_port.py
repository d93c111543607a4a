"""The port belongs to one instance, and to all of its workers."""

import socket

import pytest

from sadd.supervisor.port import PortTaken, reserve_port


def shared(port: int) -> socket.socket:
    """What a worker opens."""
    worker = socket.socket()
    worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    worker.bind(("127.0.0.1", port))
    worker.listen()
    return worker


def test_workers_share_a_free_port() -> None:
    """0 chooses one; several workers listen on it, and every connection reaches one of them."""
    with reserve_port("127.0.0.1", 0) as port, shared(port) as one, shared(port) as other:
        for worker in (one, other):
            worker.setblocking(False)
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        accepted = [connection for worker in (one, other) for connection in accept_all(worker)]
        assert len(accepted) == 20
        for end in (*clients, *accepted):
            end.close()


def accept_all(worker: socket.socket) -> list[socket.socket]:
    connections = []
    while True:
        try:
            connections.append(worker.accept()[0])
        except BlockingIOError:
            return connections


@pytest.mark.parametrize("listening", [False, True])
def test_a_second_instance_is_refused(listening: bool) -> None:
    """Also before the first instance's workers listen: SO_REUSEPORT would share the port silently."""
    with reserve_port("127.0.0.1", 0) as port:
        worker = shared(port) if listening else None
        with (
            pytest.raises(
                PortTaken, match=f"port {port} on 127.0.0.1 cannot be used: Address already in use"
            ),
            reserve_port("127.0.0.1", port),
        ):
            pass
        if worker:
            worker.close()


def test_connections_of_an_earlier_run_do_not_count() -> None:
    """A restart at once is possible although sockets of the last run are in TIME_WAIT."""
    with reserve_port("127.0.0.1", 0) as port, shared(port) as worker:
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = worker.accept()
        served.close()  # the side that closes first keeps TIME_WAIT
        client.close()
    with reserve_port("127.0.0.1", port) as again:
        assert again == port


def test_an_address_that_is_not_ours_is_named() -> None:
    """One line, not a traceback."""
    with (
        pytest.raises(PortTaken, match=r"port 8080 on 192\.0\.2\.1 cannot be used"),
        reserve_port("192.0.2.1", 8080),
    ):
        pass


@pytest.mark.parametrize("host", ["", "localhost"])
def test_hosts_are_resolved(host: str) -> None:
    """Empty is every address of the machine; names are looked up."""
    with reserve_port(host, 0) as port:
        assert port > 0


def test_a_name_that_is_none_is_named() -> None:
    """Before anything is started."""
    message = r"^no\.such\.host\.invalid is no address of this machine: "
    with pytest.raises(PortTaken, match=message), reserve_port("no.such.host.invalid", 0):
        pass
