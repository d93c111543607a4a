"""Leases and slots over HTTP: quota to spend without asking, and room for what is under way."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from ratelimit.lending import UNITS_MAX
from ratelimit.slots import LATENCY_MS_MAX
from ratelimit.store import StoreUnavailable
from sadd.limits.asked import Asked
from sadd.limits.leases import Leases
from sadd.limits.slots import Slots
from sadd.web.answer import json_answer
from sadd.web.away import store_away
from sadd.web.endpoint import Call, Endpoint
from sadd.web.limits import TAG, Descriptors, LimitKey, RouteName, ServiceId, refused

Units = Annotated[int, Meta(ge=0, le=UNITS_MAX)]


class LeaseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Quota to spend ahead; ``tokens`` are as many as will be used in some seconds."""

    policy: ServiceId
    key: LimitKey = ""
    tokens: Annotated[int, Meta(ge=1, le=UNITS_MAX)] = 1
    route: RouteName = ""
    descriptors: Descriptors = {}


class LeaseAnswer(Struct, frozen=True, omit_defaults=True):
    """``granted`` are taken already. 0 is a refusal, and ``retry_after_ms`` says when a wait helps. Where
    nothing counts all is granted, ``lease_id`` is ``none`` and ``limit`` 4294967295.

    Stop using it ``expires_in_ms`` after you asked, by a clock that goes on while your machine sleeps.
    """

    lease_id: str
    granted: int
    expires_in_ms: int
    policy: str
    limit: int
    remaining: int
    reset_after_ms: int
    retry_after_ms: int | None = None


class EndLeaseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    unused: Annotated[Units, Meta(description="Units that were not used, and now never will be.")]


class EndLeaseAnswer(Struct, frozen=True):
    """``returned`` is 0 when the lease had ended before, and the second time."""

    returned: int


class SlotRequest(Struct, frozen=True, forbid_unknown_fields=True):
    policy: ServiceId
    key: LimitKey = ""
    route: RouteName = ""
    descriptors: Descriptors = {}


class SlotAnswer(Struct, frozen=True, omit_defaults=True):
    """``limit`` is of the moment: an adaptive one follows the latency that callers report.

    Where nothing limits what is under way ``slot_id`` is ``none``, to be released or not, and ``limit``
    4294967295.
    """

    allowed: bool
    slot_id: str
    policy: str
    limit: int
    remaining: int
    retry_after_ms: int | None = None
    fallback: Literal["open", "closed", "local"] | None = None


class ReleaseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``ignored`` says nothing about the load, ``dropped`` is a time-out or an overload."""

    outcome: Literal["success", "ignored", "dropped"] = "success"
    latency_ms: Annotated[float, Meta(ge=0, le=LATENCY_MS_MAX)] = 0


class ReleaseAnswer(Struct, frozen=True):
    """``released`` is false when it was not held any more."""

    released: bool


def endpoints(leases: Leases, slots: Slots) -> list[Endpoint]:
    lent = _Lent(leases, slots)
    return [
        Endpoint(
            "POST",
            "/v1/limits/leases",
            lent.lease,
            "Take quota ahead, to spend without asking",
            TAG,
            body=LeaseRequest,
            answers={200: LeaseAnswer, 404: None},
            scope="limits:check",
            description="Of every limit that holds but those on what is under way: these have slots. At most "
            "half of what is left is granted.",
        ),
        Endpoint(
            "DELETE",
            "/v1/limits/leases/{lease_id}",
            lent.end_lease,
            "Give back what was not used of a lease",
            TAG,
            body=EndLeaseRequest,
            answers={200: EndLeaseAnswer, 503: None},
            scope="limits:check",
            description="Once, and never after its time.",
        ),
        Endpoint(
            "POST",
            "/v1/limits/slots",
            lent.acquire,
            "May this begin now? A slot of what may be under way",
            TAG,
            body=SlotRequest,
            answers={200: SlotAnswer, 404: None},
            scope="limits:check",
            description="Of every rule with the algorithm concurrency or adaptive that holds. A slot that "
            "nobody releases is free after the rule's `slot_seconds`.",
        ),
        Endpoint(
            "DELETE",
            "/v1/limits/slots/{slot_id}",
            lent.release,
            "Release a slot, and say how it went",
            TAG,
            body=ReleaseRequest,
            answers={200: ReleaseAnswer, 503: None},
            scope="limits:check",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Lent:
    leases: Leases
    slots: Slots

    async def lease(self, call: Call) -> web.StreamResponse:
        body: LeaseRequest = call.body
        with refused():
            asked = Asked(body.policy, body.key, body.route, body.descriptors)
            grant = await self.leases.lease(call.agency, asked, body.tokens)
        decision = grant.decision
        return json_answer(
            LeaseAnswer(
                lease_id=grant.id,
                granted=grant.granted,
                expires_in_ms=grant.expires_in_ms,
                policy=decision.policy,
                limit=decision.limit,
                remaining=decision.remaining,
                reset_after_ms=decision.reset_after_ms,
                retry_after_ms=decision.retry_after_ms,
            )
        )

    async def end_lease(self, call: Call) -> web.StreamResponse:
        body: EndLeaseRequest = call.body
        try:
            with refused():
                returned = await self.leases.give_back(call.request.match_info["lease_id"], body.unused)
        except StoreUnavailable:
            raise store_away("The lease may still be held. Try again.") from None
        return json_answer(EndLeaseAnswer(returned))

    async def acquire(self, call: Call) -> web.StreamResponse:
        body: SlotRequest = call.body
        with refused():
            asked = Asked(body.policy, body.key, body.route, body.descriptors)
            acquired = await self.slots.acquire(call.agency, asked)
        decision = acquired.decision
        return json_answer(
            SlotAnswer(
                allowed=decision.allowed,
                slot_id=acquired.id,
                policy=decision.policy,
                limit=decision.limit,
                remaining=decision.remaining,
                retry_after_ms=decision.retry_after_ms,
                fallback=decision.fallback,
            )
        )

    async def release(self, call: Call) -> web.StreamResponse:
        body: ReleaseRequest = call.body
        slot_id = call.request.match_info["slot_id"]
        try:
            with refused():
                released = await self.slots.release(slot_id, body.outcome, body.latency_ms)
        except StoreUnavailable:
            raise store_away("The slot may still be held; it is free after the rule's time.") from None
        return json_answer(ReleaseAnswer(released))
