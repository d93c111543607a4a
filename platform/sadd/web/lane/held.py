"""What a connection has received of requests that cannot be taken yet, and how long their rest is awaited."""

import asyncio
from collections.abc import Callable

PATIENCE_SECONDS = 0.1
"""For the rest of a request: clients send head and body in two packets, networks cut larger ones."""

PIECES_MAX = 64
"""Pieces in which the lane takes a head: each makes it look through all of them again."""


class Held:
    """Bytes in the order in which they came. ``late`` is called when the rest of a request takes too long."""

    __slots__ = ("_late", "_loop", "_parts", "_patience", "_pieces", "missing")

    def __init__(self, loop: asyncio.AbstractEventLoop, late: Callable[[], None]) -> None:
        self._loop = loop
        self._late = late
        self._parts: list[bytes] = []
        self._pieces = 0
        self._patience: asyncio.TimerHandle | None = None
        self.missing = 0
        """Bytes to the end of the request that these begin with; 1 for a head without an end, 0 for none."""

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, data: bytes) -> bool:
        """More of it. Whether it is to be looked at: not before a body is complete."""
        self._parts.append(data)
        self.missing -= len(data)
        return self.missing <= 0

    def take(self) -> bytes:
        """All of it."""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self.missing = 0
        return data

    def await_head(self) -> bool:
        """A head has no end yet. False: it comes in too many pieces."""
        self._pieces += 1
        self.missing = 1
        return self._pieces <= PIECES_MAX

    def keep(self, rest: bytes, *, moved: bool) -> None:
        """Hold the rest. ``moved``: requests before it were taken, so that its time begins now."""
        if rest:
            self._parts.append(rest)
        if moved or not self.missing:
            self.stop()
        if not self.missing:
            self._pieces = 0
        elif self._patience is None:
            self.wait()

    def wait(self) -> None:
        """Call ``late`` in PATIENCE_SECONDS unless the rest comes."""
        self._patience = self._loop.call_later(PATIENCE_SECONDS, self._is_late)

    @property
    def waits(self) -> bool:
        return self._patience is not None

    def stop(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _is_late(self) -> None:
        self._patience = None
        self._late()
