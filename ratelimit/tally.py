"""What was decided, by policy, and who asked most. Bounded: policies are labels, keys never are."""

from dataclasses import dataclass, field

from ratelimit.decision import Decision
from ratelimit.heavy import Heavy, HeavyKeys
from ratelimit.policy import Policy
from ratelimit.spread import GOLDEN

POLICIES_MAX = 1_000
OTHER = "other"
"""All policies after the first POLICIES_MAX are counted under this name."""
QUIET = 1_000
"""So many decisions of a policy are all looked at for its heaviest keys: a quiet one's list is exact."""
SAMPLE_EACH = 64
"""After that one of about so many is, and counts for as many; but the first of a key for one, since a key
that asked once is met as well."""


@dataclass(slots=True)
class Counts:
    """Of one policy. ``near``: allowed with less than a fifth left; ``memory``: refused without a trip."""

    allowed: int = 0
    refused: int = 0
    near: int = 0
    memory: int = 0
    local: int = 0
    open: int = 0
    closed: int = 0
    heavy: HeavyKeys = field(default_factory=HeavyKeys)
    each: int = 1
    """One of so many is looked at."""
    looked_at: int = 0
    until_look: int = 1


class Tally:
    def __init__(self) -> None:
        self._by_policy: dict[str, Counts] = {}
        self._phase = 0.0

    def count(self, policy: Policy, key: str, decision: Decision) -> None:
        counts = self._by_policy.get(policy.id) or self._new(policy.id)
        if decision.allowed:
            counts.allowed += 1
            if decision.remaining < policy.near:
                counts.near += 1
        else:
            counts.refused += 1
        by = decision.decided_by
        if by != "store":
            self._count_way(counts, by)
        counts.until_look -= 1
        if not counts.until_look:
            self._look(counts, key, decision.allowed)

    def by_policy(self) -> dict[str, Counts]:
        return self._by_policy

    def heaviest(self, policy: str | None = None) -> list[Heavy]:
        """Of one policy, or of all; who was seen most first."""
        names = self._by_policy if policy is None else [policy] if policy in self._by_policy else []
        found = [one for name in names for one in self._by_policy[name].heavy.heaviest(name)]
        return sorted(found, key=lambda one: -one.asked)

    def _count_way(self, counts: Counts, by: str) -> None:
        if by == "memory":
            counts.memory += 1
        elif by == "local" or by == "share":
            counts.local += 1
        elif by == "open":
            counts.open += 1
        elif by == "closed":
            counts.closed += 1

    def _look(self, counts: Counts, key: str, allowed: bool) -> None:
        counts.heavy.note(key, counts.each if key in counts.heavy else 1, allowed)
        counts.looked_at += 1
        if counts.looked_at == QUIET:
            counts.each = SAMPLE_EACH
        # Gaps of 1 to 127 in no step with anything: a fixed gap would miss a caller with a rhythm of its own.
        self._phase = (self._phase + GOLDEN) % 1.0
        counts.until_look = 1 + int(self._phase * (2 * counts.each - 1))

    def _new(self, policy: str) -> Counts:
        name = policy if len(self._by_policy) < POLICIES_MAX else OTHER
        counts = self._by_policy.get(name)
        if counts is None:
            counts = self._by_policy[name] = Counts()
        return counts
