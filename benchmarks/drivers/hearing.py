"""How soon streams of Server-Sent Events tell what was done: many streams, one deed after the other."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

STREAMS = 24
"""Connections fall to workers by chance: that none of four is missed by 24 has a chance of 0.996."""
PAUSE_SECONDS = 0.05
HEARD_SECONDS = 10.0
"""What was not heard in this time counts as this long."""

Named = Callable[[dict[str, Any]], str]
"""Which deed an event's data tells of; empty for none."""


async def hear(
    port: int, head: bytes, deed: Callable[[int], str], named: Named, count: int, streams: int = STREAMS
) -> list[float]:
    """Milliseconds from the end of each deed, which names itself, until each stream told of it.

    ``deed`` runs in a thread. Raises ValueError when a stream is refused.
    """
    listening = [await _open(port, head) for _ in range(streams)]
    following = [asyncio.create_task(one.follow(named)) for one in listening]
    done: dict[str, float] = {}
    try:
        for number in range(count):
            name = await asyncio.to_thread(deed, number)
            done[name] = time.perf_counter()
            await asyncio.sleep(PAUSE_SECONDS)
        await _all_told(listening, set(done))
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        for one in listening:
            one.writer.close()
    return [
        max(0.0, one.told[name] - at) * 1e3 if name in one.told else HEARD_SECONDS * 1e3
        for one in listening
        for name, at in done.items()
    ]


@dataclass(slots=True)
class _Stream:
    """``writer`` is held for the connection's sake: it closes with it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    told: dict[str, float]

    async def follow(self, named: Named) -> None:
        async for line in self.reader:
            if line.startswith(b"data:"):
                name = named(json.loads(line[5:]))
                if name:
                    self.told.setdefault(name, time.perf_counter())


async def _open(port: int, head: bytes) -> _Stream:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    said = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in said[:16]:
        raise ValueError(f"a stream is refused: {said[:80]!r}")
    return _Stream(reader, writer, {})


async def _all_told(listening: list[_Stream], names: set[str]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(HEARD_SECONDS):
            while not all(names <= one.told.keys() for one in listening):  # noqa: ASYNC110  # each by itself
                await asyncio.sleep(0.01)
