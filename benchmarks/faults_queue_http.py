"""HTTP/1.1 in a few lines, for a crowd that loses its server now and then: keep-alive, deadlines, ways."""

import asyncio
import random
from contextlib import suppress
from typing import Any

import msgspec

DEADLINE_S = 3.0
CONNECT_S = 1.0
IDLE_MAX = 64
BODY_BYTES_MAX = 65_536
AWAY = 0
"""In place of a status: nobody answered in time."""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Ways:
    """Addresses of one platform. Who gets no answer by one tries another at the next question."""

    def __init__(self, addresses: list[tuple[str, int]]) -> None:
        self._addresses = [(host, port) for host, port in addresses]
        self._idle: dict[tuple[str, int], list[Stream]] = {address: [] for address in self._addresses}
        self._shunned: dict[tuple[str, int], float] = {}

    async def ask(self, method: str, path: str, ticket: str = "") -> tuple[int, Any]:
        """Status and JSON; AWAY and nothing."""
        address = self._chosen()
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await self._exchange(address, _request(method, path, ticket))
        except (OSError, TimeoutError, EOFError, ValueError, msgspec.DecodeError):
            self._shunned[address] = asyncio.get_running_loop().time() + 1.0
            return AWAY, {}

    def _chosen(self) -> tuple[str, int]:
        now_s = asyncio.get_running_loop().time()
        good = [address for address in self._addresses if self._shunned.get(address, 0.0) < now_s]
        return random.choice(good or self._addresses)

    async def _exchange(self, address: tuple[str, int], request: bytes) -> tuple[int, Any]:
        kept = self._idle[address]
        reader, writer = kept.pop() if kept else await self._connected(address)
        good = False
        try:
            writer.write(request)
            status, body, stays = await _answer(reader)
            good = stays
        finally:
            if good and len(kept) < IDLE_MAX:
                kept.append((reader, writer))
            else:
                writer.close()
        return status, msgspec.json.decode(body) if body else {}

    async def _connected(self, address: tuple[str, int]) -> Stream:
        async with asyncio.timeout(CONNECT_S):
            return await asyncio.open_connection(*address)


def _request(method: str, path: str, ticket: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: crowd"]
    if ticket:
        lines.append(f"Sadd-Ticket: {ticket}")
    if method == "POST":
        lines.append("Content-Length: 0")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    """Status, body, and whether the connection goes on. EOFError, ValueError: it was cut or is no answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(":", 1) for line in head[1:] if ":" in line)
    length = int(fields.get("content-length", "0"))
    if not 0 <= length <= BODY_BYTES_MAX:
        raise ValueError(f"{length} bytes")
    body = await reader.readexactly(length)
    stays = "close" not in fields.get("connection", "")
    with suppress(IndexError):
        return int(head[0].split(" ")[1]), body, stays
    raise ValueError("no status")
