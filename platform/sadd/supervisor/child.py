"""A process of ours: it dies with us, and stopping it always ends."""

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import structlog

log = structlog.get_logger("sadd.supervisor")

TETHER = str(Path(__file__).with_name("tether.py"))
Stream = int | IO[bytes] | None


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `death_signal` comes from the kernel when we are gone, `stop_signal` from us."""

    name: str
    argv: tuple[str, ...]
    death_signal: signal.Signals = signal.SIGKILL
    stop_signal: signal.Signals = signal.SIGTERM
    user: str = ""  # another user than ourselves, when we are root
    folder: str = "."  # to run in


class Child:
    """A running `Program`."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process) -> None:
        self.program = program
        self.pid = process.pid
        self._process = process

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """Its exit code; negative is the signal that ended it."""
        return await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it is still there."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def stop(self, timeout_seconds: float) -> None:
        """Ask it to end, then kill it. If we are cancelled while waiting it is killed at once."""
        self.send(self.program.stop_signal)
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.wait()
        except TimeoutError:
            log.warning("did not stop in time, killed", program=self.program.name, pid=self.pid)
        finally:
            self.send(signal.SIGKILL)
            await self.wait()


async def spawn(
    program: Program,
    *,
    stdin: Stream = asyncio.subprocess.DEVNULL,
    stdout: Stream = None,
    stderr: Stream = None,
    keep_fds: tuple[int, ...] = (),
) -> Child:
    """Start it, tied to the thread that calls: that thread must live as long as the program shall.

    In a session of its own, so that Ctrl-C in a terminal reaches us alone and we say what ends when.
    Streams are never pipes of asyncio: a grandchild that keeps one open would hold up `Child.wait`.
    """
    process = await asyncio.create_subprocess_exec(
        *tethered(program),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=keep_fds,
        start_new_session=True,
    )
    return Child(program, process)


def tethered(program: Program) -> list[str]:
    """The whole command: the shim that ties the program to this process, and the program."""
    shim = [sys.executable, "-I", "-S", TETHER, str(os.getpid()), str(int(program.death_signal))]
    return [*shim, program.user, program.folder, *program.argv]
