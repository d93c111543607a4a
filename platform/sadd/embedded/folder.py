"""The data folder: one instance at a time, and a short enough place for its sockets.

lock                  held by the instance that uses the folder
valkey/  postgres/    what the servers keep
valkey.lock  …        held by the processes of that server, from the first to the last
logs/                 what the servers print
run/                  sockets; everything in here may be deleted while nothing runs
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

SOCKET_PATH_MAX_BYTES = 100  # the kernel takes 107; the longest name in the folder is ".s.PGSQL.5432"
LOCK_POLL_SECONDS = 0.02


class FolderUnusable(Exception):
    """The data folder can be neither used nor made; the message says which and why."""


class FolderInUse(FolderUnusable):
    """Another instance works on the data folder."""


class Folder:
    """A data folder that is ours, by `hold_folder`."""

    def __init__(self, path: Path, sockets: Path) -> None:
        self.path = path
        self.sockets = sockets
        self.logs = path / "logs"
        self.logs.mkdir(mode=0o700, exist_ok=True)

    @asynccontextmanager
    async def server_lock(self, name: str, timeout_seconds: float) -> AsyncIterator[int]:
        """A descriptor for the server to inherit: it stays locked until the last process of it has ended.

        Getting it therefore means that nothing of an earlier life is at work on the server's folder: no
        orphan of a parent that was killed, no backend of a postmaster that was. TimeoutError if one stays.
        """
        descriptor = os.open(self.path / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            async with asyncio.timeout(timeout_seconds):
                while not _try_lock(descriptor):  # noqa: ASYNC110  the kernel tells nobody
                    await asyncio.sleep(LOCK_POLL_SECONDS)
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def hold_folder(path: Path) -> Iterator[Folder]:
    """Take the folder, made if need be, until the end of the block. Raises `FolderUnusable`."""
    path = path.absolute()
    descriptor = _open_lock(path)
    try:
        if not _try_lock(descriptor):
            raise FolderInUse(f"the data folder {path} is in use by process {_owner(descriptor)}")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        with _sockets(path / "run") as sockets:
            yield Folder(path, sockets)
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FolderUnusable(f"the data folder {path} cannot be used: {error.strerror}") from error


@contextmanager
def _sockets(run: Path) -> Iterator[Path]:
    """A new folder for sockets; under /tmp when the data folder lies too deep for the kernel."""
    run.mkdir(mode=0o700, exist_ok=True)
    note = run / "sockets.path"  # where they were put, for the next start to clear after a kill
    _clear(run, note)
    sockets = run / "sockets"
    if len(os.fsencode(sockets / ".s.PGSQL.5432")) <= SOCKET_PATH_MAX_BYTES:
        sockets.mkdir(mode=0o700)
    else:
        sockets = Path(tempfile.mkdtemp(prefix="sadd-", dir="/tmp"))  # made 0700
        note.write_text(str(sockets), encoding="utf-8")
    try:
        yield sockets
    finally:
        _clear(run, note)


def _clear(run: Path, note: Path) -> None:
    shutil.rmtree(run / "sockets", ignore_errors=True)
    if note.exists():
        elsewhere = Path(note.read_text(encoding="utf-8"))
        if elsewhere.name.startswith("sadd-") and elsewhere.parent == Path("/tmp"):  # noqa: S108
            shutil.rmtree(elsewhere, ignore_errors=True)
        note.unlink()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(descriptor: int) -> str:
    return os.pread(descriptor, 20, 0).decode(errors="replace") or "unknown"
