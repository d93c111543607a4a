"""One counter over HTTP: look at it, put back what was taken for nothing, begin anew."""

from dataclasses import dataclass
from typing import Annotated, Protocol

from aiohttp import web
from msgspec import Meta, Struct

from ratelimit.decision import Decision
from ratelimit.limiter import COST_MAX
from ratelimit.policy import Policy
from ratelimit.store import StoreUnavailable
from sadd.limits import store
from sadd.limits.desk import Desk
from sadd.postgres.pool import Pool
from sadd.web.answer import json_answer
from sadd.web.away import store_away
from sadd.web.endpoint import Call, Endpoint
from sadd.web.limits import TAG, CheckAnswer, refused
from sadd.web.limits_operating import SCOPE

COUNTER = "/v1/limits/{policy}/{key:.+}"
COUNTED = "`policy` is a service of your agency, whose class is meant, or `rule.<id>` of one of its rules."


class RefundRequest(Struct, frozen=True, forbid_unknown_fields=True):
    cost: Annotated[int, Meta(ge=1, le=COST_MAX, description="Units that were taken for nothing.")]


class ResetAnswer(Struct, frozen=True):
    """``was_used`` is false when there was nothing to forget."""

    was_used: bool


class Limiter(Protocol):
    """What is asked of the engine."""

    async def check(self, policy: Policy, key: str, cost: int = 1) -> Decision: ...

    async def acquire(self, policy: Policy, key: str, slot: str) -> Decision: ...

    async def refund(self, policy: Policy, key: str, cost: int) -> Decision: ...

    async def reset(self, policy: Policy, key: str) -> bool: ...


def endpoints(limiter: Limiter, desk: Desk, pool: Pool) -> list[Endpoint]:
    counters = _Counters(limiter, desk, pool)
    return [
        Endpoint(
            "GET",
            COUNTER,
            counters.look,
            "How much is left of one limit?",
            TAG,
            answers={200: CheckAnswer, 404: None},
            scope="limits:check",
            description=f"{COUNTED} Nothing is taken; `allowed` is what a cost of 1 would be answered.",
        ),
        Endpoint(
            "POST",
            f"{COUNTER}/refund",
            counters.refund,
            "Put back what was taken for nothing",
            TAG,
            body=RefundRequest,
            answers={200: CheckAnswer, 404: None, 503: None},
            scope="limits:check",
            description=f"{COUNTED} Never more is put back than was taken.",
        ),
        Endpoint(
            "DELETE",
            COUNTER,
            counters.reset,
            "Make one key as if it had never asked",
            TAG,
            answers={200: ResetAnswer, 404: None, 503: None},
            scope=SCOPE,
            description=f"{COUNTED} Who did it is written into the audit. Other workers may refuse the key "
            "for a second more.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Counters:
    limiter: Limiter
    desk: Desk
    pool: Pool

    async def look(self, call: Call) -> web.StreamResponse:
        with refused():
            policy, key = self._counter(call)
            if policy.slots:
                return json_answer(_answer(await self.limiter.acquire(policy, key, "")))
            return json_answer(_answer(await self.limiter.check(policy, key, 0)))

    async def refund(self, call: Call) -> web.StreamResponse:
        body: RefundRequest = call.body
        with refused():
            policy, key = self._counter(call)
            if policy.slots:
                raise ValueError(f"{policy.id} counts what is under way: release it")
            try:
                return json_answer(_answer(await self.limiter.refund(policy, key, body.cost)))
            except StoreUnavailable:
                raise store_away("Nothing was put back. Try again.") from None

    async def reset(self, call: Call) -> web.StreamResponse:
        assert call.caller is not None, "the endpoint has a scope"
        with refused():
            policy, key = self._counter(call)
        actor, subject = call.caller.prefix, f"limits/{policy.id}"
        try:
            # First the note: a reset that nobody can trace is worse than a note of one that failed.
            shown = key.replace(
                "\0", "\N{SYMBOL FOR NULL}"
            )  # the database cannot hold a NUL, the counters can
            await store.write_audit(self.pool, actor, "limits.reset", subject, {"key": shown})
            was_used = await self.limiter.reset(policy, key)
        except (StoreUnavailable, store.StoreUnavailable):
            raise store_away("The key is as it was. Try again.") from None
        return json_answer(ResetAnswer(was_used))

    def _counter(self, call: Call) -> tuple[Policy, str]:
        """The policy and the key of the path. UnknownService, ValueError."""
        id_, key = call.request.match_info["policy"], call.request.match_info["key"]
        return self.desk.policy(call.agency, id_, key), key


def _answer(decision: Decision) -> CheckAnswer:
    return CheckAnswer(
        allowed=decision.allowed,
        policy=decision.policy,
        limit=decision.limit,
        remaining=decision.remaining,
        reset_after_ms=decision.reset_after_ms,
        retry_after_ms=decision.retry_after_ms,
        why=None if decision.allowed else decision.why,
        fallback=decision.fallback,
    )
