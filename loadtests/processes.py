"""The programs of a rehearsal: each in its own session with its own log, and none outlives us.

They are stopped in the reverse order of their start. Should this process be killed without a word, the
kernel passes the news on (``tether.py``).
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

STOP_TIMEOUT_SECONDS = 10.0
LAST_LINES = 15
TETHER = str(Path(__file__).with_name("tether.py"))
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ProgramFailed(Exception):
    """A program ended, or was not ready in time. The text holds the last lines of its log."""


class Program:
    """One running child."""

    def __init__(self, name: str, argv: Sequence[str], log: Path) -> None:
        self.name = name
        self.argv = tuple(argv)
        self.log = log
        tether = [sys.executable, "-I", "-S", TETHER, str(os.getpid())]
        with log.open("ab") as file:
            self.popen = subprocess.Popen(
                [*tether, *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone; we decide who stops when
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


class Stage:
    """Starts programs and stops them all at its end, whatever the end was.

    While it is open, Ctrl-C, SIGTERM and a closed terminal raise KeyboardInterrupt, and ``heed`` raises it
    again: Python drops one that comes at a bad moment, in a destructor say.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._programs: list[Program] = []
        self._handlers: dict[signal.Signals, Any] = {}
        self._told_to_end = False
        self._starting = False

    def __enter__(self) -> "Stage":
        self.logs.mkdir(parents=True, exist_ok=True)
        self._handlers = {number: signal.signal(number, self._end) for number in ENDINGS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in ENDINGS:  # a second Ctrl-C must not leave half of them behind
            signal.signal(number, signal.SIG_IGN)
        while self._programs:
            self._programs.pop().stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def start(self, name: str, argv: Sequence[str]) -> Program:
        self._starting = True  # an interrupt between the start and its note would lose the program
        try:
            program = Program(name, argv, self.logs / f"{name}.log")
            self._programs.append(program)
        finally:
            self._starting = False
        if self._told_to_end:
            raise KeyboardInterrupt
        return program

    def stop(self, program: Program) -> None:
        program.stop()
        self._programs.remove(program)

    def heed(self) -> None:
        """KeyboardInterrupt if we were told to end, ProgramFailed if one that should run has ended."""
        if self._told_to_end:
            raise KeyboardInterrupt
        for program in self._programs:
            if not program.running:
                raise program.failed(f"ended with code {program.popen.returncode}")

    def wait_until(self, ready: Callable[[], bool], program: Program, timeout_seconds: float) -> None:
        """Polls ``ready``. ProgramFailed when a program ends, or this one is not ready in time."""
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            self.heed()
            if time.monotonic() > deadline:
                raise program.failed(f"was not ready after {timeout_seconds:g} s")
            time.sleep(0.1)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_end = True
        if not self._starting:
            raise KeyboardInterrupt


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def listens(host: str, port: int, timeout_seconds: float = 5.0) -> bool:
    """Whether a TCP connection is accepted there."""
    try:
        socket.create_connection((host, port), timeout_seconds).close()
    except OSError:
        return False
    return True


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
