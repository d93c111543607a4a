"""How many come to a room's door while nobody has to wait there: different visitors, in constant space.

The gate lets them through without a number, so no counter of the room knows them. Their marks go into a
HyperLogLog of Valkey for each ten seconds: 12 KiB at most whatever their number, with an error of 0.8%. A
worker gathers them for a second, so that a visitor costs no trip.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

BUCKET_S = 10
KEEP_S = 60
MARKS_MAX = 10_000
"""Of a room in a worker and second; with more the door has its answer anyway."""


class Client(Protocol):
    """What is asked of the store's client. Raises ConnectionError, TimeoutError."""

    async def command(
        self, *words: bytes | int | str, key: bytes | None = None, repeat_safe: bool = False
    ) -> Any: ...


class Arrivals:
    """Of one worker. ``clock`` is in seconds since the epoch."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._marks: dict[str, set[bytes]] = {}

    def note(self, room: str, mark: bytes) -> None:
        """Somebody came; ``mark`` tells him from others."""
        marks = self._marks.setdefault(room, set())
        if len(marks) < MARKS_MAX:
            marks.add(mark)

    async def flush(self) -> None:
        """Tell the store. What it does not take is not kept: it would be of a time that is over."""
        gathered, self._marks = self._marks, {}
        for room, marks in gathered.items():
            key = _key(room, self._bucket())
            await self._client.command("PFADD", key, *marks, key=key, repeat_safe=True)
            await self._client.command("EXPIRE", key, KEEP_S, key=key, repeat_safe=True)

    async def per_minute(self, room: str) -> float:
        """By the fuller of this bucket and the last."""
        now = self._bucket()
        counts = [await self._count(_key(room, bucket)) for bucket in (now - 1, now)]
        return max(counts) * 60 / BUCKET_S

    async def _count(self, key: bytes) -> int:
        return int(await self._client.command("PFCOUNT", key, key=key, repeat_safe=True))

    def _bucket(self) -> int:
        return int(self._clock()) // BUCKET_S


def _key(room: str, bucket: int) -> bytes:
    return f"queue:{{{room}}}:arrivals:{bucket}".encode()
