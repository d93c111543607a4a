import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sadd.cli.outcome import Failed
from sadd.cli.stores import Running, database, running, stores_file
from sadd.embedded.folder import hold_folder
from sadd.embedded.stores import open_stores
from sadd.postgres.migrate import migrate
from sadd.settings import Data, Database, Settings, Startup
from tests.sadd.cli.conftest import Sadd
from tests.waiting import eventually_sync


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=Data(dir=str(tmp_path / "data")), startup=Startup(timeout_seconds=0.2))


def _tell(settings: Settings, database_url: str, pid: int) -> None:
    """What the platform writes when its stores are up."""
    file = stores_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        json.dumps({"valkey_url": "", "database_url": database_url, "http_url": "http://h", "pid": pid})
    )


def _ended_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_running(settings: Settings) -> None:
    """A platform runs if it says so and its process is there."""
    assert running(settings) is None

    _tell(settings, "postgresql://h/d", os.getpid())
    assert running(settings) == Running("", "postgresql://h/d", "http://h", os.getpid())

    _tell(settings, "postgresql://h/d", _ended_pid())
    assert running(settings) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x"}', "null"])
def test_half_a_file(settings: Settings, text: str) -> None:
    """A file that is being written, or is none of ours, is no platform."""
    _tell(settings, "", os.getpid())
    stores_file(settings).write_text(text)

    assert running(settings) is None


def test_external(sadd: Sadd, database_url: str) -> None:
    """A database by URL is migrated and used, and no data folder is made."""
    ended = sadd("keys", "list", "--json", "--database-url", database_url)

    assert (ended.code, ended.out, ended.err) == (0, "[]\n", "")
    assert not Path(".sadd").exists()


def test_external_away(sadd: Sadd) -> None:
    """A database that does not answer is one line with its URL, without the password, and exit code 1."""
    with socket.socket() as listener:  # bound, so that nobody else takes the port; not listening
        listener.bind(("127.0.0.1", 0))
        url = f"postgresql://sadd:hunter2@127.0.0.1:{listener.getsockname()[1]}/sadd"
        ended = sadd("keys", "list", "--database-url", url)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("sadd: database (postgresql://sadd:***@127.0.0.1:")
    assert ended.err.count("\n") == 1
    assert "hunter2" not in ended.err


def test_embedded(sadd: Sadd) -> None:
    """Without a URL an embedded database is started for a command; what it wrote is there the next time."""
    words = ("keys", "list", "--json")
    first = sadd(*words)
    asyncio.run(_insert_key())
    second = sadd(*words)

    assert (first.code, first.out, first.err) == (0, "[]\n", "")
    assert len(json.loads(second.out)) == 1
    with hold_folder(Path(".sadd")):
        pass  # nobody holds it any more


async def _insert_key() -> None:
    async with database(Settings()) as pool:
        await pool.execute(
            "INSERT INTO api_key (prefix, hash, agency, scopes, label, created_at)"
            " VALUES ('aaaaaaaaaaaa', sha256('x'), 'moi', '{limits:check}', '', now())"
        )


def test_beside_a_platform(sadd: Sadd, migrated_database_url: str) -> None:
    """While a platform holds the data folder, its database is used."""
    settings = Settings()
    with hold_folder(Path(".sadd")):
        _tell(settings, migrated_database_url, os.getpid())
        ended = sadd("keys", "list", "--json")

    assert (ended.code, ended.out, ended.err) == (0, "[]\n", "")


@asynccontextmanager
async def _platform(settings: Settings) -> AsyncIterator[None]:
    """The stores of a platform that takes a moment to write where they are."""
    async with open_stores(Path(settings.data.dir), want_valkey=False) as stores:
        await migrate(stores.database_url)
        asyncio.get_running_loop().call_later(0.3, _tell, settings, stores.database_url, os.getpid())
        yield


async def test_beside_a_platform_that_starts(settings: Settings) -> None:
    """A command that comes while the platform starts waits for it."""
    patient = replace(settings, startup=Startup(timeout_seconds=20))
    async with _platform(patient), database(patient) as pool:
        assert await pool.fetchval("SELECT count(*) FROM api_key") == 0


def test_folder_in_use(sadd: Sadd) -> None:
    """A folder that stays held without a word where the stores are is exit code 1 and one line."""
    with hold_folder(Path(".sadd")):
        ended = sadd("keys", "list", "--startup-timeout-seconds", "0.2")

    assert (ended.code, ended.out) == (1, "")
    assert "is in use" in ended.err
    assert ended.err.count("\n") == 1


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C while the embedded database starts ends with 130, says nothing, and leaves the folder free."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SADD_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "sadd", "keys", "list", "--data-dir", str(tmp_path / "data")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    eventually_sync((tmp_path / "data" / "postgres.lock").exists)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out, err) == (130, b"", b"")
    with hold_folder(tmp_path / "data"):
        pass


async def test_error_inside(settings: Settings, database_url: str) -> None:
    """An error of the database while the command works is one line as well."""
    with_url = replace(settings, database=Database(url=database_url))
    with pytest.raises(Failed, match=r'^sadd: database .*relation "nothing" does not exist'):
        async with database(with_url) as pool:
            await pool.execute("SELECT * FROM nothing")
