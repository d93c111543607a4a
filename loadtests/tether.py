"""Become another program that dies with its parent; an exec shim, run by its path and never imported.

    python -I -S tether.py PARENT_PID PROGRAM [ARGUMENT ...]

The kernel sends SIGTERM when the thread that started us ends, be it by kill -9. A shim rather than a
function between fork and exec: the parent may have threads, and its own fork would swallow a Ctrl-C that
comes in that moment.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, argv: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent went away before the program was started")
    os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
