"""Rules and requests for tests, with a catalogue of two agencies."""

from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from sadd.catalogue.model import Catalogue, LimitClass
from sadd.limits.asked import Asked
from sadd.limits.classes import limit_of
from sadd.limits.explain import explain
from sadd.limits.rule import Limit, Rule, Rules
from sadd.limits.rules import Book, Ruling, resolve
from tests.sadd.catalogue.scene import service, small

RESULTS = "moehe-results"
OTHER = "moehe-other"
CLINIC = "moph-appointment"

DAY_SECONDS = 86_400
"""Of every limit here: nothing comes back while a test runs, however slow the machine."""

TEN = Limit(10, period_seconds=DAY_SECONDS)
FIVE = Limit(5, period_seconds=DAY_SECONDS)
TWO = Limit(2, period_seconds=DAY_SECONDS)


def catalogue() -> Catalogue:
    """The class of each service: 60 a day, 20 at once."""
    whole = small(service(RESULTS), service(OTHER), service(CLINIC, "moph"))
    limits = {"standard": LimitClass("standard", 60, DAY_SECONDS, 20)}
    return replace(whole, classes=replace(whole.classes, limits=limits))


def rule(id_: str = "flood", **fields: Any) -> Rule:
    if fields.get("effect", "limit") == "limit":
        fields.setdefault("limit", TEN)
    return Rule(id_, **fields)


def asked(service_id: str = RESULTS, **fields: Any) -> Asked:
    """A request of somebody; words with an underscore are descriptors."""
    fields.setdefault("key", "somebody")
    return Asked(service_id, **fields)


def judge(rules: list[Rule], question: Asked) -> Ruling:
    whole = catalogue()
    wanted = whole.services[question.service]
    candidates = Book.of(Rules(1, tuple(rules))).candidates(wanted, limit_of(whole, wanted))
    return resolve(candidates, question)


def reasons(rules: list[Rule], question: Asked) -> dict[str, tuple[str, str]]:
    """What became of each rule, and why."""
    explanation = explain(catalogue(), Book.of(Rules(1, tuple(rules))), question)
    return {one.rule: (one.fate, one.why) for one in explanation.told}


def holding(rules: list[Rule], question: Asked) -> dict[str, str]:
    """Each limit that holds, and whose counter it is."""
    return {held.candidate.id or "class": held.key for held in judge(rules, question).held}


@dataclass
class View:
    current: Catalogue = field(default_factory=catalogue)


@dataclass
class Books:
    current: Book
