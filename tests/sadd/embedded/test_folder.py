"""The data folder: one user at a time, locks that outlive a crash no longer than the processes do."""

import os
from pathlib import Path

import pytest

from sadd.embedded.folder import Folder, FolderInUse, FolderUnusable, hold_folder


def test_a_folder_is_free_again_after_the_block(tmp_path: Path) -> None:
    """The lock is the kernel's; the file that stays behind locks nobody out."""
    with hold_folder(tmp_path), pytest.raises(FolderInUse), hold_folder(tmp_path):
        pass
    assert (tmp_path / "lock").exists()
    with hold_folder(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """One line with the path and the system's reason."""
    (tmp_path / "file").touch()
    message = rf"^the data folder {tmp_path}/file/data cannot be used: Not a directory$"
    with pytest.raises(FolderUnusable, match=message), hold_folder(tmp_path / "file" / "data"):
        pass


def test_sockets_left_by_a_killed_run_are_cleared(tmp_path: Path) -> None:
    """Also those that had to go elsewhere; files of others in run/ stay."""
    deep = tmp_path / ("d" * 120)
    with hold_folder(deep) as folder:
        elsewhere = folder.sockets
        (elsewhere / "valkey.sock").touch()
        note = (deep / "run" / "sockets.path").read_text()
    assert not elsewhere.exists()
    elsewhere.mkdir()  # as after a kill
    (deep / "run" / "sockets.path").write_text(note)
    (deep / "run" / "metrics").mkdir()
    with hold_folder(deep):
        assert not elsewhere.exists()
        assert (deep / "run" / "metrics").exists()


async def test_a_server_s_lock_waits_for_the_last_process(tmp_path: Path) -> None:
    """Whoever inherited the descriptor holds the lock; a time-out says that it does not go."""
    with hold_folder(tmp_path) as folder:
        async with folder.server_lock("valkey", 1) as descriptor:
            inherited = os.dup(descriptor)
        assert not await free(folder)
        os.close(inherited)
        assert await free(folder)


async def free(folder: Folder) -> bool:
    try:
        async with folder.server_lock("valkey", 0.05):
            return True
    except TimeoutError:
        return False
