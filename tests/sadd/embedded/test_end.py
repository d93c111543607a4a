"""However the parent ends, nothing of it stays and the next start works."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from tests.sadd.embedded.holder import Holder, holding, processes_in, read, write
from tests.waiting import eventually


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_kill_9_of_the_parent_leaves_no_orphan(tmp_path: Path, loop: str) -> None:
    """The servers go with it; a start right afterwards waits for them and has all that was written."""
    with holding(tmp_path, loop) as first:
        await write(first.urls(), "kept")
        first.process.kill()
        # Not by `holding`, which waits for them.
        second = Holder(tmp_path, (), sys.executable, None, None)
        assert await read(second.urls()) == ("kept", "kept")
        second.process.kill()
        second.process.communicate()
    await eventually(lambda: processes_in(tmp_path) == [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_all_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """Exit code 0, no process, no socket."""
    with holding(tmp_path) as holder:
        holder.urls()
        holder.process.send_signal(number)
        assert holder.last_words()[0] == 0
    assert processes_in(tmp_path) == []
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("after_seconds", [0, 0.1, 0.2, 0.4, 0.6])
async def test_ctrl_c_at_any_moment_of_the_first_start(tmp_path: Path, after_seconds: float) -> None:
    """Whatever had begun is gone, and the folder can be used."""
    with holding(tmp_path) as holder:
        await eventually(lambda: (tmp_path / "lock").exists())
        await asyncio.sleep(after_seconds)  # the moment is the input here, nothing is waited for
        holder.process.send_signal(signal.SIGINT)
        assert holder.last_words()[0] == 0
    await eventually(lambda: processes_in(tmp_path) == [])
    with holding(tmp_path) as again:
        await write(again.urls(), "works")


async def test_kill_9_during_the_first_start(tmp_path: Path) -> None:
    """A database that was half made when the parent was killed is made anew."""
    with holding(tmp_path) as holder:
        await eventually(lambda: (tmp_path / "postgres.new").exists())
        holder.process.kill()
    with holding(tmp_path) as again:
        await write(again.urls(), "works")
