"""The desk: every way in asks here whether a request may proceed.

It looks up which limits hold (in memory), asks the engine for all of them in one trip, and says it in one
answer. Like the engine it never raises for a store that is away: each policy has its own way.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from msgspec import structs

from ratelimit.decision import Decision, Verdict
from ratelimit.limiter import Check
from ratelimit.policy import Policy
from sadd.catalogue.model import Catalogue
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.joining import Joining
from sadd.limits.plan import Plan, plan_of
from sadd.limits.questions import Questions, questions_of
from sadd.limits.rule import Rules
from sadd.limits.rules import Book, Held, Ruling, resolve
from sadd.limits.spelling import plain, plain_all
from sadd.limits.telling import answer_of, denied, free

T = TypeVar("T")
Done = Callable[[Answer], None]


class View(Protocol):
    """What is asked of the catalogue's view."""

    @property
    def current(self) -> Catalogue: ...


class Books(Protocol):
    """What is asked of the rules' view."""

    @property
    def current(self) -> Book: ...


class Limiter(Protocol):
    """What is asked of the engine."""

    def ask(self, check: Check, done: Callable[[Decision], None]) -> None: ...

    def ask_many(self, checks: Sequence[Check], done: Callable[[list[Decision]], None]) -> None: ...

    def ask_together(self, checks: Sequence[Check], done: Callable[[Verdict], None]) -> None: ...


class NoRules:
    """A view of no rules: each service has its class, and nothing else holds."""

    current = Book(Rules(), ())


class Desk:
    """Decides requests. One for each worker."""

    def __init__(
        self, limiter: Limiter, view: View, rules: Books | None = None, *, authority: str = ""
    ) -> None:
        """``authority`` is the agency whose services and rules are all there are, the platform's too."""
        self._limiter = limiter
        self._view = view
        self._rules = rules or NoRules()
        self._catalogue, self._book = self._view.current, self._rules.current
        self._plans: dict[str, Plan] = {}
        self._authority = authority

    def ask(self, agency: str | None, asked: Asked, done: Done) -> None:
        """Decide, and call ``done`` once: perhaps before this returns, else with the tick's batch.

        ``agency`` None asks for a service of whatever agency (the gate, which is not an agency's). Raises
        UnknownService, and ValueError for a key or a cost out of bounds; ``done`` is then never called.
        """
        plan = self.plan(agency, asked.service)
        if asked.route or asked.descriptors:
            asked = plain(asked)
        else:
            plan = plan.of(asked)
        if plan.only is None:
            self._start(questions_of(plan, asked), done)
        else:
            self._limiter.ask(plan.check(asked), lambda decision: done(plan.answer(decision)))

    async def decide(self, agency: str | None, asked: Asked) -> Answer:
        """The same for who can wait."""
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.ask(agency, asked, partial(_settle, waiting))
        return await waiting

    def ask_many(
        self, agency: str | None, many: Sequence[Asked], done: Callable[[list[Answer]], None]
    ) -> None:
        """Decide each by itself; ``done`` gets the answers in order. Raises as ``ask``, with none taken."""
        many = plain_all(many)
        plans = [self.plan(agency, asked.service).of(asked) for asked in many]
        plain = [place for place, plan in enumerate(plans) if plan.only is not None]
        checks = [plans[place].check(many[place]) for place in plain]
        if len(plain) == len(many):
            self._limiter.ask_many(checks, lambda decisions: done(list(map(Plan.answer, plans, decisions))))
            return
        others = [place for place, plan in enumerate(plans) if plan.only is None]
        questions = [questions_of(plans[place], many[place]) for place in others]
        joining = Joining(len(many), done)

        def decided(decisions: list[Decision]) -> None:
            for place, decision in zip(plain, decisions, strict=True):
                joining.put(place, plans[place].answer(decision))

        if checks:
            self._limiter.ask_many(checks, decided)
        for place, question in zip(others, questions, strict=True):
            self._start(question, partial(joining.put, place))

    async def decide_many(self, agency: str | None, many: Sequence[Asked]) -> list[Answer]:
        waiting: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self.ask_many(agency, many, partial(_settle, waiting))
        return await waiting

    def plan(self, agency: str | None, id_: str) -> Plan:
        """What holds for a service of the agency, or for a policy of one of its rules.

        UnknownService: it is not theirs. The platform's rules are the authority's.
        """
        catalogue, book = self._view.current, self._rules.current
        if catalogue is not self._catalogue or book is not self._book:
            self._catalogue, self._book = catalogue, book
            self._plans.clear()
        plan = self._plans.get(id_)
        if plan is None:  # as many as there are services and rules: what exists bounds the number
            plan = self._plans[id_] = plan_of(catalogue, book, id_)
        if agency is not None and plan.agency != agency and agency != self._authority:
            raise UnknownService(id_)
        return plan

    def resolve(self, agency: str | None, asked: Asked) -> Ruling:
        """Which limits hold, with nothing asked of the engine. UnknownService, ValueError."""
        plan, asked = self.plan(agency, asked.service), plain(asked)
        if plan.only is None:
            return resolve(plan.candidates, asked)
        check = plan.check(asked)
        return Ruling(held=[Held(plan.only, check.policy, check.key)])

    def policy(self, agency: str | None, id_: str, key: str) -> Policy:
        """The policy that a service's class or a rule has for a key. UnknownService: not theirs.

        Of a service with rules it is the class: the rules have policies of their own.
        """
        plan = self.plan(agency, id_)
        one = plan.only or next(c for c in plan.candidates if c.rule is None)
        policy = one.policy_for(key)
        assert policy is not None, "a class and a rule that is found by its policy both count"
        return policy

    def _start(self, question: Questions, done: Done) -> None:
        ruling = question.ruling
        if ruling.denied_by is not None:
            done(denied(ruling.denied_by))
            return
        if question.trials or ruling.trial_denials:
            done = self._try(question, done)
        self._take(question, done)

    def _take(self, question: Questions, done: Done) -> None:
        held, checks = question.held, question.checks
        if not held:
            done(free(question.ruling))
        elif len(held) == 1:
            self._limiter.ask(checks[0], lambda decision: done(answer_of(held, (decision,), None)))
        else:
            self._limiter.ask_together(
                checks, lambda verdict: done(answer_of(held, verdict.decisions, verdict.denied_by))
            )

    def _try(self, question: Questions, done: Done) -> Done:
        """Count the rules on trial, each by itself; the answer waits for them and names those that refuse."""
        trials = question.trials
        refusing = [one.id or "" for one in question.ruling.trial_denials]

        def joined(found: list[Answer | Decision]) -> None:
            answer, *decisions = found
            assert isinstance(answer, Answer), "the answer has the first place"
            late = [one.candidate.id or "" for one, d in zip(trials, decisions, strict=True) if not d.allowed]
            done(structs.replace(answer, shadow=(*refusing, *late)))

        joining: Joining[Answer | Decision] = Joining(1 + len(trials), joined)
        for place, check in enumerate(question.trial_checks, 1):
            self._limiter.ask(check, partial(joining.put, place))
        return partial(joining.put, 0)


def _settle(waiting: "asyncio.Future[T]", value: T) -> None:
    """Who asked may have gone meanwhile."""
    if not waiting.done():
        waiting.set_result(value)
