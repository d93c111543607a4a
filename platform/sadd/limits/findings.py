"""What must hold of each rule, whoever writes it. Every function yields all that it finds.

References are judged by the catalogue where there is one.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from ratelimit.limiter import TOGETHER_MAX
from sadd.catalogue.fault import Finding, Path
from sadd.catalogue.model import Catalogue
from sadd.catalogue.shape import nearest
from sadd.catalogue.wording import id_findings
from sadd.limits.pattern import ANY, Networks
from sadd.limits.policies import MAY_HAVE, NEEDS, SLOTS, SPECIAL, overridden, policy_of
from sadd.limits.rule import CLASS_NAME, PRIORITY_MAX, Limit, Rule
from sadd.limits.rules import elsewhere
from sadd.limits.spelling import HEADER_NAME, plain_route

RULES_MAX = 2_000
LIST_MAX = 10_000
"""Values in all lists of a rule: one of blocked networks can be long, and several rules may share it."""
OVERRIDES_MAX = 1_000
TEXT_BYTES_MAX = 512
STARS_MAX = 8
BY_MAX = 8
DESCRIPTORS = ("app", "citizen", "ip", "key", "service", "route")

NUL, NUL_FOUND = "\0", "has a NUL in it, which the database cannot hold"


def findings(rule: Rule, catalogue: Catalogue | None = None) -> Iterator[Finding]:
    """Everything that is wrong with one rule."""
    yield from id_findings(rule.id)
    if rule.name is not None and rule.name != CLASS_NAME:
        yield from id_findings(rule.name, ("name",))
    yield from _scope(rule, catalogue)
    yield from _conditions(rule)
    yield from _division(rule)
    yield from _effect(rule)
    if rule.limit is not None:
        yield from _limit(rule, rule.limit)
    if NUL in rule.note:
        yield Finding(("note",), NUL_FOUND)
    if abs(rule.priority) > PRIORITY_MAX:
        yield Finding(("priority",), f"{rule.priority} is not between -{PRIORITY_MAX:,} and {PRIORITY_MAX:,}")


def findings_of(rules: Sequence[Rule], catalogue: Catalogue | None = None) -> Iterator[tuple[Rule, Finding]]:
    """Everything that is wrong with rules, each finding with the rule that it is about."""
    for rule in rules:
        yield from ((rule, finding) for finding in findings(rule, catalogue))
    ids = Counter(rule.id for rule in rules)
    for rule in rules:
        if ids[rule.id] > 1:
            yield rule, Finding(("id",), "another rule has this id")
    if len(rules) > RULES_MAX:
        yield rules[RULES_MAX], Finding((), too_many(len(rules)))
    if catalogue is not None:
        yield from crowded(rules, catalogue)


def crowded(rules: Sequence[Rule], catalogue: Catalogue) -> Iterator[tuple[Rule, Finding]]:
    """The rule that makes it too many for one request: the engine decides so many together and no more."""
    counting = [rule for rule in rules if rule.effect == "limit" and not rule.shadow]
    if len(counting) < TOGETHER_MAX:
        return
    for service in catalogue.services.values():
        own = [rule for rule in counting if not elsewhere(rule, service)]
        count = len({CLASS_NAME, *(rule.limit_name for rule in own)})
        if count > TOGETHER_MAX:
            told = f"{count} limits for {service.id}; at most {TOGETHER_MAX} are decided together"
            yield own[-1], Finding((), told)
            return


def too_many(count: int) -> str:
    return f"{count:,} rules; at most {RULES_MAX:,} are taken"


def _scope(rule: Rule, catalogue: Catalogue | None) -> Iterator[Finding]:
    if rule.route is not None:
        yield from _text(rule.route, ("route",))
        if (route := plain_route(rule.route)) != rule.route:
            yield Finding(("route",), f"{rule.route!r} never fits: requests are compared as {route!r}")
    if catalogue is None:
        return
    if rule.agency is not None and rule.agency not in catalogue.agencies:
        yield Finding(
            ("agency",), f"no such agency: {rule.agency!r}{nearest(rule.agency, catalogue.agencies)}"
        )
    if rule.service is None:
        return
    service = catalogue.services.get(rule.service)
    if service is None:
        hint = nearest(rule.service, catalogue.services)
        yield Finding(("service",), f"no such service: {rule.service!r}{hint}")
    elif rule.agency is not None and service.agency != rule.agency:
        yield Finding(("agency",), f"the service {rule.service} belongs to {service.agency}")


def _conditions(rule: Rule) -> Iterator[Finding]:
    count = sum(len(when.any_of) + len(when.none_of) for when in rule.when)
    if count > LIST_MAX:
        yield Finding(
            ("when",), f"{count:,} values; at most {LIST_MAX:,} are taken, in several rules if need be"
        )
        return
    for i, when in enumerate(rule.when):
        at: Path = ("when", i)
        yield from _descriptor(when.descriptor, (*at, "descriptor"))
        for name, values in (("any_of", when.any_of), ("none_of", when.none_of)):
            yield from _values(values, (*at, name), networks=when.descriptor == "ip")


def _values(values: tuple[str, ...], at: Path, *, networks: bool) -> Iterator[Finding]:
    for i, value in enumerate(values):
        if not networks:
            yield from _text(value, (*at, i))
            continue
        try:
            Networks.of([value])
        except ValueError:
            yield Finding((*at, i), f"{value!r} is no address and no network")


def _text(value: str, at: Path) -> Iterator[Finding]:
    if not value:
        yield Finding(at, "empty")
    elif len(value.encode()) > TEXT_BYTES_MAX:
        yield Finding(at, f"longer than {TEXT_BYTES_MAX} bytes")
    elif value.count(ANY) > STARS_MAX:
        yield Finding(at, f"more than {STARS_MAX} stars")
    elif NUL in value:
        yield Finding(at, NUL_FOUND)


def _descriptor(name: str, at: Path) -> Iterator[Finding]:
    if name not in DESCRIPTORS and not HEADER_NAME.fullmatch(name):
        if name.startswith("header:"):
            yield Finding(at, f"{name!r} names no header: header:<name>, in small letters")
        else:
            hint = nearest(name, [*DESCRIPTORS, "header:<name>"])
            yield Finding(at, f"no such descriptor: {name!r}{hint}")


def _division(rule: Rule) -> Iterator[Finding]:
    if len(rule.by) > BY_MAX:
        yield Finding(("by",), f"{len(rule.by)} descriptors; at most {BY_MAX} are taken")
    for i, name in enumerate(rule.by):
        yield from _descriptor(name, ("by", i))
        if name in rule.by[:i]:
            yield Finding(("by", i), "given twice")
    for field, length, most in (
        ("ipv4_prefix", rule.ipv4_prefix, 32),
        ("ipv6_prefix", rule.ipv6_prefix, 128),
    ):
        if not 1 <= length <= most:
            yield Finding((field,), f"{length} is not between 1 and {most}")


def _effect(rule: Rule) -> Iterator[Finding]:
    """Fields that belong together, and those that would say nothing."""
    if rule.effect == "limit" and rule.limit is None:
        yield Finding(("limit",), "missing: without it there is nothing to count")
    if rule.effect != "limit":
        if rule.limit is not None:
            yield Finding(("limit",), f"says nothing where the effect is {rule.effect}")
        if rule.overrides:
            yield Finding(("overrides",), f"say nothing where the effect is {rule.effect}")
        if rule.without != "skip":
            yield Finding(("without",), f"says nothing where the effect is {rule.effect}")
    if rule.effect in ("allow", "deny") and rule.name is not None:
        yield Finding(("name",), f"says nothing where the effect is {rule.effect}")
    if rule.effect in ("allow", "unlimited") and rule.shadow:
        yield Finding(("shadow",), f"a rule that refuses nobody ({rule.effect}) has nothing to try")


def _limit(rule: Rule, limit: Limit) -> Iterator[Finding]:
    """The fields that the algorithm has and needs, then the numbers as the engine takes them."""
    fields = {*NEEDS[limit.algorithm], *MAY_HAVE[limit.algorithm]}
    for name in SPECIAL:
        if name not in fields and getattr(limit, name) is not None:
            yield Finding(("limit", name), f"not of {limit.algorithm}")
    missing = [name for name in NEEDS[limit.algorithm] if getattr(limit, name) is None]
    for name in missing:
        yield Finding(("limit", name), f"missing: {limit.algorithm} needs it")
    if limit.week_begins is not None and limit.unit != "week":
        yield Finding(("limit", "week_begins"), "only of weeks")
    if limit.on_store_loss == "local" and limit.algorithm in SLOTS:
        told = "slots know closed (default) and open: only the store can count them"
        yield Finding(("limit", "on_store_loss"), told)
    if not missing:
        yield from _numbers(rule)


def _numbers(rule: Rule) -> Iterator[Finding]:
    try:
        policy_of(rule)
    except ValueError as wrong:
        yield Finding(("limit",), _said(rule, wrong))
        return
    keys = sum(len(one.keys) for one in rule.overrides)
    if len(rule.overrides) > OVERRIDES_MAX or keys > LIST_MAX:
        told = f"{len(rule.overrides):,} with {keys:,} keys; at most {OVERRIDES_MAX:,} with {LIST_MAX:,}"
        yield Finding(("overrides",), told)
        return
    for i, override in enumerate(rule.overrides):
        at: Path = ("overrides", i)
        if override.unlimited and (override.limit is not None or override.burst is not None):
            yield Finding((*at, "unlimited"), "given beside numbers")
        if not override.unlimited and override.limit is None and override.burst is None:
            yield Finding(at, "changes nothing: limit, burst or unlimited")
        for k, key in enumerate(override.keys):
            yield from _text(key, (*at, "keys", k))
        try:
            overridden(rule, override)
        except ValueError as wrong:
            yield Finding(at, _said(rule, wrong))


def _said(rule: Rule, wrong: ValueError) -> str:
    """The engine's words without the policy's name, which stands before them anyway."""
    return str(wrong).removeprefix(f"{rule.policy_id}: ")
