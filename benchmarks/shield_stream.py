"""A large answer through the shield, and by how much the shield grows. Two processes beside this one.

python -m benchmarks.shield_stream [MIB]
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.peers.own_shield import HOST
from benchmarks.servers import Server, free_ports

PIECE = b"x" * 262_144
GROWTH_BYTES_MAX = 16 * 1024 * 1024
START_SECONDS = 30.0


async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As many bytes as the path says."""
    line = await reader.readuntil(b"\r\n\r\n")
    length = int(line.split(b" ")[1].rpartition(b"/")[2])
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % length)
    for _ in range(length // len(PIECE)):
        writer.write(PIECE)
        await writer.drain()
    writer.close()


async def taken(port: int, length: int, process: psutil.Process) -> tuple[int, int]:
    """Read all of it; bytes that came, and the most that the process grew by."""
    reader, writer = await _connected(port)
    writer.write(f"GET /large/{length} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    before = most = process.memory_info().rss
    got = 0
    while got < length:
        piece = await reader.read(1_048_576)
        if not piece:
            break
        got += len(piece)
        most = max(most, process.memory_info().rss)
    writer.close()
    return got, most - before


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port, limit=1_048_576)
        except OSError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


async def streamed(length: int, store: Server, port: int) -> int:
    """Exit code."""
    origin = await asyncio.start_server(say, "127.0.0.1", 0)
    origin_port = origin.sockets[0].getsockname()[1]
    words = ("-m", "benchmarks.peers.own_shield", str(port), str(store.port), str(origin_port))
    shield = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=subprocess.DEVNULL)
    try:
        began = time.monotonic()
        got, growth = await taken(port, length, psutil.Process(shield.pid))
        seconds = time.monotonic() - began
    finally:
        shield.terminate()
        await shield.wait()
        origin.close()
    good = got == length and growth <= GROWTH_BYTES_MAX
    word = "as it should be" if good else "TOO MUCH, OR TOO LITTLE CAME"
    told = f"{got:,} of {length:,} bytes in {seconds:.1f} s; the shield grew by {growth / 1048576:.1f} MiB"
    print(f"{told} (at most {GROWTH_BYTES_MAX >> 20}): {word}")
    return 0 if good else 1


def main() -> int:
    mebibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 2048
    port, store_port = free_ports(2)
    with tempfile.TemporaryDirectory() as folder:
        store = Server(Path(folder), store_port).start()
        try:
            return asyncio.run(streamed(mebibytes << 20, store, port))
        finally:
            store.kill()


if __name__ == "__main__":
    sys.exit(main())
