"""Programs of a rehearsal and their ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.processes import ProgramFailed, Stage
from tests.waiting import eventually_sync

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(60)",
]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_all_are_gone_after_the_stage(tmp_path: Path) -> None:
    """Whatever ended the stage, its programs ended with it."""
    pids: list[int] = []

    def interrupted() -> None:
        with Stage(tmp_path) as stage:
            pids.extend(stage.start(f"sleeper-{n}", SLEEPER).popen.pid for n in range(2))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert len(pids) == 2
    assert [pid for pid in pids if alive(pid)] == []


def test_a_stubborn_program_is_killed(tmp_path: Path) -> None:
    """One that ignores SIGTERM gets SIGKILL when its time is up."""
    with Stage(tmp_path) as stage:
        program = stage.start("stubborn", STUBBORN)
        stage.wait_until(lambda: "up" in program.log.read_text(), program, 10)
        program.stop(timeout_seconds=0.2)

        assert program.popen.returncode == -signal.SIGKILL


def test_a_program_that_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    """The error holds the end of the log, so that nobody has to look for it."""
    with Stage(tmp_path) as stage:
        program = stage.start("poet", [sys.executable, "-c", "raise SystemExit('no such port')"])
        with pytest.raises(ProgramFailed, match="no such port"):
            stage.wait_until(lambda: False, program, 10)


def test_an_interrupt_that_python_drops_is_not_lost(tmp_path: Path) -> None:
    """Python ignores what is raised in a destructor; the next look at the stage raises it again."""
    with Stage(tmp_path) as stage:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            stage.heed()


def test_children_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """kill -9 of the one who started them ends them as well."""
    script = (
        "import sys, time; from pathlib import Path; from loadtests.processes import Stage\n"
        f"stage = Stage(Path({str(tmp_path)!r})).__enter__()\n"
        f"print(stage.start('sleeper', {SLEEPER!r}).popen.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()

    eventually_sync(lambda: not alive(child))
