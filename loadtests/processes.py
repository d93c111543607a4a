"""The programs of a rehearsal: each in its own session with its own log, and none outlives us.

They are stopped in the reverse order of their start. Should this process be killed without a word, the
kernel passes the news on: each child has asked for a signal at its parent's death.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

PR_SET_PDEATHSIG = 1
STOP_TIMEOUT_SECONDS = 10.0
LAST_LINES = 15

_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


class ProgramFailed(Exception):
    """A program ended, or was not ready in time. The text holds the last lines of its log."""


class Program:
    """One running child."""

    def __init__(self, name: str, argv: Sequence[str], log: Path) -> None:
        self.name = name
        self.argv = tuple(argv)
        self.log = log
        parent = os.getpid()
        with log.open("ab") as file:
            self.popen = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone; we decide who stops when
                preexec_fn=lambda: _die_with(parent),
            )

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def stop(self, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
        """Asks it to end, waits, then kills it with all that share its session."""
        if self.running:
            self.popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(timeout_seconds)
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def failed(self, what: str) -> ProgramFailed:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        return ProgramFailed("\n".join([f"{self.name} {what}; the end of {self.log}:", *lines]))


def _die_with(parent: int) -> None:
    """In the child before exec: SIGTERM when the thread that started us ends."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


class Stage:
    """Starts programs and stops them all at its end, whatever the end was."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._programs: list[Program] = []

    def __enter__(self) -> "Stage":
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            while self._programs:
                self._programs.pop().stop()

    def start(self, name: str, argv: Sequence[str]) -> Program:
        program = Program(name, argv, self.logs / f"{name}.log")
        self._programs.append(program)
        return program

    def stop(self, program: Program) -> None:
        program.stop()
        self._programs.remove(program)

    def check(self) -> None:
        """ProgramFailed if one that should run has ended."""
        for program in self._programs:
            if not program.running:
                raise program.failed(f"ended with code {program.popen.returncode}")


@contextmanager
def undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not leave half of the programs behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(ready: Callable[[], bool], program: Program, timeout_seconds: float) -> None:
    """Polls ``ready``; ProgramFailed when the program ends first or the time is up."""
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if not program.running:
            raise program.failed(f"ended with code {program.popen.returncode}")
        if time.monotonic() > deadline:
            raise program.failed(f"was not ready after {timeout_seconds:g} s")
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        return fetch(url) is not None
    except OSError:
        return False


def fetch(url: str, timeout_seconds: float = 5.0) -> bytes:
    """The body of a 200. OSError (HTTPError, URLError) for everything else."""
    with urllib.request.urlopen(url, timeout=timeout_seconds) as response:  # noqa: S310 - our own http URLs
        return bytes(response.read())
