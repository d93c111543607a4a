"""A rule made ready: its comparisons and policies built once, so that a request only looks up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from ratelimit.policy import Policy
from sadd.limits.asked import Asked
from sadd.limits.fields import policy_field
from sadd.limits.pattern import Networks, Texts, prefix_of
from sadd.limits.policies import overridden, policy_of
from sadd.limits.rule import CLASS_NAME, Effect, Rule, When, Without

Level = Literal["platform", "agency", "service", "route", "key"]
LEVELS: tuple[Level, ...] = ("platform", "agency", "service", "route", "key")

KEY_BYTES_MAX = 200
"""A longer key (a header can be long) is counted by its digest."""

EVERYONE = "*"
"""The key of a limit that is not divided."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One ``when`` of a rule."""

    descriptor: str
    any_of: Texts | Networks | None
    none_of: Texts | Networks | None

    @classmethod
    def of(cls, when: When) -> "Condition":
        """ValueError: a list of ``ip`` has what is no network."""
        make: Callable[[tuple[str, ...]], Texts | Networks]
        make = Networks.of if when.descriptor == "ip" else Texts.of
        return cls(
            when.descriptor,
            make(when.any_of) if when.any_of else None,
            make(when.none_of) if when.none_of else None,
        )

    def fits(self, asked: Asked) -> bool:
        value = descriptor(asked, self.descriptor)
        if value is None or (self.any_of is not None and not self.any_of.hold(value)):
            return False
        return self.none_of is None or not self.none_of.hold(value)

    def unmet(self, asked: Asked) -> str:
        """Why it does not fit."""
        value = descriptor(asked, self.descriptor)
        if value is None:
            return f"the request has no {self.descriptor}"
        if self.any_of is not None and not self.any_of.hold(value):
            return f"{self.descriptor} {value!r} is not in any_of"
        return f"{self.descriptor} {value!r} is in none_of"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule, or the class of a service (``rule`` None), as requests are compared with it."""

    rule: Rule | None
    id: str | None
    effect: Effect
    name: str
    priority: int
    level: Level
    route: Texts | None
    conditions: tuple[Condition, ...]
    policy: Policy | None
    """None of rules that do not count."""
    overrides: Mapping[str, Policy]
    field: str
    """Its item of RateLimit-Policy, without overrides."""
    shadow: bool = False

    @property
    def rank(self) -> tuple[int, int, int, int, str]:
        """Where it stands: by priority; then deny, allow, and the limits; then the most specific first."""
        before = {"deny": 0, "allow": 1}.get(self.effect, 2)
        # The class stands behind every rule of its level, so that a rule can take its place.
        level = 2 * LEVELS.index(self.level) - (self.rule is None)
        return -self.priority, before, -level, -len(self.conditions), self.id or ""

    @property
    def fits_bare(self) -> bool:
        """Whether it may be for a request that names neither a route nor a descriptor."""
        wants = (one.descriptor for one in self.conditions)
        return (self.route is None or self.route.hold("")) and all(name in _OWN for name in wants)

    def fits(self, asked: Asked) -> bool:
        """Whether the rule is for this request."""
        if self.route is not None and not self.route.hold(asked.route):
            return False
        # A loop: a generator for each rule would cost as much as the comparisons.
        for condition in self.conditions:  # noqa: SIM110
            if not condition.fits(asked):
                return False
        return True

    def mismatch(self, asked: Asked) -> str:
        """Why it does not fit."""
        if self.route is not None and not self.route.hold(asked.route):
            return f"route {asked.route!r} is another one" if asked.route else "the request names no route"
        return next(one.unmet(asked) for one in self.conditions if not one.fits(asked))

    def key(self, asked: Asked) -> str | None:
        """Whose counter it is; None if the request has not all that the rule divides by.

        ValueError: nothing says whom the service's class shall count; to let that pass would be a hole.
        """
        if self.rule is None:
            return caller_needed(asked)
        by = self.rule.by
        if len(by) == 1:
            part = self._part(asked, by[0])
            return None if part is None else _bounded(part)
        found = [self._part(asked, name) for name in by]
        parts = [part for part in found if part is not None]
        if len(parts) < len(found):
            return None
        return _joined(parts) if parts else EVERYONE

    def policy_for(self, key: str) -> Policy | None:
        return self.overrides.get(key, self.policy) if self.overrides else self.policy

    def _part(self, asked: Asked, name: str) -> str | None:
        value = descriptor(asked, name)
        if name != "ip" or value is None or self.rule is None:
            return value
        return prefix_of(value, self.rule.ipv4_prefix, self.rule.ipv6_prefix)


def candidate_of(rule: Rule, tag: str = "") -> Candidate:
    """ValueError: the engine cannot keep its numbers, or an address in it is none."""
    policy = _tagged(policy_of(rule), tag) if rule.limit is not None else None
    return Candidate(
        rule=rule,
        id=rule.id,
        effect=rule.effect,
        name=rule.limit_name,
        priority=rule.priority,
        level=level_of(rule),
        route=None if rule.route is None else Texts.of((rule.route,)),
        conditions=tuple(map(Condition.of, rule.when)),
        policy=policy,
        overrides=_overrides(rule, tag),
        field="" if policy is None else policy_field((policy,)),
        shadow=rule.shadow,
    )


def candidate_of_class(policy: Policy, tag: str = "") -> Candidate:
    """The class of a service, as if it were a rule for that service."""
    own = _tagged(policy, tag)
    return Candidate(None, None, "limit", CLASS_NAME, 0, "service", None, (), own, {}, policy_field((own,)))


def _overrides(rule: Rule, tag: str) -> dict[str, Policy]:
    """By key; of a key that is in two of them the later one's."""
    found: dict[str, Policy] = {}
    for one in rule.overrides:
        found |= dict.fromkeys(one.keys, _tagged(overridden(rule, one), tag))
    return found


def _tagged(policy: Policy, tag: str) -> Policy:
    return replace(policy, tag=tag) if tag else policy


def level_of(rule: Rule) -> Level:
    """The most specific thing that the rule is bound to."""
    if any(when.descriptor == "key" and when.any_of for when in rule.when):
        return "key"
    if rule.route is not None:
        return "route"
    if rule.service is not None:
        return "service"
    return "platform" if rule.agency is None else "agency"


def descriptor(asked: Asked, name: str) -> str | None:
    """What the request says of ``name``; None if nothing."""
    own = _OWN.get(name)
    return (asked.descriptors.get(name) if own is None else own(asked)) or None


def caller(asked: Asked) -> str | None:
    """Whom a limit counts that divides by nothing else; an address by its network. None if unknown."""
    said = asked.caller()
    if not said:
        return None
    if not asked.key and said == asked.descriptors.get("ip"):
        return prefix_of(said, 32, 64) or said
    return said


_OWN: Mapping[str, Callable[[Asked], str | None]] = {
    "key": caller,
    "service": lambda asked: asked.service,
    "route": lambda asked: asked.route,
}
"""What is not taken from the descriptors, so that nobody can send it along as one."""


def caller_needed(asked: Asked) -> str:
    """The same where there must be one. ValueError: there is none."""
    said = caller(asked)
    if said is None:
        raise ValueError("neither a key nor a descriptor says whose limit it is")
    return said


def _joined(parts: list[str]) -> str:
    """One key of several values. No two lists of values have the same one."""
    return _bounded("|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts))


def _bounded(key: str) -> str:
    if 4 * len(key) <= KEY_BYTES_MAX:  # of UTF-8 no letter takes more than four
        return key
    raw = key.encode()
    return key if len(raw) <= KEY_BYTES_MAX else f"sha256:{sha256(raw).hexdigest()}"


def without_of(candidate: Candidate) -> Without:
    return "skip" if candidate.rule is None else candidate.rule.without
