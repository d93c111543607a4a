"""What the platform refused a key, and how long that holds. Arithmetic only: time is an argument."""

import math
import re
from dataclasses import dataclass, replace

from sadd_client.decision import Decision

REFUSED_SECONDS_MAX = 1.0
"""A refusal is remembered so long at most: quota may be given back or reset meanwhile."""

_FIRST = re.compile(r'"(?:[^"\\]|\\.)*";r=\d+(?=;t=)')
"""Of a ``RateLimit`` field the limit that is told of first: the one whose wait ``Retry-After`` is."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Whoever asks for ``cost`` or more before ``until`` would hear the same. ``retry_at`` may be later."""

    decision: Decision
    cost: int
    until: float
    retry_at: float

    @classmethod
    def of(cls, decision: Decision, cost: int, asked_at: float) -> "Refused":
        """The waits count from before the question: so a memory never outlasts what it remembers."""
        wait_ms = decision.retry_after_ms
        wait = REFUSED_SECONDS_MAX if wait_ms is None else wait_ms / 1000
        return cls(decision, cost, asked_at + min(wait, REFUSED_SECONDS_MAX), asked_at + wait)

    def again(self, cost: int, now: float) -> Decision | None:
        """The refusal for this cost, with the wait that is left of it; None when it does not hold."""
        if now >= self.until or cost < self.cost:
            return None
        if self.decision.retry_after_ms is None:
            return replace(self.decision, decided_by="memory")
        left_ms = math.ceil((self.retry_at - now) * 1000)
        first = _FIRST.match(self.decision.rate_limit or "")
        counted = f"{first[0]};t={-(-left_ms // 1000)}" if first else None
        return replace(self.decision, retry_after_ms=left_ms, decided_by="memory", rate_limit=counted)
