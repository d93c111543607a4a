"""Why a request is decided as it is: the fate of every rule, with its reason. Nothing is counted here."""

from collections.abc import Sequence
from dataclasses import dataclass

from sadd.catalogue.model import Catalogue
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.candidate import Candidate, Level
from sadd.limits.classes import limit_of
from sadd.limits.fields import seconds
from sadd.limits.rule import CLASS_NAME, Limit, Rule
from sadd.limits.rules import Book, Fate, Held, Ruling, elsewhere, resolve
from sadd.limits.spelling import plain

PASSED = "passed over"


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one rule. ``key`` is whose counter it takes from, if it takes."""

    rule: str
    fate: str
    why: str
    level: Level
    priority: int
    limit: str
    policy: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The rules in the order in which they were looked at, then those that are for other services."""

    service: str
    agency: str
    told: tuple[Told, ...]
    ruling: Ruling


def explain(catalogue: Catalogue, book: Book, asked: Asked) -> Explanation:
    """UnknownService. ValueError: nothing says whose limit it is, or it is misspelt."""
    asked = plain(asked)
    service = catalogue.services.get(asked.service)
    if service is None or service.status == "retired":
        raise UnknownService(asked.service)
    fates: list[tuple[Candidate, Fate]] = []
    candidates = book.candidates(service, limit_of(catalogue, service))
    ruling = resolve(candidates, asked, lambda one, fate: fates.append((one, fate)))
    reasons = _Reasons(asked, ruling, fates)
    told = [_told(one, *reasons.of(one, fate), reasons.held.get(one.id)) for one, fate in fates]
    by = ruling.denied_by
    behind = f"{by.id if by else ''} refuses before it"
    told += [_told(one, PASSED, behind) for one in candidates[len(fates) :]]
    told += [_told(one, PASSED, why) for one in book if one.rule and (why := elsewhere(one.rule, service))]
    return Explanation(service.id, service.agency, tuple(told), ruling)


class _Reasons:
    """The reason for each fate, in words."""

    def __init__(self, asked: Asked, ruling: Ruling, fates: Sequence[tuple[Candidate, Fate]]) -> None:
        self.held = {one.candidate.id: one for one in (*ruling.held, *ruling.trials)}
        self._asked = asked
        self._ruling = ruling
        self._named = {one.name: one for one, fate in reversed(fates) if fate in ("holds", "unlimited")}

    def of(self, one: Candidate, fate: Fate) -> tuple[str, str]:
        """The fate as it is shown, and why."""
        held = self.held.get(one.id)
        counts = "" if held is None else f"counts {held.key!r}"
        match fate:
            case "holds":
                return fate, counts
            case "on trial":
                return fate, counts or "would refuse"
            case "allows":
                return fate, f"whatever has priority {one.priority} or less is lifted"
            case "denies":
                return fate, "no limit is asked" if one.effect == "deny" else _lacking(one)
            case "unlimited":
                return fate, f"the limit {one.name!r} does not count this request"
            case "lifted":
                by = self._ruling.lifted_by
                return PASSED, f"lifted by {by.id if by else ''}"
            case "hidden":
                first = self._named[one.name].id or "the service's class"
                return PASSED, f"{first} has the same name {one.name!r} and comes first"
            case "lacking":
                return PASSED, _lacking(one)
            case "other":
                return PASSED, one.mismatch(self._asked)


def verdict(explanation: Explanation, looked: Answer | None, cost: int) -> tuple[bool | None, str]:
    """May the request go on, and that in words; None if only the counters could tell.

    ``looked`` is the desk's answer to the same question at cost 0, None where no store was asked.
    """
    if (by := explanation.ruling.denied_by) is not None:
        return False, f"refused by {by.id}"
    counted = any(not one.policy.slots for one in explanation.ruling.held)
    if not counted:
        return True, "allowed: no limit counts it"
    if looked is None:
        return None, "it depends on the counters, and no store was asked"
    short = [one for one in looked.decisions if not one.allowed or one.remaining < max(cost, 1)]
    if not short:
        return True, f"allowed: {looked.decision.remaining:,} left of {looked.decision.policy}"
    worst = max(short, key=lambda one: one.retry_after_ms or 0)
    again = f", again in {seconds(worst.retry_after_ms)} s" if worst.retry_after_ms else ""
    return False, f"refused by {worst.policy}: {worst.remaining:,} left{again}"


def limit_in_words(limit: Limit) -> str:
    """``50 each day in Asia/Qatar``, ``100 in 10 s, 20 at once``."""
    number = f"{limit.limit:,}"
    match limit.algorithm:
        case "gcra":
            at_once = limit.limit if limit.burst is None else limit.burst
            return f"{number} in {limit.period_seconds:,} s, {at_once:,} at once"
        case "sliding-window":
            return f"{number} in any {limit.period_seconds:,} s"
        case "fixed-window":
            return f"{number} each {limit.period_seconds:,} s"
        case "calendar":
            return f"{number} each {limit.unit}" + (f" in {limit.zone}" if limit.zone else "")
        case "concurrency":
            return f"{number} under way"
        case "adaptive":
            return f"up to {number} under way, by latency"


def scope_in_words(rule: Rule) -> str:
    """``moehe, route /pdf/*``; ``everything`` for the platform."""
    parts = [rule.service or rule.agency or "", f"route {rule.route}" if rule.route else ""]
    parts += [_when_in_words(one.descriptor, one.any_of, one.none_of) for one in rule.when]
    return ", ".join(filter(None, parts)) or "everything"


def rule_in_words(rule: Rule) -> str:
    """What it does: its numbers, or its effect."""
    if rule.limit is None:
        return rule.effect
    by = f" by {', '.join(rule.by)}" if rule.by else " together"
    return limit_in_words(rule.limit) + by + (", on trial" if rule.shadow else "")


def _when_in_words(name: str, any_of: tuple[str, ...], none_of: tuple[str, ...]) -> str:
    parts = [
        f"{name} in {_few(any_of)}" if any_of else "",
        f"{name} not in {_few(none_of)}" if none_of else "",
    ]
    return " and ".join(filter(None, parts)) or f"with {name}"


def _few(values: tuple[str, ...]) -> str:
    return ", ".join(values) if len(values) <= 3 else f"{', '.join(values[:2])} and {len(values) - 2:,} more"


def _lacking(one: Candidate) -> str:
    by = ("key",) if one.rule is None else one.rule.by
    return f"the request has not all of {', '.join(by)}"


def _told(one: Candidate, fate: str, why: str, held: Held | None = None) -> Told:
    policy_id, key = ("", "") if held is None else (held.policy.id, held.key)
    if one.rule is None:
        assert one.policy is not None, "a class counts"
        policy = one.policy
        words = f"{policy.limit:,} in {policy.period_seconds:,} s, {policy.burst:,} at once by key"
        return Told(CLASS_NAME, fate, why, one.level, 0, words, policy_id, key)
    return Told(one.rule.id, fate, why, one.level, one.priority, rule_in_words(one.rule), policy_id, key)
