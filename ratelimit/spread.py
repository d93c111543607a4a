"""Retry times that differ, so that those who were refused together do not come back together.

Each refusal waits its true time and a share of it more: the fractions of n times the golden ratio. Any
run of them lies evenly on [0, 1), whoever asked for whatever key, where hashes of keys would cluster, and
be one and the same for all who share a key. Workers begin at different places (``at``): else the first
callers that each of many workers refuses would all come back together.
"""

GOLDEN = 0.6180339887498949
SHARE = 0.5
MS_MAX = 30_000
"""Added at most: who must wait until tomorrow need not wait half a day more."""


class Spread:
    """``share`` 0 tells everyone the true time; ``at`` in [0, 1) says how much of it the first one waits."""

    def __init__(self, share: float = SHARE, ms_max: int = MS_MAX, at: float = 0.0) -> None:
        self._share = share
        self._ms_max = ms_max
        self._at = at

    def over(self, wait_ms: int) -> int:
        """``wait_ms`` or later, never earlier."""
        later = int(min(wait_ms * self._share, self._ms_max) * self._at)
        self._at = (self._at + GOLDEN) % 1.0
        return wait_ms + later
