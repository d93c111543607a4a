"""The demo as a stranger runs it, shorter."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from tests.waiting import eventually_sync

ROOT = Path(__file__).parents[2]
JUDGED = ("--exit", "--seconds", "5")
QUICK = ("--seconds", "2", "--scale", "0.5")
LEFT_IN_LINE = ("--seconds", "6", "--scale", "40")


@contextmanager
def demo(folder: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """``sadd demo`` in a session of its own, its data and reports under ``folder``."""
    command = [sys.executable, "-m", "sadd", "demo", "--data-dir", str(folder / "data")]
    with (folder / "demo.txt").open("a") as output:
        started = subprocess.Popen(
            [*command, "--server-workers", "2", "--out", str(folder / "out"), *words],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def said(folder: Path) -> str:
    return (folder / "demo.txt").read_text(encoding="utf-8", errors="replace")


def left_behind(folder: Path) -> list[str]:
    """Command lines of processes that name the folder: all that the demo starts do, or descend from one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(folder) in line:
                found.append(line)
    return found


def ends(phase: str, folder: Path, started: "subprocess.Popen[str]") -> None:
    """The demo says that, or is over."""
    eventually_sync(lambda: phase in said(folder) or started.poll() is not None, deadline_seconds=100)


def visit_portal(url: str) -> None:
    """A person with a browser sees the announcement, signs in, and is shown the result, all in Arabic."""
    browser = build_opener(HTTPCookieProcessor())
    with browser.open(url, timeout=10) as page:
        assert "أُعلنت نتائج" in page.read().decode()
    form = urlencode({"candidate": "271828"}).encode()
    with browser.open(f"{url}sign-in", form, timeout=10) as page:
        assert page.url.endswith("/results/271828")
        assert "271828" in page.read().decode()
    with pytest.raises(HTTPError, match="401"):
        browser.open(f"{url}results/314159", timeout=10)


def interrupt_at(phase: str, folder: Path, started: "subprocess.Popen[str]") -> None:
    """Ctrl-C as soon as the demo says that."""
    ends(phase, folder, started)
    started.send_signal(signal.SIGINT)


@pytest.mark.timeout(300)
def test_the_demo_ends_well_whatever_the_one_before_left(tmp_path: Path) -> None:
    """It exits 0 and the report shows bare against protected, also where an earlier run was interrupted.

    That run had more people in line than the room calls at once: none of them must be waited for.
    """
    with demo(tmp_path, *LEFT_IN_LINE) as started:
        ends("Protected:", tmp_path, started)
        eventually_sync(lambda: in_line(tmp_path) > 400 or started.poll() is not None, deadline_seconds=60)
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=30) == 130, said(tmp_path)
    assert left_behind(tmp_path) == []

    with demo(tmp_path, *JUDGED) as started:
        code = started.wait(timeout=120)
    assert code == 0, said(tmp_path)
    assert left_behind(tmp_path) == []

    verdict = json.loads((tmp_path / "out" / "verdict.json").read_text(encoding="utf-8"))
    bare, protected = verdict["runs"]
    assert verdict["met"] is True
    assert bare["met"] is False
    assert protected["origin"]["over_capacity"] == 0
    assert "protected" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")

    with demo(tmp_path, *QUICK) as started:
        ends(phase := "Ctrl-C ends it all.", tmp_path, started)
        visit_portal(re.findall(r"portal +(http\S+)", said(tmp_path))[-1])
        interrupt_at(phase, tmp_path, started)
        assert started.wait(timeout=30) in (0, 1), said(tmp_path)  # half a crowd is served by anyone
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("phase", ["citizens in", "The platform is up", "Bare:"])
def test_an_interrupt_in_any_phase_leaves_nothing(tmp_path: Path, phase: str) -> None:
    """Ctrl-C, whatever it was doing: no process is left, and the code is that of an interrupt."""
    with demo(tmp_path, *QUICK) as started:
        interrupt_at(phase, tmp_path, started)
        code = started.wait(timeout=30)

    assert code == 130, said(tmp_path)
    assert left_behind(tmp_path) == []


def in_line(folder: Path) -> int:
    """How many the protected run last said to be waiting."""
    told = re.findall(r"in line (\d+)", said(folder).partition("Protected:")[2].replace("\n", " "))
    return int(told[-1]) if told else 0
