"""The answer to a check. A refusal is an answer too: it has numbers in it."""

from dataclasses import dataclass
from typing import Literal

from ratelimit.policy import OnStoreLoss, Policy

DecidedBy = Literal["store", "ban", "local", "open", "closed"]


@dataclass(frozen=True, slots=True)
class Decision:
    """May the caller proceed, and if not, when.

    ``remaining`` is what could be taken at once right after this decision, ``reset_after_ms`` the time until
    the key is as if never used. ``retry_after_ms`` is None when allowed, and also when no wait will help (a
    ban, a cost above the burst). Times are rounded up, so that whoever waits that long is not refused again
    for coming early. ``decided_by`` is ``store``, or ``ban``, or the policy's way when the store is away.
    """

    allowed: bool
    policy: str
    limit: int
    remaining: int
    reset_after_ms: int
    retry_after_ms: int | None
    decided_by: DecidedBy = "store"

    @property
    def fallback(self) -> OnStoreLoss | None:
        """The policy's way, when the store was away and that decided."""
        if self.decided_by == "store" or self.decided_by == "ban":
            return None
        return self.decided_by

    @classmethod
    def of(cls, policy: Policy, taken: "Taken", by: DecidedBy = "store") -> "Decision":
        """The decision that a store's answer means for ``policy``."""
        allowed, remaining, reset_us, retry_us = taken
        waits = not allowed and retry_us > 0
        return cls(
            allowed=bool(allowed),
            policy=policy.id,
            limit=policy.limit,
            remaining=remaining,
            reset_after_ms=-(-reset_us // 1000),
            retry_after_ms=-(-retry_us // 1000) if waits else None,
            decided_by=by,
        )


Taken = tuple[int, int, int, int]
"""allowed 1 or 0, remaining, reset_after µs, retry_after µs (0 when allowed, -1 when no wait helps)."""
