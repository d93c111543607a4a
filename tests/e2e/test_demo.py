"""The demo as a stranger runs it, shorter."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from tests.e2e.platform import SERVICE
from tests.waiting import eventually_sync

ROOT = Path(__file__).parents[2]
JUDGED = ("--seconds", "3")
QUICK = ("--seconds", "2", "--scale", "0.5")
IN_LINE = 500


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
    with browser.open(url, timeout=30) as page:
        assert "أُعلنت نتائج" in page.read().decode()
    form = urlencode({"candidate": "271828"}).encode()
    with browser.open(f"{url}sign-in", form, timeout=30) as page:
        assert page.url.endswith("/results/271828")
        assert "271828" in page.read().decode()
    with pytest.raises(HTTPError, match="401"):
        browser.open(f"{url}results/314159", timeout=30)


def interrupt_at(phase: str, folder: Path, started: "subprocess.Popen[str]") -> None:
    """Ctrl-C as soon as the demo says that."""
    ends(phase, folder, started)
    started.send_signal(signal.SIGINT)


@pytest.mark.timeout(300)
def test_the_demo_ends_well_whatever_the_one_before_left(tmp_path: Path) -> None:
    """The report shows bare against protected, the portal stays up for a look, Ctrl-C ends it all with 0.

    Also where an earlier run was interrupted with more people in its line than the room calls at once: none
    of them must be waited for.
    """
    with demo(tmp_path, *QUICK) as started:
        ends("Bare:", tmp_path, started)
        join(tmp_path, IN_LINE)
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=60) == 130, said(tmp_path)
    assert left_behind(tmp_path) == []

    with demo(tmp_path, *JUDGED) as started:
        ends("Ctrl-C ends it all.", tmp_path, started)
        visit_portal(re.findall(r"portal +(http\S+)", said(tmp_path))[-1])
        started.send_signal(signal.SIGINT)
        code = started.wait(timeout=60)
    assert code == 0, said(tmp_path)
    assert left_behind(tmp_path) == []

    verdict = json.loads((tmp_path / "out" / "verdict.json").read_text(encoding="utf-8"))
    bare, protected = verdict["runs"]
    assert verdict["met"] is True
    assert bare["met"] is False
    assert protected["origin"]["over_capacity"] == 0
    assert "protected" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def join(folder: Path, people: int) -> None:
    """So many take a place in the room of the demo that runs; the last of them waits in a line."""
    (url,) = re.findall(r"The platform is up at (http\S+)", said(folder))
    key = (folder / "out" / "logs" / "portal.key").read_text()
    connection = HTTPConnection(urlsplit(url).netloc, timeout=20)
    with closing(connection):
        for _ in range(people):
            connection.request(
                "POST", f"/v1/queues/{SERVICE}/tickets", headers={"Authorization": f"Bearer {key}"}
            )
            answer = connection.getresponse()
            place = json.loads(answer.read())
            assert answer.status == 200, place
    assert place["state"] == "waiting"


@pytest.mark.parametrize("phase", ["citizens in", "The platform is up"])
def test_an_interrupt_in_any_phase_leaves_nothing(tmp_path: Path, phase: str) -> None:
    """Ctrl-C, whatever it was doing: no process is left, and the code is that of an interrupt."""
    with demo(tmp_path, *QUICK) as started:
        interrupt_at(phase, tmp_path, started)
        code = started.wait(timeout=60)

    assert code == 130, said(tmp_path)
    assert left_behind(tmp_path) == []
