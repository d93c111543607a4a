"""S3-FIFO, bounded in bytes: what was asked for once passes through, what was asked for again stays.

::

    new -> small (5 %) --asked for again--> main --asked for since it came by--> main
               |                              |
               +-- else: out, its key stays a while in the ghost -- comes back: straight into main

Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023. Chosen by measurement over LRU,
SIEVE, LFU and W-TinyLFU: it resists scans, follows a shift of popularity, and a hit is one count.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SMALL_PART, HITS_KEPT, GHOST_PART = 0.05, 2, 1.0
"""Of the bound; how many rounds of main an entry's hits keep it; keys remembered for each that is held.

Zipf 0.9, a tenth of 100,000 keys: 66.7 % hits, 58.3 to 58.5 % in the 100,000 after all popularity was drawn
anew (tests/cache/test_s3fifo.py). A shorter ghost gains on the first and loses on the second.
"""
STEPS_MAX = 64
"""Of eviction, for one that comes: 64 take some 50 us, and a large one that needs more is not taken."""
LARGEST_PART = 0.125
"""Of the bound: a larger one would throw out too much for what it is."""


class Node(Generic[V]):
    """One that is held. ``hits`` only ever rises; ``spent`` is how many of them kept it in already."""

    __slots__ = ("hits", "mark", "size", "spent", "value")

    def __init__(self, value: V, size: int, mark: int) -> None:
        self.value = value
        self.size = size
        self.mark = mark
        """The user's own."""
        self.hits = self.spent = 0


class S3Fifo(Generic[K, V]):
    """``nodes`` may be read and their ``hits`` counted directly: that is the hit, and it must be quick."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes_used = 0
        self.evicted = 0
        self.nodes: dict[K, Node[V]] = {}
        self._small: OrderedDict[K, Node[V]] = OrderedDict()
        self._main: OrderedDict[K, Node[V]] = OrderedDict()
        self._ghost: OrderedDict[K, None] = OrderedDict()
        self._small_bytes = 0

    def __len__(self) -> int:
        return len(self.nodes)

    def put(self, key: K, value: V, size: int, mark: int = 0) -> bool:
        """Hold it, if room can be made within STEPS_MAX. What was held under the key is gone in any case."""
        hits = self._replaced(key)
        if size > self.bytes_max * LARGEST_PART or not self._make_room(size):
            return False
        node = Node(value, size, mark)
        node.hits = node.spent = hits
        self.nodes[key] = node
        self.bytes_used += size
        if hits or self._ghost.pop(key, self) is None:
            self._main[key] = node
        else:
            self._small[key] = node
            self._small_bytes += size
        return True

    def _replaced(self, key: K) -> int:
        """Takes the old one out; its hits, by which the new one goes where the old one was bound for."""
        node = self.nodes.get(key)
        if node is None:
            return 0
        self.drop(key)
        return node.hits

    def drop(self, key: K) -> None:
        """Forget it, if it is held."""
        node = self.nodes.pop(key, None)
        if node is None:
            return
        self.bytes_used -= node.size
        if self._small.pop(key, None) is not None:
            self._small_bytes -= node.size
        else:
            del self._main[key]

    def clear(self) -> None:
        for kept in (self.nodes, self._small, self._main, self._ghost):
            kept.clear()
        self.bytes_used = self._small_bytes = 0

    def _make_room(self, size: int) -> bool:
        small_max = self.bytes_max * SMALL_PART
        for _ in range(STEPS_MAX):
            if self.bytes_used + size <= self.bytes_max:
                return True
            if self._small and (self._small_bytes > small_max or not self._main):
                self._pass_small()
            else:
                self._pass_main()
        return self.bytes_used + size <= self.bytes_max

    def _pass_small(self) -> None:
        key, node = self._small.popitem(last=False)
        self._small_bytes -= node.size
        if node.hits > node.spent:
            node.spent = node.hits  # main begins with none, as in the paper
            self._main[key] = node
            return
        self._out(key, node)
        self._ghost[key] = None
        while len(self._ghost) > len(self.nodes) * GHOST_PART:
            self._ghost.popitem(last=False)

    def _pass_main(self) -> None:
        key, node = self._main.popitem(last=False)
        if node.hits > node.spent:
            node.spent = max(node.spent + 1, node.hits - HITS_KEPT + 1)
            self._main[key] = node
            return
        self._out(key, node)

    def _out(self, key: K, node: Node[V]) -> None:
        del self.nodes[key]
        self.bytes_used -= node.size
        self.evicted += 1
