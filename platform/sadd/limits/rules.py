"""Which rules hold for a request: a pure function of the rules and the request, with its reasons.

The candidates are gone through in one order: by priority, and at one priority deny, allow, then the limits
from the most specific to the least.

- A ``deny`` that fits refuses the request, and nothing after it is looked at.
- An ``allow`` that fits lifts everything of its priority and below.
- Of limits with one name the first that fits holds; limits of different names hold together.
- A rule in ``shadow`` is set aside: it is counted by itself and refuses nobody.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from ratelimit.algorithm import Unlimited
from ratelimit.policy import Policy
from sadd.catalogue.model import Service
from sadd.limits.asked import Asked
from sadd.limits.candidate import EVERYONE, Candidate, candidate_of, candidate_of_class, without_of
from sadd.limits.rule import PRIORITY_MAX, Rule, Rules

Fate = Literal["holds", "denies", "allows", "unlimited", "on trial", "lifted", "other", "hidden", "lacking"]
"""What becomes of a rule; the last four take no part, and ``explain`` says why."""
Note = Callable[[Candidate, Fate], None]


class Held(Struct, frozen=True, gc=False):
    """A limit that holds for a request, and whose counter it is."""

    candidate: Candidate
    policy: Policy
    key: str


class Ruling(Struct):
    """What the rules make of one request, before anything is counted. A struct: it is made for each."""

    held: list[Held] = []
    trials: list[Held] = []
    """Limits in shadow, to be counted by themselves."""
    trial_denials: list[Candidate] = []
    """Rules in shadow that would have refused without counting."""
    denied_by: Candidate | None = None
    lifted_by: Candidate | None = None
    """The ``allow`` that fitted."""
    freed_by: Candidate | None = None
    """The last ``unlimited`` that held; it is told when no limit is left."""


class Book:
    """The rules of one version, made ready.

    On a cluster all policies have one ``tag``, so that those of one key can be decided in one trip.
    """

    def __init__(self, rules: Rules, candidates: Iterable[Candidate], tag: str = "") -> None:
        self.rules = rules
        self.tag = tag
        self._candidates = sorted(candidates, key=lambda one: one.rank)
        self._by_policy = {one.rule.policy_id: one for one in self._candidates if one.rule is not None}

    @classmethod
    def of(cls, rules: Rules, tag: str = "") -> "Book":
        """ValueError: a rule that the engine cannot keep; ``findings`` would have told."""
        return cls(rules, [candidate_of(rule, tag) for rule in rules.rules], tag)

    def candidates(self, service: Service, of_class: Policy) -> tuple[Candidate, ...]:
        """What can hold for requests to a service, in order; its class among them."""
        own = [one for one in self._candidates if one.rule is not None and not elsewhere(one.rule, service)]
        return tuple(sorted([*own, candidate_of_class(of_class, self.tag)], key=lambda one: one.rank))

    def of_policy(self, policy_id: str) -> Candidate | None:
        """The rule behind a policy's id."""
        return self._by_policy.get(policy_id)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self._candidates)


def elsewhere(rule: Rule, service: Service) -> str | None:
    """Why a rule is never for this service, None if it may be."""
    if rule.service is not None and rule.service != service.id:
        return f"it is for the service {rule.service}"
    if rule.agency is not None and rule.agency != service.agency:
        return f"it is for the agency {rule.agency}"
    return None


def resolve(candidates: Sequence[Candidate], asked: Asked, note: Note | None = None) -> Ruling:
    """Go through the candidates in their order. ``note`` is told the fate of each, and why.

    ValueError: nothing says whose limit the service's class is.
    """
    ruling = Ruling()
    names: set[str] = set()
    lifted = -PRIORITY_MAX - 1
    for one in candidates:
        if one.priority <= lifted and not one.shadow:
            fate: Fate = "lifted"
        elif not one.fits(asked):
            fate = "other"
        elif one.shadow:
            fate = _try(one, asked, ruling)
        elif one.effect == "allow":
            ruling.lifted_by, lifted, fate = one, one.priority, "allows"
        elif one.effect == "deny":
            ruling.denied_by, fate = one, "denies"
        elif one.name in names:
            fate = "hidden"
        else:
            fate = _hold(one, asked, ruling)
            if fate != "lacking":
                names.add(one.name)
        if note is not None:
            note(one, fate)
        if ruling.denied_by is not None:
            break
    return ruling


def _hold(one: Candidate, asked: Asked, ruling: Ruling) -> Fate:
    """It may refuse: who cannot be told apart is not always let through."""
    if one.effect == "unlimited":
        ruling.freed_by = one
        return "unlimited"
    held = _held(one, asked)
    if held is None:
        if without_of(one) != "deny":
            return "lacking"
        ruling.denied_by = one
        return "denies"
    if isinstance(held.policy.algorithm, Unlimited):
        ruling.freed_by = one
        return "unlimited"
    ruling.held.append(held)
    return "holds"


def _try(one: Candidate, asked: Asked, ruling: Ruling) -> Fate:
    held = None if one.effect == "deny" else _held(one, asked)
    if held is not None:
        ruling.trials.append(held)
        return "on trial"
    if one.effect == "deny" or without_of(one) == "deny":
        ruling.trial_denials.append(one)
        return "on trial"
    return "lacking"


def _held(one: Candidate, asked: Asked) -> Held | None:
    key = one.key(asked)
    if key is None and without_of(one) == "together":
        key = EVERYONE
    policy = None if key is None else one.policy_for(key)
    return None if key is None or policy is None else Held(one, policy, key)
