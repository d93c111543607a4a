"""A worker as small as can be: shares the port, says ready, answers with its pid, drains on SIGTERM.

Its orders say how it misbehaves:
``{"port": n, "crash": "start" | "after_ready", "silent": true, "deaf": true}``.
"""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path


def main() -> None:
    orders = json.load(sys.stdin)
    if orders.get("crash") == "start":
        sys.exit(3)
    if orders.get("silent"):
        time.sleep(600)
    heard: list[int] = []

    def hear(number: int, _frame: object) -> None:
        heard.append(number)
        write(orders.get("note"), f"asked {os.getpid()}")

    signal.signal(signal.SIGTERM, hear)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", orders["port"]))
        listener.listen()
        listener.settimeout(0.02)
        sys.stdout.write("a line that should have been logged\nready\n")
        sys.stdout.flush()
        if orders.get("crash") == "after_ready":
            sys.exit(4)
        while not heard or orders.get("deaf"):
            answer(listener, str(os.getpid()))
    write(orders.get("note"), f"drained {os.getpid()}")


def write(path: str | None, line: str) -> None:
    if path:
        with Path(path).open("a") as note:
            note.write(line + "\n")


def answer(listener: socket.socket, text: str) -> None:
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        return
    with connection:
        connection.sendall(text.encode())


if __name__ == "__main__":
    main()
