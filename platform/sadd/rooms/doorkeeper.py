"""The doorkeeper: who may join as he comes, who is asked for work first, and who is to come again later.

Judged before the line, and never sent away at its front: a suspect there is asked for work again and keeps
the place. It leans as the limiter does: with the store away each worker counts by itself, and a challenge
needs no store at all. An address that cannot be told (a proxy of ours that names no visitor) is not judged.

    joins of one network a minute   0 ......... free ............................ joins ........
                                      as he comes | with work, or in the plain way | come later
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol, TypeAlias

from queueing.policy import Room
from queueing.work import Answered, Asked, Challenge, Effort, WorkOffice
from ratelimit.decision import Decision, Verdict
from ratelimit.limiter import Check
from ratelimit.policy import Policy
from sadd.rooms.networks import Networks, networks_of
from sadd.rooms.written import Bots

JOINS_PER_MINUTE = 600
"""From one network, where the room says nothing: what a full lecture hall behind one address brings."""
WIDE_FACTOR = 8
FREE_SHARE = 10
PLAIN_SHARE = 20
CLAIMS_PER_MINUTE = 60
PERIOD_SECONDS = 60

Why: TypeAlias = Literal["free", "work", "plain", "challenged", "early", "later", "unjudged"]


class Limiter(Protocol):
    """What is asked of the engine of limits."""

    async def check(self, policy: Policy, key: str) -> Decision: ...

    async def check_together(self, checks: Sequence[Check]) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Knock:
    """Who wants in. ``shown`` is the answer to a challenge, or empty; ``number`` the turn, 0 for a join."""

    room: Room
    bots: Bots
    address: str
    shown: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """``holder`` is who the place is for: one place for one answered challenge. A refusal has a challenge to
    meet, or a time to come again, or both."""

    allowed: bool
    why: Why
    holder: bytes | None = None
    challenge: Challenge | None = None
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class DoorkeeperStats:
    judged: dict[str, int]
    """Joins by what was said of them."""
    turns: dict[str, int]
    """The same of turns taken."""
    refused: dict[str, int]
    """Answers to challenges that were none, by what was wrong."""
    bits: int
    """The difficulty of the last challenge; a gauge."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """A room's limits, by the network."""

    joins: Policy
    wide: Policy
    free: Policy
    plain: Policy
    claims: Policy


class Doorkeeper:
    """One for each worker."""

    def __init__(self, limiter: Limiter, office: WorkOffice, effort: Effort) -> None:
        self._limiter = limiter
        self._office = office
        self._effort = effort
        self._judged: Counter[str] = Counter()
        self._turns: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._bits = effort.bits

    async def at_join(self, knock: Knock, joins_per_minute: float, now_ms: int) -> Judgement:
        """Whether he gets a number. ``joins_per_minute`` of the whole room makes the work harder."""
        networks = networks_of(knock.address)
        said = Judgement(True, "unjudged")
        if networks is not None:
            said = await self._join(knock, networks, joins_per_minute, now_ms)
        self._judged[said.why] += 1
        return said

    def lets_by(self, address: str) -> bool:
        """Whether there is nothing to judge a join by, as ``at_join`` would find; that is counted."""
        unknown = networks_of(address) is None
        self._judged["unjudged"] += unknown
        return unknown

    async def at_turn(self, knock: Knock, joins_per_minute: float, now_ms: int) -> Judgement:
        """Whether he takes the turn as he comes. Work is asked of who takes very many; nobody is refused."""
        networks = networks_of(knock.address)
        said = Judgement(True, "unjudged")
        if networks is not None:
            said = await self._turn(knock, networks, joins_per_minute, now_ms)
        self._turns[said.why] += 1
        return said

    def offer(self, knock: Knock, joins_per_minute: float, now_ms: int) -> Challenge | None:
        """A challenge for who wants to begin before he is asked; None: the address tells nothing."""
        networks = networks_of(knock.address)
        return None if networks is None else self._challenge(knock, networks, joins_per_minute, now_ms)

    def stats(self) -> DoorkeeperStats:
        return DoorkeeperStats(dict(self._judged), dict(self._turns), dict(self._refused), self._bits)

    async def _join(self, knock: Knock, networks: Networks, tide: float, now_ms: int) -> Judgement:
        bounds, work = _bounds(knock.room.id, knock.bots), knock.bots.proof_of_work
        answer = self._answered(knock, networks, now_ms)
        if isinstance(answer, Judgement):
            return answer
        if answer is not None:
            return await self._let_in(answer, bounds, networks)
        if work == "always":
            return self._challenged(knock, networks, tide, now_ms)
        if work == "adaptive":
            free = await self._limiter.check(bounds.free, networks.narrow)
            if not free.allowed:
                return self._challenged(knock, networks, tide, now_ms)
        return await self._let_in(None, bounds, networks)

    async def _turn(self, knock: Knock, networks: Networks, tide: float, now_ms: int) -> Judgement:
        if not knock.bots.challenge_at_front:
            return Judgement(True, "free")
        answer = self._answered(knock, networks, now_ms)
        if isinstance(answer, Judgement):
            return answer
        if answer is not None:
            return Judgement(True, "plain" if answer.plain else "work")
        bounds = _bounds(knock.room.id, knock.bots)
        taken = await self._limiter.check(bounds.claims, networks.narrow)
        return Judgement(True, "free") if taken.allowed else self._challenged(knock, networks, tide, now_ms)

    async def _let_in(self, answer: Answered | None, bounds: _Bounds, networks: Networks) -> Judgement:
        """All limits or none of them: who is told to come later has used nothing up."""
        checks = [Check(bounds.joins, networks.narrow), Check(bounds.wide, networks.wide)]
        if answer is not None and answer.plain:
            checks.append(Check(bounds.plain, networks.narrow))
        verdict = await self._limiter.check_together(checks)
        if not verdict.allowed:
            denied = verdict.denied_by
            wait_ms = denied.retry_after_ms if denied is not None else None
            return Judgement(False, "later", retry_after_ms=wait_ms or PERIOD_SECONDS * 1000)
        if answer is None:
            return Judgement(True, "free")
        return Judgement(True, "plain" if answer.plain else "work", answer.holder)

    def _answered(self, knock: Knock, networks: Networks, now_ms: int) -> Answered | Judgement | None:
        """What he shows, if it is good; who comes early is told for how long to wait, and loses nothing."""
        if not knock.shown:
            return None
        found = self._office.judge(knock.shown, _about(knock, networks), now_ms)
        if isinstance(found, Answered):
            return found
        self._refused[found.reason] += 1
        if found.reason == "early":
            return Judgement(False, "early", retry_after_ms=found.left_ms)
        return None

    def _challenged(self, knock: Knock, networks: Networks, tide: float, now_ms: int) -> Judgement:
        return Judgement(False, "challenged", challenge=self._challenge(knock, networks, tide, now_ms))

    def _challenge(self, knock: Knock, networks: Networks, tide: float, now_ms: int) -> Challenge:
        self._bits = self._effort.at(tide / knock.room.outflow_per_minute)
        return self._office.challenge(_about(knock, networks), self._bits, now_ms)


def _about(knock: Knock, networks: Networks) -> Asked:
    """The wide network: behind a carrier's translation two requests of one phone come from two addresses."""
    return Asked(knock.room.id, networks.wide, knock.number)


@lru_cache(maxsize=4096)
def _bounds(room: str, bots: Bots) -> _Bounds:
    joins = bots.joins_per_minute or JOINS_PER_MINUTE

    def policy(name: str, limit: int) -> Policy:
        return Policy(f"room:{room}:{name}", limit, PERIOD_SECONDS, limit)

    return _Bounds(
        joins=policy("joins", joins),
        wide=policy("joins-wide", joins * WIDE_FACTOR),
        free=policy("joins-free", max(joins // FREE_SHARE, 1)),
        plain=policy("joins-plain", max(joins // PLAIN_SHARE, 1)),
        claims=policy("claims", CLAIMS_PER_MINUTE),
    )
