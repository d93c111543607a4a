"""Which rules hold for a request: a pure function of the rules and the request, with its reasons.

The candidates are gone through in one order: by priority, and at one priority deny, allow, then the limits
from the most specific to the least.

- A ``deny`` that fits refuses the request, and nothing after it is looked at.
- An ``allow`` that fits lifts everything of its priority and below.
- Of limits with one name the first that fits holds; limits of different names hold together.
- A rule in ``shadow`` is set aside: it is counted by itself and refuses nobody.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ratelimit.algorithm import Unlimited
from ratelimit.policy import Policy
from sadd.catalogue.model import Service
from sadd.limits.asked import Asked
from sadd.limits.candidate import EVERYONE, Candidate, candidate_of, candidate_of_class, without_of
from sadd.limits.rule import Rule, Rules

Fate = Literal["holds", "denies", "allows", "unlimited", "on trial", "passed over"]
Note = Callable[[Candidate, Fate, str], None]


@dataclass(frozen=True, slots=True)
class Held:
    """A limit that holds for a request, and whose counter it is."""

    candidate: Candidate
    policy: Policy
    key: str


@dataclass(slots=True)
class Ruling:
    """What the rules make of one request, before anything is counted."""

    held: list[Held] = field(default_factory=list)
    trials: list[Held] = field(default_factory=list)
    """Limits in shadow, to be counted by themselves."""
    trial_denials: list[Candidate] = field(default_factory=list)
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
    names: dict[str, Candidate] = {}
    tell = note or _silent
    for one in candidates:
        if lifted := _lifted(one, ruling.lifted_by):
            tell(one, "passed over", lifted)
        elif why := one.mismatch(asked):
            tell(one, "passed over", why)
        elif one.shadow:
            _try(one, asked, ruling, tell)
        elif one.effect == "allow":
            ruling.lifted_by = one
            tell(one, "allows", f"whatever has priority {one.priority} or less is lifted")
        elif one.effect == "deny":
            _deny(one, "no limit is asked", ruling, tell)
        elif first := names.get(one.name):
            tell(one, "passed over", f"{_called(first)} has the same name {one.name!r} and comes first")
        elif _hold(one, asked, ruling, tell):
            names[one.name] = one
        if ruling.denied_by is not None:
            break
    return ruling


def _lifted(one: Candidate, by: Candidate | None) -> str | None:
    if by is None or one.shadow or one.priority > by.priority:
        return None
    return f"lifted by {by.id}"


def _deny(one: Candidate, why: str, ruling: Ruling, tell: Note) -> None:
    ruling.denied_by = one
    tell(one, "denies", why)


def _hold(one: Candidate, asked: Asked, ruling: Ruling, tell: Note) -> bool:
    """Whether it took its name's place. It may refuse: who cannot be told apart is not always let through."""
    if one.effect == "unlimited":
        ruling.freed_by = one
        tell(one, "unlimited", f"the limit {one.name!r} does not count this request")
        return True
    held = _held(one, asked)
    if held is not None and isinstance(held.policy.algorithm, Unlimited):
        ruling.freed_by = one
        tell(one, "unlimited", f"an override frees {held.key!r}")
        return True
    if held is not None:
        ruling.held.append(held)
        tell(one, "holds", f"counts {held.key!r}")
        return True
    if without_of(one) == "deny":
        _deny(one, _lacking(one), ruling, tell)
        return True
    tell(one, "passed over", _lacking(one))
    return False


def _try(one: Candidate, asked: Asked, ruling: Ruling, tell: Note) -> None:
    if one.effect == "deny":
        ruling.trial_denials.append(one)
        tell(one, "on trial", "would refuse")
        return
    held = _held(one, asked)
    if held is not None:
        ruling.trials.append(held)
        tell(one, "on trial", f"counts {held.key!r}")
    elif without_of(one) == "deny":
        ruling.trial_denials.append(one)
        tell(one, "on trial", f"would refuse: {_lacking(one)}")
    else:
        tell(one, "passed over", _lacking(one))


def _held(one: Candidate, asked: Asked) -> Held | None:
    key = one.key(asked)
    if key is None and without_of(one) == "together":
        key = EVERYONE
    policy = None if key is None else one.policy_for(key)
    return None if key is None or policy is None else Held(one, policy, key)


def _lacking(one: Candidate) -> str:
    by = ("key",) if one.rule is None else one.rule.by
    return f"the request has not all of {', '.join(by)}"


def _called(one: Candidate) -> str:
    return one.id or "the service's class"


def _silent(_one: Candidate, _fate: Fate, _why: str) -> None:
    """Most requests need no reasons."""
