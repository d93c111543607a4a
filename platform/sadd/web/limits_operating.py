"""What operators ask of the limits: who asks most, and why a request is decided as it is."""

from dataclasses import asdict, dataclass
from typing import Annotated, Protocol

from aiohttp import web
from msgspec import Meta, Struct, structs

from sadd.catalogue.model import Catalogue
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.desk import Desk
from sadd.limits.explain import Explanation, explain, verdict
from sadd.limits.rules import Book
from sadd.limits.top import Busy
from sadd.web.answer import json_answer
from sadd.web.endpoint import Call, Endpoint
from sadd.web.limits import TAG, CheckRequest, refused
from sadd.web.protected import unknown_service

SCOPE = "limits:admin"
SHOWN_DEFAULT, SHOWN_MAX = 50, 200


class TopQuery(Struct, frozen=True):
    limit: Annotated[
        int, Meta(ge=1, le=SHOWN_MAX, description="Policies and keys, at most so many of each.")
    ] = SHOWN_DEFAULT


class ToldAnswer(Struct, frozen=True):
    """What became of a rule. ``remaining`` is there for limits that hold, and only if the store answered."""

    rule: str
    fate: str
    why: str
    level: str
    priority: int
    limit: str
    policy: str
    key: str
    remaining: int | None = None


class ExplainAnswer(Struct, frozen=True):
    """The rules in the order in which they are looked at. Nothing was taken."""

    allowed: bool | None
    verdict: str
    service: str
    rules: list[ToldAnswer]


class Catalogues(Protocol):
    @property
    def current(self) -> Catalogue: ...


class Books(Protocol):
    @property
    def current(self) -> Book: ...


class Top(Protocol):
    async def all(self) -> Busy: ...


def endpoints(desk: Desk, view: Catalogues, rules: Books, top: Top, *, authority: str) -> list[Endpoint]:
    operating = _Operating(desk, view, rules, top, authority)
    return [
        Endpoint(
            "GET",
            "/v1/limits/top",
            operating.show_top,
            "Who asks most",
            TAG,
            query=TopQuery,
            answers={200: Busy},
            scope=SCOPE,
            description="Of all workers of one machine, since they began; two answers make a rate. "
            "The catalogue's authority sees all policies, another agency its own.",
        ),
        Endpoint(
            "POST",
            "/v1/limits/explain",
            operating.explain,
            "Why is a request decided as it is?",
            TAG,
            body=CheckRequest,
            answers={200: ExplainAnswer, 404: None},
            scope=SCOPE,
            description="Tells of every rule what becomes of it, and why. Nothing is taken.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Operating:
    desk: Desk
    view: Catalogues
    rules: Books
    top: Top
    authority: str

    async def show_top(self, call: Call) -> web.StreamResponse:
        busy = await self.top.all()
        whose = whose_of(call, self.authority)
        policies = [one for one in busy.policies if self._theirs(whose, one.policy)]
        keys = [one for one in busy.keys if self._theirs(whose, one.policy)]
        most = call.query.limit
        return json_answer(Busy(busy.at, tuple(policies[:most]), tuple(keys[:most])))

    async def explain(self, call: Call) -> web.StreamResponse:
        whose = whose_of(call, self.authority)
        with refused():
            asked: CheckRequest = call.body
            explanation = self._explanation(whose, asked)
            looked = await self.desk.decide(None, structs.replace(asked, cost=0))
        left = {one.policy: one.remaining for one in looked.decisions if one.fallback is None}
        told = [ToldAnswer(**asdict(one), remaining=left.get(one.policy)) for one in explanation.told]
        allowed, words = verdict(explanation, looked, asked.cost)
        return json_answer(ExplainAnswer(allowed, words, explanation.service, told))

    def _explanation(self, agency: str | None, asked: Asked) -> Explanation:
        """Problem: only requests to services are explained, and to their own."""
        try:
            explanation = explain(self.view.current, self.rules.current, asked)
        except UnknownService:
            raise unknown_service(asked.service) from None
        if agency is not None and explanation.agency != agency:
            raise unknown_service(asked.service)
        return explanation

    def _theirs(self, agency: str | None, policy_id: str) -> bool:
        if agency is None:
            return True
        try:
            self.desk.plan(agency, policy_id)
        except UnknownService:
            return False
        return True


def whose_of(call: Call, authority: str) -> str | None:
    """The agency whose limits a call may see and change; None is everybody's."""
    return None if authority and call.agency == authority else call.agency
