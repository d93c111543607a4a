"""What one process holds of one key's quota, and what it knows of it. Time is an argument."""

import math

from sadd_client.decision import Decision
from sadd_client.lease import Lease
from sadd_client.meter import Meter
from sadd_client.ports import Turnstile
from sadd_client.refused import Refused

AHEAD_SECONDS = 0.5
"""A lease is for what the key takes in this time, at the rate of late."""
HOT_PER_SECOND = 20.0
"""From this rate on a lease pays: ten decisions a call. Below, each is one exact check."""
LOW_PART = 4
"""Below this part of a lease the next one is fetched."""


class Slice:
    """``left`` may be spent while ``now < ends``; below ``low`` the limiter is to look after it."""

    __slots__ = (
        "_lease",
        "_mark",
        "_meter",
        "_refused",
        "_rests_until",
        "_spare",
        "_used_lately",
        "ends",
        "expired",
        "left",
        "low",
        "refilling",
        "turn",
    )

    def __init__(self, now: float) -> None:
        self.left = 0
        self.low = 0
        self.ends = 0.0
        self.expired = 0
        """Units that nobody spent in time; a counter."""
        self.refilling = False
        self.turn: Turnstile | None = None
        self._lease: Lease | None = None
        self._spare: Lease | None = None
        self._mark = 0
        """``left`` when it was last counted."""
        self._meter = Meter(now)
        self._used_lately = True
        self._rests_until = 0.0
        self._refused: Refused | None = None

    @property
    def leased(self) -> bool:
        """Whether there is any lease, alive or not."""
        return self._lease is not None or self._spare is not None

    @property
    def outstanding(self) -> int:
        """Units that are held."""
        return self.left + (self._spare.tokens if self._spare else 0)

    def spend(self, cost: int, now: float) -> bool:
        """The common case: enough is left, and nothing is due. A cost below 1 never is the common case."""
        left = self.left
        after = left - cost
        if self.low <= after < left and now < self.ends:
            self.left = after
            return True
        return False

    def take(self, cost: int, now: float) -> bool:
        """Spend what is held, of two leases if need be. Nothing changes when it is not enough."""
        here = self.left if now < self.ends else 0
        if cost <= here:
            self.left -= cost
            return True
        spare = self._spare
        if spare is None or now >= spare.ends or cost > here + spare.tokens:
            return False
        self.left -= here  # all that was alive of the first
        self._begin(spare, now)
        self.left -= cost - here
        return True

    def add(self, lease: Lease, now: float) -> None:
        """Hold another lease: it waits behind one that is still good. A third pushes out the second."""
        over = self.left == 0 or now >= self.ends
        if over and self._spare is not None and now < self._spare.ends:
            self._begin(self._spare, now)
        if self.left > 0 and now < self.ends:
            self._drop_spare()
            self._spare = lease
            self.low = 0
        else:
            self._begin(lease, now)

    def surrender(self, now: float) -> list[tuple[Lease, int]]:
        """All leases with what is unused of each; from here on nothing of them can be spent."""
        given: list[tuple[Lease, int]] = []
        if self._lease is not None and self.left > 0 and now < self.ends:
            given.append((self._lease, self.left))
            self._count()
            self.left = self._mark = 0
        self._close(now)
        if self._spare is not None and now < self._spare.ends:
            given.append((self._spare, self._spare.tokens))
            self._spare = None
        self._drop_spare()
        return given

    def settle(self, now: float) -> None:
        """Count what is past its time as lost; no decision waits for this."""
        if self._spare is not None and now >= self._spare.ends:
            self._drop_spare()
        if self._lease is not None and now >= self.ends:
            if self._spare is not None:
                self._begin(self._spare, now)
            else:
                self._close(now)

    def idle(self) -> bool:
        """Whether what is held went unused since the last call."""
        self._count()
        used, self._used_lately = self._used_lately, False
        return self.leased and not used

    def used(self, cost: int) -> None:
        """``cost`` passed. Refused ones do not count, or who asks most would hold most."""
        self._meter.count(cost)
        self._used_lately = self._used_lately or cost > 0

    def wanted(self, cost: int, now: float, tokens_max: int) -> int:
        """How many units to lease; 0 while a check each is better."""
        self._count()
        rate = self._meter.rate(now)
        if self._spare is not None and now < self._spare.ends:
            return 0  # there is enough for most; for more, a check is exact
        if rate < HOT_PER_SECOND or now < self._rests_until:
            return 0
        return min(tokens_max, max(cost, math.ceil(rate * AHEAD_SECONDS)))

    def rest(self, until: float) -> None:
        """No lease is wanted before: the last one came to nothing."""
        self._rests_until = until

    def runs_low(self, now: float) -> bool:
        """Whether more should be fetched now, beside the callers."""
        low = self._lease is not None and self.left < self._lease.tokens // LOW_PART
        return low and self._spare is None and not self.refilling and now >= self._rests_until

    def refuse(self, refusal: Decision, cost: int, asked_at: float) -> None:
        """Remember what the platform refused."""
        self._refused = Refused.of(refusal, cost, asked_at)

    def refusal(self, cost: int, now: float) -> Decision | None:
        """The refusal that still holds for this cost."""
        return self._refused.again(cost, now) if self._refused else None

    def _begin(self, lease: Lease, now: float) -> None:
        self._close(now)
        if self._spare is not lease:
            self._drop_spare()
        self._lease, self._spare = lease, None
        self.left = self._mark = lease.tokens
        self.low = lease.tokens // LOW_PART
        self.ends = lease.ends

    def _close(self, now: float) -> None:
        """The lease is over; what is left of it is lost."""
        self._count()
        if now >= self.ends:
            self.expired += self.left
        self.left = self.low = self._mark = 0
        self.ends = 0.0
        self._lease = None

    def _count(self) -> None:
        self.used(self._mark - self.left)
        self._mark = self.left

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self.expired += self._spare.tokens
            self._spare = None
