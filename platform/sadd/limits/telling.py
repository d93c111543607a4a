"""From the engine's decisions, or from rules that need none, to the answer of the desk."""

from collections.abc import Sequence

from ratelimit.decision import Decision
from ratelimit.policy import UNLIMITED
from sadd.limits.answer import Answer
from sadd.limits.candidate import Candidate
from sadd.limits.fields import policy_field
from sadd.limits.rules import Held, Ruling


def answer_of(held: Sequence[Held], decisions: Sequence[Decision], denied_by: Decision | None) -> Answer:
    """Of limits that were asked. ``decisions`` may be fewer: a refusal from memory comes alone."""
    reported = denied_by or min(decisions, key=_nearness)
    return Answer(
        reported.allowed,
        reported,
        tuple(decisions),
        next(one.candidate.id for one in held if one.policy.id == reported.policy),
        (),
        tuple([one.policy for one in held]),
        ", ".join([_field(one) for one in held]),
    )


def _nearness(decision: Decision) -> tuple[bool, int, int]:
    """A refusal first, then who has least left; of those the one that takes longest to come back."""
    return decision.allowed, decision.remaining, -decision.reset_after_ms


def _field(held: Held) -> str:
    own = held.candidate
    return own.field if held.policy is own.policy else policy_field((held.policy,))


def denied(by: Candidate) -> Answer:
    """Refused by a rule that counts nothing: no wait helps."""
    assert by.rule is not None, "a class counts"
    decision = Decision(False, by.rule.policy_id, 0, 0, 0, None, "ban")
    return Answer(False, decision, (), by.id, (), (), "")


def free(ruling: Ruling) -> Answer:
    """Nothing counts the request: the rule that says so is told."""
    by = ruling.lifted_by or ruling.freed_by
    policy_id = "" if by is None or by.rule is None else by.rule.policy_id
    decision = Decision(True, policy_id, UNLIMITED, UNLIMITED, 0, None, "unlimited")
    return Answer(True, decision, (), None if by is None else by.id, (), (), "")
