"""The memory of one process: S3-FIFO, bounded in bytes.

A small queue of a tenth takes what is new, the main queue what was asked for again; what left the small one
unused is remembered by name (``ghost``), and goes to the main queue when it comes back. So a scan of pages
that nobody asks for twice pushes out nothing (Yang et al., "FIFO queues are all you need for cache eviction",
SOSP 2023). A hit writes one small number and moves nothing.
"""

from collections import OrderedDict
from dataclasses import dataclass

from sadd_client.caching.entry import Entry

SMALL_SHARE = 10
USES_MAX = 3
STEPS_MAX = 64
"""Entries that one put looks at to make room. When that is not enough it is not kept this time: used bytes
are never above the bound, and no put stops the loop for long."""
OVERHEAD_BYTES = 400
"""What an entry costs beside its body and names."""


@dataclass(slots=True)
class Held:
    """``position`` is where the feed was when it was asked for, ``checked`` where it was found valid last."""

    entry: Entry
    position: int
    checked: int
    size_bytes: int
    uses: int = 0
    old: bool = False
    """In the main queue."""


class Shelf:
    """``items`` is for readers; whoever finds something there adds to its ``uses``."""

    def __init__(self, bytes_max: int) -> None:
        self.items: dict[str, Held] = {}
        self.used_bytes = 0
        self.evicted = 0
        self._bytes_max = bytes_max
        self._small: OrderedDict[str, Held] = OrderedDict()
        self._main: OrderedDict[str, Held] = OrderedDict()
        self._small_bytes = 0
        self._ghost: OrderedDict[str, None] = OrderedDict()

    def put(self, key: str, entry: Entry, position: int) -> bool:
        """Whether it was kept. What had the key before is gone in any case."""
        self.drop(key)
        size = len(entry.body) + len(key) + len(entry.content_type) + OVERHEAD_BYTES
        if size > self._bytes_max or not self._make_room(size):
            return False
        held = Held(entry, position, position, size)
        if key in self._ghost:
            del self._ghost[key]
            held.old = True
        self.items[key] = held
        self._enqueue(key, held)
        self.used_bytes += size
        return True

    def drop(self, key: str) -> None:
        held = self.items.pop(key, None)
        if held is not None:
            self._dequeue(key, held)
            self.used_bytes -= held.size_bytes

    def clear(self) -> None:
        self.items.clear()
        for queue in (self._small, self._main, self._ghost):
            queue.clear()
        self.used_bytes = self._small_bytes = 0

    def _make_room(self, size: int) -> bool:
        for _ in range(STEPS_MAX):
            if self.used_bytes + size <= self._bytes_max:
                return True
            self._step()
        return self.used_bytes + size <= self._bytes_max

    def _step(self) -> None:
        """Look at one entry: it moves up, has another turn, or goes."""
        if self._small and (self._small_bytes * SMALL_SHARE > self._bytes_max or not self._main):
            key, held = next(iter(self._small.items()))
            self._dequeue(key, held)
            if held.uses:
                held.old, held.uses = True, 0
                self._enqueue(key, held)
                return
            self._remember(key)
        else:
            key, held = self._main.popitem(last=False)
            if held.uses:
                held.uses -= 1
                self._main[key] = held
                return
        del self.items[key]
        self.used_bytes -= held.size_bytes
        self.evicted += 1

    def _remember(self, key: str) -> None:
        self._ghost[key] = None
        while len(self._ghost) > max(1, len(self.items)):
            self._ghost.popitem(last=False)

    def _enqueue(self, key: str, held: Held) -> None:
        if held.old:
            self._main[key] = held
        else:
            self._small[key] = held
            self._small_bytes += held.size_bytes

    def _dequeue(self, key: str, held: Held) -> None:
        if held.old:
            del self._main[key]
        else:
            del self._small[key]
            self._small_bytes -= held.size_bytes
