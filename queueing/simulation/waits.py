"""How long people waited: a count for each second of wait, so that ten million cost as much as ten."""

import numpy as np

SECONDS_MAX = 7 * 24 * 3600


class Waits:
    """Waits by the second; ``add`` in any order."""

    __slots__ = ("_counts", "count", "longest_s")

    def __init__(self) -> None:
        self._counts = np.zeros(4096, dtype=np.int64)
        self.count = 0
        self.longest_s = 0

    def add(self, wait_s: float, people: int) -> None:
        second = min(int(wait_s), SECONDS_MAX)
        if second >= len(self._counts):
            grown = np.zeros(max(second + 1, 2 * len(self._counts)), dtype=np.int64)
            grown[: len(self._counts)] = self._counts
            self._counts = grown
        self._counts[second] += people
        self.count += people
        self.longest_s = max(self.longest_s, second)

    def percentile_s(self, share: float) -> int:
        """The wait that the share of all people did not exceed, in whole seconds; 0 if there were none."""
        if not self.count:
            return 0
        reached = np.cumsum(self._counts)
        return int(np.searchsorted(reached, share * self.count))

    def longer_than(self, wait_s: float) -> int:
        """How many waited longer, by whole seconds."""
        return int(self._counts[int(wait_s) + 1 :].sum())

    @property
    def mean_s(self) -> float:
        seconds = np.arange(len(self._counts))
        return float((self._counts * seconds).sum() / self.count) if self.count else 0.0
