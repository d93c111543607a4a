"""The answer to a check. A refusal is an answer too: it has numbers in it."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from ratelimit.policy import OnStoreLoss, Policy

DecidedBy: TypeAlias = Literal["store", "memory", "ban", "unlimited", "local", "share", "open", "closed"]
Why: TypeAlias = Literal["allowed", "over limit", "cost above limit", "ban", "unlimited", "store away"]

Taken: TypeAlias = tuple[int, int, int, int]
"""allowed 1 or 0, remaining, reset_after µs, retry_after µs (0 when allowed, -1 when no wait helps)."""


class Decision(Struct, frozen=True, gc=False):
    """May the caller proceed, and if not, when.

    ``remaining`` is what could be taken at once right after this decision, ``reset_after_ms`` the time until
    the key is as if never used. ``retry_after_ms`` is None when allowed, and also when no wait will help (a
    ban, a cost above the burst). Times are rounded up, so that whoever waits that long is not refused again
    for coming early. ``decided_by`` is ``store``; ``memory`` when this worker knew that the key is over;
    ``ban`` or ``unlimited``, which ask nobody; or the policy's way when the store is away. ``share`` is the
    local way of windows and quotas: it knows a worker's share, and not what is left or when more comes.
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
        if self.decided_by == "local" or self.decided_by == "open" or self.decided_by == "closed":
            return self.decided_by
        return "local" if self.decided_by == "share" else None

    @property
    def why(self) -> Why:
        """In a word, why it was decided so."""
        if self.decided_by == "ban" or self.decided_by == "unlimited":
            return self.decided_by
        if self.decided_by == "open" or self.decided_by == "closed":
            return "store away"
        if self.allowed:
            return "allowed"
        return "over limit" if self.retry_after_ms is not None else "cost above limit"

    @classmethod
    def of(cls, policy: Policy, taken: Taken, by: DecidedBy = "store") -> "Decision":
        """The decision that a store's answer means for ``policy``."""
        allowed, remaining, reset_us, retry_us = taken
        return cls(
            allowed == 1,
            policy.id,
            policy.limit,
            remaining,
            -(-reset_us // 1000),
            -(-retry_us // 1000) if allowed != 1 and retry_us > 0 else None,
            by,
        )


class Verdict(Struct, frozen=True, gc=False):
    """Several limits decided together, all or nothing.

    ``decisions`` are in the order of the checks. When one denied, nothing was taken from any, and the others
    say what they would have said alone. A denial from memory (``decided_by``) holds that one decision only.
    ``denied_by`` is, of those that denied, the one with the longest wait.
    """

    allowed: bool
    decisions: tuple[Decision, ...]
    denied_by: Decision | None = None

    @classmethod
    def of(cls, decisions: Sequence[Decision]) -> "Verdict":
        denied = [decision for decision in decisions if not decision.allowed]
        return cls(not denied, tuple(decisions), max(denied, key=_wait) if denied else None)


def _wait(decision: Decision) -> float:
    return float("inf") if decision.retry_after_ms is None else decision.retry_after_ms
