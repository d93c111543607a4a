"""The keys that ask most of a policy, in bounded memory: the space-saving algorithm.

As many counters as ``keys_max``. A key that has none takes over the smallest, and its count; so a count
may be too high by what it took over, never too low, and a key with more than a ``keys_max``-th of all is
there for sure. (Metwally, Agrawal, El Abbadi: Efficient computation of frequent and top-k elements in data
streams, 2005.)
"""

from dataclasses import dataclass

KEYS_MAX = 64


@dataclass(frozen=True, slots=True)
class Heavy:
    """About how often a key asked, at most ``error`` too high, and how often it was refused."""

    policy: str
    key: str
    asked: int
    refused: int
    error: int


@dataclass(slots=True)
class _Counter:
    asked: int
    refused: int
    error: int


class HeavyKeys:
    """Of one policy."""

    __slots__ = ("_counters", "_keys_max")

    def __init__(self, keys_max: int = KEYS_MAX) -> None:
        self._keys_max = keys_max
        self._counters: dict[str, _Counter] = {}

    def note(self, key: str, weight: int, allowed: bool) -> None:
        """``weight`` askings of ``key``."""
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._new()
        counter.asked += weight
        if not allowed:
            counter.refused += weight

    def heaviest(self, policy: str) -> list[Heavy]:
        """The one that asked most first."""
        counters = sorted(self._counters.items(), key=lambda item: -item[1].asked)
        return [Heavy(policy, key, one.asked, one.refused, one.error) for key, one in counters]

    def _new(self) -> _Counter:
        if len(self._counters) < self._keys_max:
            return _Counter(0, 0, 0)
        least = min(self._counters, key=lambda key: self._counters[key].asked)
        taken = self._counters.pop(least).asked
        return _Counter(taken, 0, taken)
