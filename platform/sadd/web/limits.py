"""Rate limits over HTTP: one check, or many at once. A refusal is an answer: 200 with ``allowed: false``.

The ``RateLimit`` and ``RateLimit-Policy`` fields are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from ratelimit.decision import Decision
from ratelimit.limiter import COST_MAX, Check, Limiter
from ratelimit.policy import Policy
from sadd.web.answer import json_answer
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import invalid_request
from sadd.web.protected import View, limit_of, owned

TAG = "limits"
BATCH_MAX = 1000

ServiceId = Annotated[str, Meta(min_length=1, max_length=200, description="A service of your agency.")]
LimitKey = Annotated[
    str,
    Meta(min_length=1, max_length=512, description="Whose limit: a citizen, an address, a device."),
]
Cost = Annotated[int, Meta(ge=0, le=COST_MAX, description="Units to take; 0 only looks.")]


class CheckRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """One question: may this key do this with that service, now?"""

    policy: ServiceId
    key: LimitKey
    cost: Cost = 1


class CheckAnswer(Struct, frozen=True, omit_defaults=True):
    """``retry_after_ms`` is there when refused and a wait helps, ``fallback`` when the store was away."""

    allowed: bool
    policy: str
    limit: int
    remaining: int
    reset_after_ms: int
    retry_after_ms: int | None = None
    fallback: Literal["open", "closed", "local"] | None = None


class BatchRequest(Struct, frozen=True, forbid_unknown_fields=True):
    checks: Annotated[list[CheckRequest], Meta(min_length=1, max_length=BATCH_MAX)]


class BatchAnswer(Struct, frozen=True):
    """Answers in the order of the checks; each was decided by itself."""

    results: list[CheckAnswer]


def endpoints(limiter: Limiter, view: View) -> list[Endpoint]:
    limits = _Limits(limiter, view)
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
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Limits:
    limiter: Limiter
    view: View

    async def check(self, call: Call) -> web.StreamResponse:
        asked = self._question(call.agency, call.body)
        decision = await self.limiter.check(asked.policy, asked.key, asked.cost)
        return json_answer(_answer(decision), headers=_fields(asked.policy, decision))

    async def check_batch(self, call: Call) -> web.StreamResponse:
        body: BatchRequest = call.body
        asked = [self._question(call.agency, check) for check in body.checks]
        decisions = await self.limiter.check_many(asked)
        return json_answer(BatchAnswer([_answer(decision) for decision in decisions]))

    def _question(self, agency: str, check: CheckRequest) -> Check:
        policy = limit_of(self.view, owned(self.view, agency, check.policy))
        try:
            return Check(policy, check.key, check.cost)
        except ValueError as wrong:
            raise invalid_request(str(wrong)) from None


def _answer(decision: Decision) -> CheckAnswer:
    return CheckAnswer(
        allowed=decision.allowed,
        policy=decision.policy,
        limit=decision.limit,
        remaining=decision.remaining,
        reset_after_ms=decision.reset_after_ms,
        retry_after_ms=decision.retry_after_ms,
        fallback=decision.fallback,
    )


def _fields(policy: Policy, decision: Decision) -> dict[str, str]:
    """The draft's two fields, and Retry-After when refused and a wait helps.

    ``t`` is when more may be taken: refused, it is Retry-After, which must not come before it.
    """
    fields = {"RateLimit-Policy": f'"{policy.id}";q={policy.limit};w={policy.period_seconds}'}
    if decision.fallback in (None, "local"):  # open and closed know no numbers
        t = _seconds(decision.retry_after_ms or decision.reset_after_ms)
        fields["RateLimit"] = f'"{policy.id}";r={decision.remaining};t={t}'
    if decision.retry_after_ms is not None:
        fields["Retry-After"] = str(_seconds(decision.retry_after_ms))
    return fields


def _seconds(ms: int) -> int:
    """Rounded up: whoever waits so long is not refused for coming early."""
    return -(-ms // 1000)
