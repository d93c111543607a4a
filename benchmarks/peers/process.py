"""A server of ours or another's in a process of its own, and the processor time that it used."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from sadd.supervisor.child import Program, tethered

T = TypeVar("T")

ATTEMPTS_MAX = 3
START_SECONDS = 30.0
STOP_SECONDS = 15.0
TICKS = os.sysconf("SC_CLK_TCK")


class StartFailed(Exception):
    """It ended, or did not listen in time. Its text holds its last line."""


@dataclass(slots=True)
class Running:
    """A started process. ``env`` is added to ours; what it says is kept in ``log``."""

    words: Sequence[str]
    port: int
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "Running":
        """Until it listens on its port. From the main thread only: it ends with the thread."""
        named = ("/usr/bin/env", *(f"{name}={value}" for name, value in self.env.items()), *self.words)
        program = Program(self.words[0], named, folder=str(self.folder or "."))
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(tethered(program), stdout=out, stderr=out)
        until = time.monotonic() + START_SECONDS
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise StartFailed(f"{self.words[0]} does not listen: {self._last_line()}")
            time.sleep(0.02)
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    def __enter__(self) -> "Running":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def started(start: Callable[[int], T]) -> T:
    """``start`` with the number of the attempt: a port that was free a moment ago may be taken by now."""
    for attempt in range(ATTEMPTS_MAX - 1):
        with suppress(StartFailed):
            return start(attempt)
    return start(ATTEMPTS_MAX - 1)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of these processes and of their ended children, to 10 ms."""
    return sum(_ticks(pid) for pid in pids) / TICKS


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0
    return sum(int(one) for one in fields[11:15])


def descendants(pid: int) -> dict[int, str]:
    """Processes below ``pid``, with the words that started each."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found, row = set[int](), {pid}
    while row := {child for child, parent in parents.items() if parent in row} - found:
        found |= row
    return {child: _words(child) for child in found}


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
