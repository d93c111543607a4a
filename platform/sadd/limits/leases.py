"""Leases of all limits that hold for a request: what is granted is taken from each of them beforehand.

A holder may spend its grant without asking, and nobody else can. The limits are asked one after the other,
each for what the one before granted; what was beyond that in the earlier ones goes back when the lease ends.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from ratelimit.decision import Decision
from ratelimit.lease import KEEP_MS, Lease, LeaseName, holders_ms
from ratelimit.policy import UNLIMITED, Policy
from ratelimit.store import StoreUnavailable
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.desk import Desk
from sadd.limits.rule import POLICY_PREFIX

NONE = "none"
"""The id of a lease that nothing was taken for."""

PARTS, SURPLUS = "~", "."
"""Between the leases of one grant, and before the units that are beyond the grant."""


class Limiter(Protocol):
    """What is asked of the engine."""

    async def lease(self, policy: Policy, key: str, tokens: int) -> Lease: ...

    async def give_back(self, policy: Policy, lease_id: str, unused: int) -> int: ...


@dataclass(frozen=True, slots=True)
class Grant:
    """``granted`` may be less than wanted; 0 is a refusal, and ``decision`` says by what and until when."""

    id: str
    granted: int
    expires_in_ms: int
    decision: Decision


class Leases:
    def __init__(self, limiter: Limiter, desk: Desk) -> None:
        self._limiter = limiter
        self._desk = desk

    async def lease(self, agency: str | None, asked: Asked, tokens: int) -> Grant:
        """Up to ``tokens``. With the store away nothing is granted. UnknownService, ValueError."""
        ruling = self._desk.resolve(agency, asked)
        if ruling.denied_by is not None and ruling.denied_by.rule is not None:
            policy_id = ruling.denied_by.rule.policy_id
            return Grant(NONE, 0, 0, Decision(False, policy_id, 0, 0, 0, None, "ban"))
        counting = [(one.policy, one.key) for one in ruling.held if not one.policy.slots]
        if not counting:
            if asked.service.startswith(POLICY_PREFIX):
                raise ValueError(f"{asked.service} counts what is under way: acquire it")
            free = Decision(True, "", UNLIMITED, UNLIMITED, 0, None, "unlimited")
            return Grant(NONE, tokens, holders_ms(KEEP_MS), free)
        return await self._lease_all(counting, tokens)

    async def give_back(self, lease_id: str, unused: int) -> int:
        """End a lease: how many units of its holder's count as unused again, in the strictest of its limits.

        Who knows the id holds the lease. ValueError: it is none. StoreUnavailable.
        """
        if lease_id == NONE:
            return 0
        parts = [_part(text) for text in lease_id.split(PARTS)]
        returned = [await self._end(id_, surplus, unused) for id_, surplus in parts]
        return min(returned)

    async def _lease_all(self, counting: list[tuple[Policy, str]], tokens: int) -> Grant:
        leases: list[Lease] = []
        for policy, key in counting:
            lease = await self._limiter.lease(policy, key, leases[-1].granted if leases else tokens)
            leases.append(lease)
            if not lease.granted:
                await self._take_back(leases[:-1])
                return Grant(NONE, 0, 0, lease.decision)
        granted = leases[-1].granted
        nearest = min((one.decision for one in leases), key=lambda one: one.remaining)
        id_ = PARTS.join(f"{one.id}{SURPLUS}{one.granted - granted}" for one in leases)
        return Grant(id_, granted, min(one.expires_in_ms for one in leases), nearest)

    async def _take_back(self, leases: list[Lease]) -> None:
        """What the earlier limits granted for nothing. With the store away it lapses by itself."""
        with suppress(StoreUnavailable):
            for one in leases:
                await self._end(one.id, 0, one.granted)

    async def _end(self, lease_id: str, surplus: int, unused: int) -> int:
        name = LeaseName.of(lease_id)
        try:
            policy = self._desk.policy(None, name.policy, name.key)
        except UnknownService:  # the rule or the service is gone, and its counters with it
            return 0
        if policy.slots:  # it counts otherwise by now
            return 0
        returned = await self._limiter.give_back(policy, lease_id, unused + surplus)
        return max(returned - surplus, 0)


def _part(text: str) -> tuple[str, int]:
    id_, dot, surplus = text.rpartition(SURPLUS)
    if not dot or not surplus.isascii() or not surplus.isdigit() or len(surplus) > 9:
        raise ValueError("not the id of a lease")
    return id_, int(surplus)
