"""The slices of one limiter, by key: a bounded number, the idle forgotten first."""

from itertools import islice

from sadd_client.lease import Lease
from sadd_client.slice import Slice
from sadd_client.stats import LimiterStats

LOOKED_AT_MAX = 8
"""Old slices that are looked at for one without a lease before one with a lease must go."""
IDLE_LOOKED_AT_MAX = 1_000
"""Leased keys that are looked at together: about half a millisecond, for which nothing else runs."""


class Ledger:
    """``slices`` is the same dictionary for good: a limiter looks into it without asking."""

    def __init__(self, keys_max: int) -> None:
        self.slices: dict[str, Slice] = {}
        self._keys_max = keys_max
        self._leased: dict[str, Slice] = {}
        """Those with a lease, the one looked at longest ago first."""
        self.granted = 0
        self.returned = 0
        self.checked = 0
        self.refused_here = 0
        self.lost = 0
        """Units that were given back, but did not arrive."""
        self._expired_of_forgotten = 0

    def slice(self, key: str, now: float) -> Slice:
        """The slice of a key, made if there is none. Call ``surplus`` after it."""
        found = self.slices.get(key)
        if found is None:
            found = self.slices[key] = Slice(now)
        return found

    def keep(self, key: str, lease: Lease, now: float) -> None:
        """The key holds the lease."""
        held = self._leased[key] = self.slices[key]
        held.add(lease, now)

    def surplus(self, now: float) -> list[tuple[Lease, int]]:
        """Forget a key when there are too many; what it held unused is to be given back."""
        if len(self.slices) <= self._keys_max:
            return []
        for _ in range(LOOKED_AT_MAX):
            oldest = next(iter(self.slices))
            if self.slices[oldest].outstanding == 0:
                break
            self.slices[oldest] = self.slices.pop(oldest)  # a second chance, at the end
        oldest = next(iter(self.slices))
        forgotten = self.slices.pop(oldest)
        self._leased.pop(oldest, None)
        given = forgotten.surrender(now)
        self._expired_of_forgotten += forgotten.expired
        return given

    def idle(self, now: float) -> list[tuple[Lease, int]]:
        """What is held of keys that nobody used since they were looked at before."""
        given: list[tuple[Lease, int]] = []
        for key in list(islice(self._leased, IDLE_LOOKED_AT_MAX)):
            held = self._leased.pop(key)
            held.settle(now)
            if held.idle():
                given += held.surrender(now)
            if held.leased:
                self._leased[key] = held  # again after the others
        return given

    def holds(self) -> bool:
        """Whether any key has a lease, alive or not."""
        return bool(self._leased)

    def everything(self, now: float) -> list[tuple[Lease, int]]:
        """All that is held: the end."""
        given = [unused for held in self._leased.values() for unused in held.surrender(now)]
        self._leased.clear()
        return given

    def forget(self) -> None:
        """For a forked child: all of it is the parent's."""
        self.slices.clear()
        self._leased.clear()
        self.granted = self.returned = self.lost = self._expired_of_forgotten = 0

    def stats(self, now: float) -> LimiterStats:
        for held in self._leased.values():
            held.settle(now)
        expired = self.lost + self._expired_of_forgotten + sum(held.expired for held in self.slices.values())
        outstanding = sum(held.outstanding for held in self.slices.values())
        return LimiterStats(
            keys=len(self.slices),
            checked=self.checked,
            refused_here=self.refused_here,
            granted=self.granted,
            spent=self.granted - self.returned - expired - outstanding,
            returned=self.returned,
            expired=expired,
            outstanding=outstanding,
        )
