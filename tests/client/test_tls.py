import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.client.conftest import Open
from tests.client.odd import ALLOWED, Odd, answer
from tests.sadd.valkey.fleet import write_certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that nobody has signed but itself, for 127.0.0.1, with its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    public, private = write_certificate(folder)
    file = folder / "both.pem"
    file.write_bytes(private.read_bytes() + public.read_bytes())
    return file


class Secure(Odd):
    """The same listener behind TLS."""

    def __init__(self, certificate: Path) -> None:
        super().__init__([answer(200, ALLOWED)])
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate)

    @property
    def url(self) -> str:
        return super().url.replace("http:", "https:")

    def _serve(self, connection: socket.socket) -> None:
        secure = self._context.wrap_socket
        # A client that does not trust us ends the handshake.
        with suppress(OSError), secure(connection, server_side=True) as secured:
            super()._serve(secured)


@pytest.fixture
def secure(certificate: Path) -> Iterator[Secure]:
    made = Secure(certificate)
    made.start()
    yield made
    made.stop()


def test_a_trusted_platform_is_asked(door: Open, secure: Secure, certificate: Path) -> None:
    """By ``https``, on a connection that is kept."""
    opened = door(secure.url, tls=ssl.create_default_context(cafile=certificate))
    decisions = [opened.do(lambda client: client.check("p", "k")) for _ in range(3)]

    assert {decision.decided_by for decision in decisions} == {"platform"}
    assert len(secure.connections) < 3


def test_another_platform_does_not_get_the_key(door: Open, secure: Secure) -> None:
    """Who it is is checked before anything is sent."""
    decision = door(secure.url).do(lambda client: client.check("p", "k"))
    assert decision.decided_by == "closed"
    assert secure.requests == []


def test_a_handshake_has_the_deadline_too(door: Open) -> None:
    """A port that says nothing holds nobody."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        opened = door(url, deadline_seconds=0.3)
        assert opened.do(lambda client: client.check("p", "k")).decided_by == "closed"
