"""What the tests of the store client need beside single servers: load, Sentinel, TLS certificates."""

import asyncio
import contextlib
import datetime
import ipaddress
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.servers import Server, await_true, free_ports
from sadd.valkey.client import ValkeyClient
from sadd.valkey.script import Script
from sadd.valkey.topology import open_client

INCR = Script("incr", b"return redis.call('INCR', KEYS[1])")
DEADLINE_MS = 250


@contextlib.asynccontextmanager
async def opened(
    url: str,
    deadline_ms: int = DEADLINE_MS,
    max_in_flight: int = 20_000,
    failover_deadline_ms: int | None = None,
) -> AsyncIterator[ValkeyClient]:
    client = await open_client(
        url, deadline_ms=deadline_ms, max_in_flight=max_in_flight, failover_deadline_ms=failover_deadline_ms
    )
    try:
        yield client
    finally:
        await client.aclose()


@dataclass(slots=True)
class Load:
    """Workers that count up until told to stop, and what they saw."""

    client: ValkeyClient
    repeat_safe: bool
    acknowledged: "Counter[bytes]" = field(default_factory=Counter)
    errors: list[Exception] = field(default_factory=list)
    slowest_seconds: float = 0.0
    stopped: bool = False

    async def work(self, number: int) -> None:
        turn = 0
        while not self.stopped:
            turn += 1
            await self._once(b"count:%d:%d" % (number, turn % 40))

    async def _once(self, key: bytes) -> None:
        began = time.perf_counter()
        try:
            await self.client.run(INCR, [key], [], repeat_safe=self.repeat_safe)
            self.acknowledged[key] += 1
        except (ConnectionError, TimeoutError) as error:
            self.errors.append(error)
            await asyncio.sleep(0.001)  # a refusal takes no time, and the loop must have some
        self.slowest_seconds = max(self.slowest_seconds, time.perf_counter() - began)

    async def lost(self) -> int:
        """How many acknowledged increments the store does not hold."""
        missing = 0
        for key, count in self.acknowledged.items():
            reply = await self.client.command("GET", key, key=key)
            assert isinstance(reply, bytes)
            missing += max(0, count - int(reply))
        return missing


@contextlib.asynccontextmanager
async def under_load(client: ValkeyClient, repeat_safe: bool, workers: int = 32) -> AsyncIterator[Load]:
    """Load while the block runs; afterwards every call has ended."""
    load = Load(client, repeat_safe)
    tasks = [asyncio.create_task(load.work(number)) for number in range(workers)]
    try:
        yield load
    finally:
        load.stopped = True
        await asyncio.gather(*tasks)


class SentinelServer(Server):
    """Sentinel needs a file that it may write."""

    __slots__ = ()

    def _config(self) -> list[str]:
        path = self.folder / "sentinel.conf"
        path.touch()
        return [str(path), "--sentinel"]


@dataclass(slots=True)
class Watched:
    """A primary, two replicas and three sentinels. With one replica only, nobody may write after a fail-over
    until the old primary is back: the fence wants a replica."""

    primary: Server
    replicas: Sequence[Server]
    sentinels: Sequence[Server]

    @property
    def url(self) -> str:
        return "redis+sentinel://" + ",".join(f"127.0.0.1:{one.port}" for one in self.sentinels) + "/main"

    def set(self, name: str, value: int) -> None:
        """A setting of the fence, on all nodes."""
        for server in (self.primary, *self.replicas):
            with server.client() as client:
                client.config_set(name, value)

    def set_down_after(self, milliseconds: int) -> None:
        for sentinel in self.sentinels:
            with sentinel.client() as client:
                client.execute_command("SENTINEL SET", "main", "down-after-milliseconds", milliseconds)


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """Real Sentinel with the settings that are accepted."""
    ports = free_ports(6)
    fence = ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "2", "--repl-diskless-sync-delay", "0"]
    with contextlib.ExitStack() as running:
        primary = running.enter_context(Server(folder / "primary", ports[0], fence))
        follow = ["--replicaof", f"127.0.0.1 {primary.port}"]
        replicas = [
            running.enter_context(Server(folder / f"replica-{port}", port, [*fence, *follow]))
            for port in ports[1:3]
        ]
        sentinels = [
            running.enter_context(SentinelServer(folder / f"sentinel-{port}", port)) for port in ports[3:]
        ]
        for sentinel in sentinels:
            _watch(sentinel, primary.port)
        await_true(lambda: all(map(_knows_all, sentinels)), 15, "sentinels know each other and the replicas")
        yield Watched(primary, replicas, sentinels)


def _watch(sentinel: Server, port: int) -> None:
    with sentinel.client() as client:
        client.execute_command("SENTINEL MONITOR", "main", "127.0.0.1", port, 2)
        client.execute_command("SENTINEL SET", "main", "down-after-milliseconds", 3000)
        client.execute_command("SENTINEL SET", "main", "failover-timeout", 10_000)


def _knows_all(sentinel: Server) -> bool:
    with sentinel.client() as client:
        state = client.sentinel_masters()["main"]
    return bool(state["num-slaves"] == 2 and state["num-other-sentinels"] == 2)


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "certificate.pem", folder / "key.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_path, key_path
