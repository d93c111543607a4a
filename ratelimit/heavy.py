"""The keys that ask most of a policy, in bounded memory: the space-saving algorithm.

As many counters as ``keys_max``. A key that has none takes over the smallest, and its count: what it asked
before is at most what it took over. So a key with more than a ``keys_max``-th of all is there for sure::

    counter  |--- taken over: error ---|--- seen of this key: asked ---|

Only what was seen is told as asked, and the heaviest are those of whom most was seen: of a thousand keys that
asked once none is told to have asked sixteen times. (Metwally, Agrawal, El Abbadi: Efficient computation of
frequent and top-k elements in data streams, 2005.)
"""

from dataclasses import dataclass

KEYS_MAX = 64


@dataclass(frozen=True, slots=True)
class Heavy:
    """How often a key was seen to ask, and may have asked ``error`` more; how often it was refused."""

    policy: str
    key: str
    asked: int
    refused: int
    error: int


@dataclass(slots=True)
class _Counter:
    count: int
    refused: int
    error: int


class HeavyKeys:
    """Of one policy."""

    __slots__ = ("_counters", "_keys_max")

    def __init__(self, keys_max: int = KEYS_MAX) -> None:
        self._keys_max = keys_max
        self._counters: dict[str, _Counter] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._counters

    def note(self, key: str, weight: int, allowed: bool) -> None:
        """``weight`` askings of ``key``."""
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._new()
        counter.count += weight
        if not allowed:
            counter.refused += weight

    def heaviest(self, policy: str) -> list[Heavy]:
        """The one that was seen most first."""
        found = [
            Heavy(policy, key, one.count - one.error, one.refused, one.error)
            for key, one in self._counters.items()
        ]
        return sorted(found, key=lambda one: -one.asked)

    def _new(self) -> _Counter:
        if len(self._counters) < self._keys_max:
            return _Counter(0, 0, 0)
        least = min(self._counters, key=lambda key: self._counters[key].count)
        taken = self._counters.pop(least).count
        return _Counter(taken, 0, taken)
