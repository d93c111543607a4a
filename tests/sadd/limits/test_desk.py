"""The desk, on the real engine and an empty Valkey."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from ratelimit.limiter import Limiter
from sadd.app.services import open_limiter
from sadd.catalogue.model import LimitClass
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.desk import Desk
from sadd.limits.fields import fields
from sadd.limits.rule import Limit, Override, Rule, Rules, When
from sadd.limits.rules import Book
from tests.sadd.limits.scene import (
    CLINIC,
    DAY_SECONDS,
    FIVE,
    RESULTS,
    TWO,
    Books,
    View,
    asked,
    catalogue,
    rule,
)
from tests.stores import connected, stoppable_valkey

WIDE = Limit(1000, period_seconds=DAY_SECONDS)


def desk(limiter: Limiter, *rules: Rule, tag: str = "") -> Desk:
    return Desk(limiter, View(), Books(Book.of(Rules(1, rules), tag)))


async def spend(at: Desk, question: Asked, times: int) -> list[bool]:
    return [(await at.decide(None, question)).allowed for _ in range(times)]


def remaining(answer: Answer) -> dict[str, int]:
    return {one.policy: one.remaining for one in answer.decisions}


async def test_a_service_without_rules_has_its_class(limiter: Limiter) -> None:
    """Twenty at once, and the answer names no rule."""
    at = desk(limiter)
    answer = await at.decide("moehe", asked())
    assert (answer.allowed, answer.rule, remaining(answer)) == (True, None, {RESULTS: 19})
    assert await spend(at, asked(), 20) == [True] * 19 + [False]


async def test_all_limits_or_none(limiter: Limiter) -> None:
    """Fifteen calls, five allowed by the narrow limit: the wide one lost five, not fifteen."""
    at = desk(limiter, rule("narrow", limit=FIVE), rule("wide", limit=WIDE))
    answers = [await at.decide(None, asked()) for _ in range(15)]
    assert [one.allowed for one in answers] == [True] * 5 + [False] * 10
    assert {(one.rule, one.decision.policy) for one in answers[5:]} == {("narrow", "rule.narrow")}
    look = await at.decide(None, asked(cost=0))
    assert remaining(await at.decide(None, Asked("rule.wide", "somebody", cost=0))) == {"rule.wide": 995}
    assert look.violated == ("rule.narrow",)


async def test_a_thousand_at_once_count_exactly(limiter: Limiter) -> None:
    """Of concurrent callers the narrow limit admits its number, and the wide one lost as many."""
    at = desk(limiter, rule("narrow", limit=FIVE, by=()), rule("wide", limit=WIDE, by=()))
    questions = [asked(key=f"k{i}") for i in range(1000)]
    answers = await at.decide_many(None, questions)
    assert sum(one.allowed for one in answers) == 5
    assert remaining(await at.decide(None, Asked("rule.wide", "*", cost=0))) == {"rule.wide": 995}


async def test_the_nearest_limit_is_reported(limiter: Limiter) -> None:
    """Allowed: the one with the least remaining; its fields name all of them."""
    at = desk(limiter, rule("narrow", limit=FIVE), rule("wide", limit=WIDE))
    answer = await at.decide(None, asked())
    assert (answer.rule, answer.decision.remaining) == ("narrow", 4)
    assert fields(answer)["RateLimit-Policy"] == (
        f'"{RESULTS}";q=60;w=86400, "rule.narrow";q=5;w=86400, "rule.wide";q=1000;w=86400'
    )
    assert fields(answer)["RateLimit"].startswith('"rule.narrow";r=4;')


async def test_a_denial_counts_nothing(limiter: Limiter) -> None:
    """Refused for good, by the rule's name; no counter moved."""
    blocked = rule("blocked", effect="deny", when=(When("ip", any_of=("192.0.2.0/24",)),))
    at = desk(limiter, blocked)
    answer = await at.decide(None, asked(descriptors={"ip": "192.0.2.1"}))
    assert (answer.allowed, answer.rule, answer.decision.retry_after_ms) == (False, "blocked", None)
    assert answer.violated == ("rule.blocked",)
    assert fields(answer) == {}
    assert remaining(await at.decide(None, asked(cost=0))) == {RESULTS: 20}


async def test_whom_nothing_counts_is_let_through(limiter: Limiter) -> None:
    """An allowance and an unlimited class: as often as wanted, and no fields."""
    friends = rule("friends", effect="allow", when=(When("app", any_of=("metrash",)),))
    free = rule("free", effect="unlimited", name="class", service=CLINIC)
    at = desk(limiter, friends, free)
    for question, by in ((asked(descriptors={"app": "metrash"}), "friends"), (asked(CLINIC), "free")):
        assert await spend(at, question, 50) == [True] * 50
        answer = await at.decide(None, question)
        assert (answer.rule, answer.decision.why, fields(answer)) == (by, "unlimited", {})


async def test_a_rule_on_trial_is_told_and_refuses_nobody(limiter: Limiter) -> None:
    """It counts by itself: from the third call on it would have refused."""
    at = desk(limiter, rule("trial", limit=TWO, shadow=True), rule("ban", effect="deny", shadow=True))
    answers = [await at.decide(None, asked()) for _ in range(4)]
    assert [one.allowed for one in answers] == [True] * 4
    assert [one.shadow for one in answers] == [("ban",)] * 2 + [("ban", "trial")] * 2
    assert remaining(answers[-1]) == {RESULTS: 16}


async def test_an_override_shares_the_rules_counter(limiter: Limiter) -> None:
    """Its numbers are told in the fields too."""
    at = desk(
        limiter, rule("pace", name="class", service=RESULTS, limit=TWO, overrides=(Override(("gold",), 5),))
    )
    assert await spend(at, asked(key="gold"), 6) == [True] * 5 + [False]
    assert await spend(at, asked(key="tin"), 3) == [True, True, False]
    answer = await at.decide(None, asked(key="gold"))
    assert fields(answer)["RateLimit-Policy"] == '"rule.pace";q=5;w=86400'


async def test_every_way_of_counting_can_be_a_rule(limiter: Limiter) -> None:
    """Two of each: the third is refused. What counts requests under way has no part in a check."""
    ways = [
        Limit(2, "gcra", DAY_SECONDS),
        Limit(2, "sliding-window", DAY_SECONDS),
        Limit(2, "fixed-window", 7 * DAY_SECONDS),
        Limit(2, "calendar", unit="year"),
    ]
    for number, way in enumerate(ways):
        at = desk(limiter, rule(f"way{number}", limit=way))
        assert await spend(at, asked(), 3) == [True, True, False], way.algorithm
    under_way = rule("slots", name="class", service=RESULTS, limit=Limit(1, "concurrency"))
    assert await spend(desk(limiter, under_way), asked(), 3) == [True] * 3


@pytest.mark.parametrize(("way", "allowed"), [("open", True), ("closed", False), ("local", True)])
async def test_without_a_store_each_limit_goes_its_own_way(
    tmp_path: Path, way: Literal["open", "closed", "local"], allowed: bool
) -> None:
    """One that is closed refuses for all of them, and is told; nothing raises."""
    with stoppable_valkey(tmp_path) as valkey:
        async with connected(valkey.url, deadline_ms=2_000) as client:
            limit = Limit(10, period_seconds=DAY_SECONDS, on_store_loss=way)
            at = desk(open_limiter(client, workers=1, clustered=False), rule("pace", limit=limit))
            assert (await at.decide(None, asked())).decision.fallback is None
            valkey.stop()
            answer = await at.decide(None, asked())
    assert answer.allowed == allowed
    assert {one.fallback for one in answer.decisions} == {way, "local"}
    if not allowed:
        assert (answer.rule, answer.decision.why) == ("pace", "store away")


async def test_another_agencys_service_is_unknown(limiter: Limiter) -> None:
    """So is its rule, and so are the platform's by their policies; without an agency all are known."""
    at = desk(limiter, rule("theirs", agency="moph"), rule("of-service", service=CLINIC), rule("flood"))
    for unknown in (CLINIC, "nothing", "rule.theirs", "rule.of-service", "rule.nothing", "rule.flood"):
        with pytest.raises(UnknownService):
            await at.decide("moehe", asked(unknown))
    assert (await at.decide(None, asked("rule.flood"))).allowed
    assert (await at.decide("moph", asked("rule.theirs"))).allowed
    assert (await at.decide(None, asked(CLINIC))).allowed


@pytest.mark.parametrize("wrong", [{"key": ""}, {"key": "م" * 300}, {"cost": -1}])
async def test_a_wrong_question_takes_nothing(limiter: Limiter, wrong: dict[str, Any]) -> None:
    """Of a batch with one wrong question none is taken, with rules and without."""
    for rules in ((), (rule("flood", by=()),)):
        at = desk(limiter, *rules)
        with pytest.raises(ValueError, match=r"key|cost"):
            await at.decide_many(None, [asked(), asked(**wrong)])
        assert remaining(await at.decide(None, asked(cost=0)))[RESULTS] == 20


async def test_answers_of_a_batch_are_in_order(limiter: Limiter) -> None:
    """Services with rules and without, denied at once and decided later."""
    at = desk(limiter, rule("ban", effect="deny", service=CLINIC), rule("own", service=RESULTS))
    services = [CLINIC, RESULTS, "moehe-other", CLINIC, RESULTS]
    answers = await at.decide_many(None, [asked(one) for one in services])
    assert [one.rule for one in answers] == ["ban", "own", None, "ban", "own"]
    assert await at.decide_many(None, []) == []


async def test_a_change_holds_from_the_next_request_on(limiter: Limiter) -> None:
    """Of the rules and of the catalogue: whoever swaps the view's state has told the desk."""
    view, books = View(), Books(Book.of(Rules(1, ())))
    at = Desk(limiter, view, books)
    assert await spend(at, asked(), 3) == [True] * 3
    books.current = Book.of(Rules(2, (rule("pace", limit=TWO),)))
    assert await spend(at, asked(), 3) == [True, True, False]
    books.current = Book.of(Rules(3, ()))
    classes = replace(catalogue().classes, limits={"standard": LimitClass("standard", 60, DAY_SECONDS, 1)})
    view.current = replace(catalogue(), classes=classes)
    assert await spend(at, asked(key="new"), 2) == [True, False]


async def test_the_desk_asks_by_callback_too(limiter: Limiter) -> None:
    """Each ``done`` is called once, for what is decided at once as for what the store decides."""
    at = desk(limiter, rule("ban", effect="deny", service=CLINIC), rule("own", service=RESULTS))
    told: list[str | None] = []

    def done(answer: Answer) -> None:
        told.append(answer.rule)

    for service in (CLINIC, RESULTS, "moehe-other"):
        at.ask(None, asked(service), done)
    assert told == ["ban"]
    await _until(lambda: len(told) == 3)
    assert sorted(map(str, told)) == ["None", "ban", "own"]


async def _until(condition: object, turns: Iterable[int] = range(10_000)) -> None:
    assert callable(condition)
    for _ in turns:
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("not true in ten thousand turns")


async def test_rules_for_routes_cost_other_checks_nothing(limiter: Limiter) -> None:
    """Nothing is resolved for a check that names no route; one that does meets the rule."""
    at = desk(limiter, rule("pdf", route="/pdf/*", limit=TWO))
    assert at.plan("moehe", RESULTS).of(asked()).only is not None
    assert set(remaining(await at.decide("moehe", asked()))) == {RESULTS}
    assert set(remaining(await at.decide("moehe", asked(route="/pdf/1")))) == {RESULTS, "rule.pdf"}
