"""What the desk costs without the engine, by rules: ``python -m benchmarks.bench_rules [--json]``."""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.harness import tell_times
from ratelimit.decision import Decision, Verdict
from ratelimit.limiter import Check
from sadd.catalogue.kinds import assemble
from sadd.catalogue.model import (
    Agency,
    Capacity,
    Catalogue,
    Contact,
    LimitClass,
    Name,
    Peak,
    Protection,
    Service,
)
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked
from sadd.limits.desk import Desk
from sadd.limits.rule import Limit, Rule, Rules, When
from sadd.limits.rules import Book

CALLS, ROUNDS = 5_000, 15
MINUTE = Limit(60, period_seconds=60)


@dataclass(frozen=True)
class Still:
    current: Catalogue


@dataclass(frozen=True)
class StillBook:
    current: Book


class Engine:
    """Stands where the engine does, and allows everything at once."""

    def ask(self, check: Check, done: Callable[[Decision], None]) -> None:
        done(_allowed(check))

    def ask_many(self, checks: Sequence[Check], done: Callable[[list[Decision]], None]) -> None:
        done(list(map(_allowed, checks)))

    def ask_together(self, checks: Sequence[Check], done: Callable[[Verdict], None]) -> None:
        done(Verdict(True, tuple(map(_allowed, checks))))


def _allowed(check: Check) -> Decision:
    return Decision(True, check.policy.id, 60, 59, 1_000, None)


def catalogue() -> Catalogue:
    contact = Contact("info@moi.gov.example", "+974 4000 1100")
    service = Service(
        id="moi-passport",
        agency="moi",
        name=Name("تجديد جواز", "Passport renewal"),
        category="identity",
        audience=("citizens",),
        channels=("web",),
        status="live",
        since="2020-01-01",
        origin="https://passport.moi.gov.example",
        capacity=Capacity(100, 1_000),
        yearly_volume=1_000_000,
        peak=Peak("summer", 4.0),
        protection=Protection("standard"),
    )
    return assemble(
        1,
        {
            "limits": {"standard": LimitClass("standard", 60, 60, 20)},
            "agencies": {"moi": Agency("moi", Name("الداخلية", "Interior"), "ministry", contact)},
            "services": {service.id: service},
        },
    )


def sets() -> dict[str, tuple[Rule, ...]]:
    """Rules by what they show. Each request is by a citizen with one application, and one address."""
    others = tuple(
        Rule(f"r{i}", agency="moi", when=(When("app", any_of=(f"a{i}",)),), limit=MINUTE) for i in range(100)
    )
    held = tuple(Rule(f"h{i}", agency="moi", by=("citizen",), limit=MINUTE) for i in range(4))
    blocked = tuple(f"10.{i // 256}.{i % 256}.0/24" for i in range(10_000))
    return {
        "class alone": (),
        "1 that holds": held[:1],
        "4 that hold": held,
        "100 for others": others,
        "10,000 blocked networks": (Rule("deny", effect="deny", when=(When("ip", any_of=blocked),)),),
    }


def measure() -> dict[str, float]:
    """Nanoseconds a question, the median of interleaved rounds, by set of rules."""
    view = Still(catalogue())
    desks = {
        name: Desk(Engine(), view, StillBook(Book.of(Rules(1, rules)))) for name, rules in sets().items()
    }
    rounds: dict[str, list[float]] = {name: [] for name in desks}
    for _ in range(ROUNDS):
        for name, desk in desks.items():
            rounds[name].append(_nanoseconds(desk))
    return {name: statistics.median(times) for name, times in rounds.items()}


def _nanoseconds(desk: Desk) -> float:
    who = {"citizen": "28512345678", "app": "metrash", "ip": "192.0.2.7"}
    asked = Asked("moi-passport", "28512345678", "/renew", who)
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        desk.ask("moi", asked, _done)
    return (time.perf_counter_ns() - start) / CALLS


def _done(_answer: Answer) -> None:
    """Nobody waits."""


def main(argv: Sequence[str] | None = None) -> int:
    return tell_times(measure, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
