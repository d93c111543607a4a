"""The desk: every way in asks here whether a request may proceed.

It looks up which limits hold (in memory), asks the engine for all of them in one trip, and says it in one
answer. Like the engine it never raises for a store that is away: each policy has its own way.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from ratelimit.decision import Decision
from ratelimit.limiter import Check
from ratelimit.policy import Policy
from sadd.catalogue.model import Catalogue
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.classes import limit_of
from sadd.limits.fields import policy_field

T = TypeVar("T")
Done = Callable[[Answer], None]


class View(Protocol):
    """What is asked of the catalogue's view."""

    @property
    def current(self) -> Catalogue: ...


class Limiter(Protocol):
    """What is asked of the engine."""

    def ask(self, check: Check, done: Callable[[Decision], None]) -> None: ...


class Desk:
    """Decides requests. One for each worker."""

    def __init__(self, limiter: Limiter, view: View) -> None:
        self._limiter = limiter
        self._view = view
        self._catalogue = view.current
        self._plans: dict[str, _Plan] = {}

    def ask(self, agency: str | None, asked: Asked, done: Done) -> None:
        """Decide, and call ``done`` once: perhaps before this returns, else with the tick's batch.

        ``agency`` None asks for a service of whatever agency (the gate, which is not an agency's). Raises
        UnknownService, and ValueError for a key or a cost out of bounds; ``done`` is then never called.
        """
        plan = self._plan(agency, asked.service)
        check = Check(plan.policy, asked.key or _caller(asked), asked.cost)
        self._limiter.ask(check, lambda decision: done(plan.answer(decision)))

    async def decide(self, agency: str | None, asked: Asked) -> Answer:
        """The same for who can wait."""
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.ask(agency, asked, partial(_settle, waiting))
        return await waiting

    def ask_many(
        self, agency: str | None, many: Sequence[Asked], done: Callable[[list[Answer]], None]
    ) -> None:
        """Decide each by itself; ``done`` gets the answers in order. Raises as ``ask``, with none taken."""
        if not many:
            done([])
            return
        checks = []
        for asked in many:
            plan = self._plan(agency, asked.service)
            checks.append((plan, Check(plan.policy, asked.key or _caller(asked), asked.cost)))
        gathered = _Gathered(len(many), done)
        for place, (plan, check) in enumerate(checks):
            self._limiter.ask(check, gathered.slot(place, plan))

    async def decide_many(self, agency: str | None, many: Sequence[Asked]) -> list[Answer]:
        waiting: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self.ask_many(agency, many, partial(_settle, waiting))
        return await waiting

    def _plan(self, agency: str | None, service_id: str) -> "_Plan":
        catalogue = self._view.current
        if catalogue is not self._catalogue:
            self._catalogue = catalogue
            self._plans.clear()
        plan = self._plans.get(service_id) or self._make(catalogue, service_id)
        if agency is not None and plan.agency != agency:
            raise UnknownService(service_id)
        return plan

    def _make(self, catalogue: Catalogue, service_id: str) -> "_Plan":
        """Kept for each service that there is: what the catalogue holds bounds the number."""
        service = catalogue.services.get(service_id)
        if service is None or service.status == "retired":
            raise UnknownService(service_id)
        policies = (limit_of(catalogue, service),)
        plan = _Plan(service.agency, policies[0], policies, policy_field(policies))
        self._plans[service_id] = plan
        return plan


@dataclass(frozen=True, slots=True)
class _Plan:
    """What holds for a service, until catalogue or rules change."""

    agency: str
    policy: Policy
    policies: tuple[Policy, ...]
    field: str

    def answer(self, decision: Decision) -> Answer:
        return Answer(decision.allowed, decision, (decision,), None, (), self.policies, self.field)


class _Gathered:
    """Answers that come one by one, handed over together and in order."""

    __slots__ = ("_answers", "_done", "_missing")

    def __init__(self, count: int, done: Callable[[list[Answer]], None]) -> None:
        self._answers: list[Answer] = [None] * count  # type: ignore[list-item]  # all are there when handed over
        self._missing = count
        self._done = done

    def slot(self, place: int, plan: _Plan) -> Callable[[Decision], None]:
        def decided(decision: Decision) -> None:
            self._answers[place] = plan.answer(decision)
            self._missing -= 1
            if not self._missing:
                self._done(self._answers)

        return decided


def _settle(waiting: "asyncio.Future[T]", value: T) -> None:
    """Who asked may have gone meanwhile."""
    if not waiting.done():
        waiting.set_result(value)


def _caller(asked: Asked) -> str:
    caller = asked.caller()
    if not caller:
        raise ValueError("neither a key nor a descriptor says whose limit it is")
    return caller
