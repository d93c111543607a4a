"""Why a request is decided as it is: the fate of every rule, with its reason. Nothing is counted here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sadd.catalogue.model import Catalogue
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.candidate import Candidate, Level, level_of
from sadd.limits.classes import limit_of
from sadd.limits.fields import seconds
from sadd.limits.rule import CLASS_NAME, Limit, Rule
from sadd.limits.rules import Book, Fate, Held, Ruling, elsewhere, resolve


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one rule. ``key`` is whose counter it takes from, if it takes."""

    rule: str
    fate: Fate
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
    """UnknownService. ValueError: nothing says whose limit it is."""
    service = catalogue.services.get(asked.service)
    if service is None or service.status == "retired":
        raise UnknownService(asked.service)
    told: list[Told] = []

    def note(one: Candidate, fate: Fate, why: str) -> None:
        told.append(_told(one, fate, why))

    candidates = book.candidates(service, limit_of(catalogue, service))
    ruling = resolve(candidates, asked, note)
    counted = {(held.candidate.id or CLASS_NAME): held for held in (*ruling.held, *ruling.trials)}
    seen = {one.rule for one in told}
    told = [_with_key(one, counted) for one in told]
    told += [
        _told(one, "passed over", f"{ruling.denied_by.id} refuses before it")
        for one in candidates
        if ruling.denied_by is not None and (one.id or CLASS_NAME) not in seen
    ]
    told += [
        _told(one, "passed over", why) for one in book if one.rule and (why := elsewhere(one.rule, service))
    ]
    return Explanation(service.id, service.agency, tuple(told), ruling)


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


def _told(one: Candidate, fate: Fate, why: str) -> Told:
    if one.rule is None:
        assert one.policy is not None, "a class counts"
        policy = one.policy
        words = f"{policy.limit:,} in {policy.period_seconds:,} s, {policy.burst:,} at once by key"
        return Told(CLASS_NAME, fate, why, "service", 0, words)
    return Told(one.rule.id, fate, why, level_of(one.rule), one.priority, rule_in_words(one.rule))


def _with_key(told: Told, counted: Mapping[str, Held]) -> Told:
    held = counted.get(told.rule)
    return told if held is None else replace(told, policy=held.policy.id, key=held.key)
