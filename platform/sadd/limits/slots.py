"""Slots of all limits on what is under way: acquired before the work, released after it with how it went."""

import base64
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ratelimit.decision import Decision
from ratelimit.policy import UNLIMITED, Policy
from ratelimit.store import Outcome, StoreUnavailable
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.desk import Desk
from sadd.limits.rule import POLICY_PREFIX

NONCE_BYTES = 12
NONE = "none"
"""The id of a slot where nothing limits what is under way."""

_TAKING_PART = ("slots", "ban")
"""Kinds of policies: a limit of 0, whatever it counts, lets nobody begin."""


class Limiter(Protocol):
    """What is asked of the engine."""

    async def acquire(self, policy: Policy, key: str, slot: str) -> Decision: ...

    async def release(
        self, policy: Policy, key: str, slot: str, outcome: Outcome, latency_ms: float
    ) -> bool: ...


@dataclass(frozen=True, slots=True)
class Acquired:
    """``id`` is to be released; a refusal holds nothing."""

    id: str
    decision: Decision


class _Name(msgspec.Struct, frozen=True, array_like=True):
    """What a slot's id says: the limits that it is held of, and which one it is."""

    held: list[tuple[str, str]]
    nonce: str


class Slots:
    def __init__(
        self, limiter: Limiter, desk: Desk, nonce: Callable[[int], str] = secrets.token_urlsafe
    ) -> None:
        self._limiter = limiter
        self._desk = desk
        self._nonce = nonce

    async def acquire(self, agency: str | None, asked: Asked) -> Acquired:
        """A slot of each limit that holds, or of none. UnknownService, ValueError."""
        ruling = self._desk.resolve(agency, asked)
        if ruling.denied_by is not None and ruling.denied_by.rule is not None:
            policy_id = ruling.denied_by.rule.policy_id
            return Acquired(NONE, Decision(False, policy_id, 0, 0, 0, None, "ban"))
        wanted = [(one.policy, one.key) for one in ruling.held if one.policy.kind in _TAKING_PART]
        if not wanted:
            if asked.service.startswith(POLICY_PREFIX):
                raise ValueError(f"{asked.service} counts units: check it")
            return Acquired(NONE, Decision(True, "", UNLIMITED, UNLIMITED, 0, None, "unlimited"))
        wanted.sort(key=lambda one: one[0].slots)  # bans first: they ask nobody, and nothing is to be undone
        return await self._acquire_all(wanted)

    async def release(self, slot_id: str, outcome: Outcome, latency_ms: float) -> bool:
        """False when it was not held any more. Who knows the id holds the slot.

        ValueError: it is none. StoreUnavailable: it is then free after the policy's ``slot_seconds``.
        """
        if slot_id == NONE:
            return False
        name = _name(slot_id)
        released = [await self._release(held, name.nonce, outcome, latency_ms) for held in name.held]
        return any(released)

    async def _acquire_all(self, wanted: list[tuple[Policy, str]]) -> Acquired:
        nonce = self._nonce(NONCE_BYTES)
        decisions: list[Decision] = []
        for place, (policy, key) in enumerate(wanted):
            decision = await self._limiter.acquire(policy, key, nonce)
            decisions.append(decision)
            if not decision.allowed:
                await self._release_all(wanted[:place], nonce)
                return Acquired(NONE, decision)
        name = _Name([(policy.id, key) for policy, key in wanted], nonce)
        return Acquired(_id(name), min(decisions, key=lambda one: one.remaining))

    async def _release_all(self, held: list[tuple[Policy, str]], nonce: str) -> None:
        """What was held for nothing. With the store away it is free after its time."""
        with suppress(StoreUnavailable):
            for policy, key in held:
                await self._limiter.release(policy, key, nonce, "ignored", 0)

    async def _release(self, held: tuple[str, str], nonce: str, outcome: Outcome, latency_ms: float) -> bool:
        policy_id, key = held
        try:
            policy = self._desk.policy(None, policy_id, key)
        except UnknownService:  # the rule is gone, and its slots with it
            return False
        return policy.slots and await self._limiter.release(policy, key, nonce, outcome, latency_ms)


def _id(name: _Name) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(name)).rstrip(b"=").decode()


def _name(slot_id: str) -> _Name:
    try:
        raw = base64.b64decode(slot_id + "=" * (-len(slot_id) % 4), b"-_", validate=True)
        return msgspec.json.decode(raw, type=_Name)
    except ValueError:
        raise ValueError("not the id of a slot") from None
