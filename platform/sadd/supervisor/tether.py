"""Become another program that dies with its parent; an exec shim, run by its path and never imported.

    python -I -S tether.py PARENT_PID SIGNAL USER FOLDER PROGRAM [ARGUMENT ...]

The kernel sends SIGNAL when the thread that started us ends, be it by kill -9. USER is empty, or the name of
the user to become: PostgreSQL refuses to run as root. FOLDER is where to run, which that user must reach.
Standard library only: it runs before anything is set up.
"""

import ctypes
import os
import pwd
import signal
import struct
import sys

PR_SET_PDEATHSIG, PR_SET_SECUREBITS, PR_CAP_AMBIENT = 1, 28, 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def main(parent_pid: int, death_signal: int, user: str, folder: str, argv: list[str]) -> None:
    if user:
        become(user)
    os.chdir(folder)
    # After the change of user: that clears it.
    prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent_pid:
        sys.exit("the parent went away before the program was started")
    os.execv(argv[0], argv)  # noqa: S606  no shell is wanted


def become(user: str) -> None:
    """Give up root for `user`, but keep the right to walk through folders that only root may enter.

    The data folder or the virtual environment may lie under a 0700 home. Opening that home to everybody is
    not ours to do, so two capabilities go along, through exec, in the ambient set. access(2) heeds them only
    while the kernel's set-uid fix-up is off. Where the kernel grants neither, we go on as the plain user.
    """
    entry = pwd.getpwnam(user)
    wanted = [bit for bit in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH) if permitted() >> bit & 1]
    try:
        prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    except OSError:
        wanted = []
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    capset(sum(1 << bit for bit in wanted))
    try:
        for bit in wanted:
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit)
    except OSError:
        capset(0)


def permitted() -> int:
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123  pathlib costs 10 ms here
        return next(int(line.split()[1], 16) for line in status if line.startswith("CapPrm"))


def capset(bits: int) -> None:
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    check(libc.capset(header, struct.pack("=6I", low, low, low, high, high, high)))


def prctl(option: int, *arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    check(libc.prctl(option, *(ctypes.c_ulong(argument) for argument in padded)))


def check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    main(int(sys.argv[1]), signal.Signals(int(sys.argv[2])), sys.argv[3], sys.argv[4], sys.argv[5:])
