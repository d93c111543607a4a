"""What is to be asked of the engine for a request that several candidates may hold for."""

from msgspec import Struct

from ratelimit.limiter import Check
from sadd.limits.asked import Asked
from sadd.limits.plan import Plan
from sadd.limits.rules import Held, Ruling, resolve


class Questions(Struct, frozen=True, gc=False):
    """``checks`` are of ``held``, to be taken together; ``trial_checks`` of ``trials``, each by itself."""

    ruling: Ruling
    held: list[Held]
    trials: list[Held]
    checks: list[Check]
    trial_checks: list[Check]


def questions_of(plan: Plan, asked: Asked) -> Questions:
    """All that can be wrong with them is found here. ValueError: key or cost out of bounds."""
    ruling = resolve(plan.candidates, asked)
    # What counts requests under way is acquired and released; it has no part in a check.
    held = [one for one in ruling.held if not one.policy.slots]
    trials = [one for one in ruling.trials if not one.policy.slots]
    cost = asked.cost
    checks = [Check(one.policy, one.key, cost) for one in held]
    return Questions(ruling, held, trials, checks, [Check(one.policy, one.key, cost) for one in trials])
