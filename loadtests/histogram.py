"""Counts by logarithmic bucket: percentiles within one per cent, mergeable, small on the wire."""

import math
from collections import Counter
from collections.abc import Mapping

LOWEST_MS = 0.05
_RATIO = math.log(1.02)


class Histogram:
    """Durations in milliseconds; everything below 0.05 ms is one bucket."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: Counter[int] = Counter(counts or {})

    def add(self, ms: float) -> None:
        self.counts[_bucket(ms)] += 1

    def merge(self, other: "Histogram") -> None:
        self.counts.update(other.counts)

    def __len__(self) -> int:
        return self.counts.total()

    def percentile(self, share: float) -> float:
        """The value that ``share`` (0 to 1) of all do not exceed; 0.0 when there is none."""
        wanted = max(1, math.ceil(share * len(self)))
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return _middle(bucket)
        return 0.0


def _bucket(ms: float) -> int:
    return 0 if ms <= LOWEST_MS else 1 + int(math.log(ms / LOWEST_MS) / _RATIO)


def _middle(bucket: int) -> float:
    return LOWEST_MS if bucket == 0 else LOWEST_MS * math.exp(_RATIO * (bucket - 0.5))
