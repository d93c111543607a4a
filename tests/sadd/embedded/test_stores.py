"""The embedded stores as their user sees them: they keep, they heal, two folders do not meet."""

import os
import signal
from pathlib import Path

import asyncpg
import pytest

from sadd.embedded.folder import FolderInUse
from sadd.embedded.server import StoreFailed
from sadd.embedded.stores import StoreUrls, open_stores
from tests.sadd.embedded.holder import processes_in, read, write
from tests.waiting import eventually


def words(urls: StoreUrls) -> dict[str, str]:
    return {"valkey": urls.valkey_url, "database": urls.database_url}


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    """Closing and opening the folder again loses nothing, and leaves no process between."""
    async with open_stores(tmp_path) as urls:
        await write(words(urls), "first")
    assert processes_in(tmp_path) == []
    async with open_stores(tmp_path) as urls:
        assert await read(words(urls)) == ("first", "first")


async def test_servers_killed_while_running_heal(tmp_path: Path) -> None:
    """kill -9 of Valkey and of the postmaster: both are back at the same URLs with all they acknowledged."""
    async with open_stores(tmp_path) as urls:
        for value in ("1", "2"):
            await write(words(urls), value)
            for pid in main_processes(tmp_path):
                os.kill(pid, signal.SIGKILL)
            await eventually(lambda: reads(urls))
            assert await read(words(urls)) == (value, value)
    assert processes_in(tmp_path) == []


async def test_a_backend_that_outlives_its_postmaster_is_waited_for(tmp_path: Path) -> None:
    """The new server starts only when no process of the old one can write any more."""
    async with open_stores(tmp_path, want_valkey=False) as urls:
        connection = await asyncpg.connect(urls.database_url)
        backend = await connection.fetchval("SELECT pg_backend_pid()")
        postmaster = main_processes(tmp_path)[0]
        os.kill(backend, signal.SIGSTOP)
        os.kill(postmaster, signal.SIGKILL)
        await eventually(lambda: processes_in(tmp_path) == [backend])
        with pytest.raises(OSError, match=r"No such file|Connect"):
            await asyncpg.connect(urls.database_url)
        os.kill(backend, signal.SIGKILL)
        connection.terminate()
        await eventually(lambda: answers(urls))


async def test_two_folders_live_side_by_side(tmp_path: Path) -> None:
    """Each folder has servers of its own."""
    async with open_stores(tmp_path / "a") as one, open_stores(tmp_path / "b") as other:
        await write(words(one), "one")
        await write(words(other), "other")
        assert await read(words(one)) == ("one", "one")
        assert await read(words(other)) == ("other", "other")


async def test_a_folder_has_one_user(tmp_path: Path) -> None:
    """The second is told, in one line, which process has the folder; even if it wants no server."""
    async with open_stores(tmp_path, want_valkey=False, want_postgres=False) as urls:
        assert urls == StoreUrls("", "")
        with pytest.raises(
            FolderInUse, match=rf"^the data folder {tmp_path} is in use by process {os.getpid()}$"
        ):
            async with open_stores(tmp_path):
                pass


async def test_a_deep_folder_works(tmp_path: Path) -> None:
    """The kernel takes 107 bytes for a socket's path; the data folder may lie deeper."""
    deep = tmp_path.joinpath(*["a-rather-long-name"] * 8)
    async with open_stores(deep) as urls:
        await write(words(urls), "deep")
        sockets = Path(urls.valkey_url.removeprefix("unix://").partition("?")[0]).parent
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The message is one line and ends with what the server printed."""
    async with open_stores(tmp_path, want_valkey=False):
        pass
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(
        StoreFailed, match=r"postgres ended with exit code 1 while starting: .*version 9"
    ) as failure:
        async with open_stores(tmp_path, want_valkey=False):
            pass
    assert "\n" not in str(failure.value)
    assert processes_in(tmp_path) == []


async def test_a_pid_file_that_names_a_living_process_is_healed(tmp_path: Path) -> None:
    """After a crash another process may have got the number of the dead server."""
    async with open_stores(tmp_path, want_valkey=False):
        bystander = main_processes(tmp_path)[0]
        async with open_stores(tmp_path / "other", want_valkey=False):
            pass
        stale = tmp_path / "other" / "postgres" / "postmaster.pid"
        stale.write_text(f"{bystander}\n{stale.parent}\n")
        async with open_stores(tmp_path / "other", want_valkey=False) as urls:
            assert await answers(urls)


async def test_half_a_database_is_made_again(tmp_path: Path) -> None:
    """A kill during the first start leaves a folder that was never used; the next start begins anew."""
    (tmp_path / "postgres.new").mkdir(parents=True)
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    async with open_stores(tmp_path, want_valkey=False) as urls:
        assert await answers(urls)
    assert not (tmp_path / "postgres.new").exists()


def main_processes(folder: Path) -> list[int]:
    """The servers themselves, without the children of the postmaster: our own children."""
    return [pid for pid in processes_in(folder) if parent(pid) == os.getpid()]


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def answers(urls: StoreUrls) -> bool:
    try:
        connection = await asyncpg.connect(urls.database_url)
    except asyncpg.CannotConnectNowError as error:
        raise ConnectionError(str(error)) from error
    await connection.close()
    return True


async def reads(urls: StoreUrls) -> bool:
    try:
        return bool(await read(words(urls)))
    except Exception as error:  # each client has its own words for "not yet"
        raise ConnectionError(str(error)) from error
