"""A module of ours in a process of its own, which says in its first line that it has begun."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def program(*words: str, obeys: bool = False) -> Iterator["subprocess.Popen[str]"]:
    """A module of ours, killed at the end; ``obeys``: it reads words from us."""
    command, source = [sys.executable, "-m", *words], subprocess.PIPE if obeys else subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as started:
        try:
            yield started
        finally:
            started.send_signal(signal.SIGCONT)
            started.kill()


def first_line(started: "subprocess.Popen[str]") -> str:
    assert started.stdout is not None
    line = started.stdout.readline().strip()
    if not line:
        raise RuntimeError(f"{started.args!r} did not start")
    return line
