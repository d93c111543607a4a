"""Servers in processes of their own."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks.peers.process import Running, StartFailed, cpu_seconds, descendants, started
from benchmarks.servers import free_ports

LISTEN = """
import socket
listener = socket.create_server(("127.0.0.1", {port}))
sum(range(3 * 10**6))
while True:
    listener.accept()
"""


def test_a_server_is_there_while_the_block_lasts(tmp_path: Path) -> None:
    """It is a child of ours with the words that started it, it has used the processor, and it ends."""
    port = free_ports(1)[0]
    words = (sys.executable, "-c", LISTEN.format(port=port))
    with Running(words, port, tmp_path / "log", {"COLOUR": "green"}) as running:
        assert "create_server" in descendants(os.getpid())[running.pid]
        assert b"COLOUR=green" in Path(f"/proc/{running.pid}/environ").read_bytes()
        assert cpu_seconds([running.pid]) > 0
        pid = running.pid
    assert not Path(f"/proc/{pid}").exists()


def test_one_that_ends_at_once_is_told_with_its_last_line(tmp_path: Path) -> None:
    """Not a time-out of half a minute."""
    words = (sys.executable, "-c", "raise SystemExit('no such thing')")
    with pytest.raises(StartFailed, match="no such thing"):
        Running(words, free_ports(1)[0], tmp_path / "log").start()


def test_a_start_is_tried_again_with_another_port() -> None:
    """Twice it fails, the third time it works; a fourth time is not tried."""
    attempts: list[int] = []

    def start(attempt: int) -> str:
        attempts.append(attempt)
        if attempt < 2:
            raise StartFailed("the port is taken")
        return "up"

    assert started(start) == "up"
    assert attempts == [0, 1, 2]
