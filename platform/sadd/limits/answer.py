"""What the desk says to one question: the decision to report, and all the others."""

import msgspec

from ratelimit.decision import Decision
from ratelimit.policy import Policy


class Answer(msgspec.Struct, frozen=True, gc=False):
    """May the request proceed, and by which limits. A struct since one is made for each request.

    ``decision`` is the one to tell the caller about: of those that refuse the one with the longest wait,
    else the one with the least remaining. ``decisions`` and ``policies`` are of all limits that hold, in one
    order; both are empty where a rule admits or refuses without counting. ``rule`` is the id of the rule
    behind ``decision``, None for the service's class. ``shadow`` are rules on trial that would have refused.
    ``policy_field`` is the RateLimit-Policy field of ``policies``, made when the rules were read.
    """

    allowed: bool
    decision: Decision
    decisions: tuple[Decision, ...]
    rule: str | None
    shadow: tuple[str, ...]
    policies: tuple[Policy, ...]
    policy_field: str

    @property
    def violated(self) -> tuple[str, ...]:
        """The policies that refuse, the one to report first."""
        others = (d.policy for d in self.decisions if not d.allowed and d is not self.decision)
        return () if self.allowed else (self.decision.policy, *others)
