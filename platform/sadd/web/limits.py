"""Rate limits over HTTP: one check, or many at once. A refusal is an answer: 200 with ``allowed: false``.

Which limits hold and what they say is the desk's; here is what its questions and answers look like.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct, field

from ratelimit.decision import Why
from ratelimit.limiter import COST_MAX
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.desk import Desk
from sadd.limits.fields import fields, lines
from sadd.limits.rule import POLICY_PREFIX
from sadd.limits.spelling import Misspelt
from sadd.web.answer import encode_json, json_answer
from sadd.web.endpoint import Call, Endpoint
from sadd.web.fault import pointer
from sadd.web.lane.endpoint import LaneEndpoint, Question, Told
from sadd.web.problem import Problem, invalid_request
from sadd.web.protected import unknown_service

TAG = "limits"
BATCH_MAX = 1000

ServiceId = Annotated[str, Meta(min_length=1, max_length=200, description="A service of your agency.")]
LimitKey = Annotated[
    str,
    Meta(max_length=512, description="Whose limit: a citizen, an address, a device."),
]
RouteName = Annotated[str, Meta(max_length=512, description="Path of the request, in any spelling.")]
Descriptors = Annotated[
    dict[Annotated[str, Meta(max_length=100)], Annotated[str, Meta(max_length=512)]],
    Meta(max_length=16, description="`app`, `citizen`, `ip`, `header:<name>`: all that rules know."),
]
Cost = Annotated[int, Meta(ge=0, le=COST_MAX, description="Units to take; 0 only looks.")]


class CheckRequest(Asked, frozen=True, forbid_unknown_fields=True, gc=False, rename={"service": "policy"}):
    """One question: may this key do this with that service, now?

    It is what the desk is asked, with its bounds and its names on the wire: nothing is copied.
    """

    service: ServiceId
    key: LimitKey = ""
    cost: Cost = 1
    route: RouteName = ""
    descriptors: Descriptors = field(default_factory=dict)


class CheckAnswer(Struct, frozen=True, omit_defaults=True, gc=False):
    """``why`` is there when refused, ``retry_after_ms`` when a wait helps, ``fallback`` without the store.

    ``rule`` is the rule behind the numbers, if it is not the service's class; ``shadow`` are rules on trial
    that would have refused.
    """

    allowed: bool
    policy: str
    limit: int
    remaining: int
    reset_after_ms: int
    retry_after_ms: int | None = None
    why: Why | None = None
    fallback: Literal["open", "closed", "local"] | None = None
    rule: str | None = None
    violated_policies: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()


class BatchRequest(Struct, frozen=True, forbid_unknown_fields=True):
    checks: Annotated[list[CheckRequest], Meta(min_length=1, max_length=BATCH_MAX)]


class BatchAnswer(Struct, frozen=True):
    """Answers in the order of the checks; each was decided by itself."""

    results: list[CheckAnswer]


def endpoints(desk: Desk) -> list[Endpoint]:
    limits = _Limits(desk)
    return [
        Endpoint(
            "POST",
            "/v1/limits/check",
            limits.check,
            "May this key proceed now?",
            TAG,
            body=CheckRequest,
            answers={200: CheckAnswer, 404: None},
            scope="limits:check",
            description="`policy` is the id of a service of your agency; its class in the catalogue has the "
            "numbers. `Retry-After` is there only when refused.",
            lane=LaneEndpoint(limits.ask, tell),
        ),
        Endpoint(
            "POST",
            "/v1/limits/check-batch",
            limits.check_batch,
            "Up to a thousand checks at once",
            TAG,
            body=BatchRequest,
            answers={200: BatchAnswer, 404: None},
            scope="limits:check",
            description="The checks are independent: one refused leaves the others as they are.",
            lane=LaneEndpoint(limits.ask_batch, tell_batch),
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Limits:
    desk: Desk

    async def check(self, call: Call) -> web.StreamResponse:
        with refused():
            answer = await self.desk.decide(call.agency, call.body)
        return json_answer(check_answer(answer), headers=fields(answer))

    async def check_batch(self, call: Call) -> web.StreamResponse:
        body: BatchRequest = call.body
        with refused():
            answers = await self.desk.decide_many(call.agency, body.checks)
        return json_answer(BatchAnswer([check_answer(answer) for answer in answers]))

    def ask(self, asked: Question, done: Callable[[Answer], None]) -> None:
        try:
            self.desk.ask(asked.agency, asked.body, done)
        except (UnknownService, ValueError) as wrong:
            raise _problem(wrong) from None

    def ask_batch(self, asked: Question, done: Callable[[list[Answer]], None]) -> None:
        checks: list[CheckRequest] = asked.body.checks
        try:
            self.desk.ask_many(asked.agency, checks, done)
        except (UnknownService, ValueError) as wrong:
            raise _problem(wrong) from None


def tell(answer: Answer) -> Told:
    return encode_json(check_answer(answer)), lines(answer)


def tell_batch(answers: list[Answer]) -> Told:
    return encode_json(BatchAnswer([check_answer(answer) for answer in answers])), ""


@contextmanager
def refused() -> Iterator[None]:
    """What the desk cannot look up, as the Problem that says so."""
    try:
        yield
    except (UnknownService, ValueError) as wrong:
        raise _problem(wrong) from None


def _problem(wrong: UnknownService | ValueError) -> Problem:
    if isinstance(wrong, UnknownService):
        return _unknown(str(wrong))
    if isinstance(wrong, Misspelt):
        batch = () if wrong.index is None else ("checks", str(wrong.index))
        place = pointer((*batch, *wrong.steps))
        return invalid_request(f"{wrong.what} at {place}", errors=[{"pointer": place, "detail": wrong.what}])
    return invalid_request(str(wrong))


def _unknown(id_: str) -> Problem:
    if not id_.startswith(POLICY_PREFIX):
        return unknown_service(id_)
    detail = f"Your agency has no rule {id_.removeprefix(POLICY_PREFIX)!r} with a limit."
    return Problem(404, "unknown-service", "There is no such rule.", detail)


def check_answer(answer: Answer) -> CheckAnswer:
    decision, allowed = answer.decision, answer.allowed
    return CheckAnswer(  # by place: with names it takes half as long again, for each request
        allowed,
        decision.policy,
        decision.limit,
        decision.remaining,
        decision.reset_after_ms,
        decision.retry_after_ms,
        None if allowed else decision.why,
        decision.fallback,
        answer.rule,
        answer.violated if len(answer.policies) != 1 else (),
        answer.shadow,
    )
