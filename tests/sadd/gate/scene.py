"""A gate before a desk that says what it is told to."""

from collections.abc import Callable, Mapping
from typing import Any

from multidict import CIMultiDict

from ratelimit.decision import Decision
from ratelimit.policy import Policy
from sadd.gate.gate import Gate
from sadd.gate.knock import Knock
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.fields import policy_field
from sadd.limits.spelling import plain
from sadd.session.record import Session
from sadd.session.sessions import UnknownSession
from sadd.session.sharing import Sharing
from sadd.session.store import StoreUnavailable
from sadd.settings import Gate as GateSettings
from tests.sadd.web.scene import View, catalogue

POLICY = Policy("moehe-results", 60, 60, 20)
ADMITTED = Decision(True, POLICY.id, 60, 12, 3000, None)
REFUSED = Decision(False, POLICY.id, 60, 0, 3000, 1500)
BANNED = Decision(False, POLICY.id, 0, 0, 0, None, "ban")
OPEN = Decision(True, POLICY.id, 60, 0, 0, None, "open")
CLOSED = Decision(False, POLICY.id, 60, 0, 1000, 1000, "closed")


def answer(decision: Decision) -> Answer:
    return Answer(decision.allowed, decision, (decision,), None, (), (POLICY,), policy_field([POLICY]))


class ScriptedDesk:
    """Answers each question with ``says``, and remembers what it was asked."""

    def __init__(self, says: Decision = ADMITTED) -> None:
        self.says = says
        self.asked: list[Asked] = []

    def ask(self, agency: str | None, asked: Asked, done: Callable[[Answer], None]) -> None:
        assert agency is None
        if asked.service not in catalogue().services:
            raise UnknownService(asked.service)
        if len(asked.caller()) > 512:
            raise ValueError("key is empty or longer than 512 bytes")
        self.asked.append(plain(asked))  # as every desk
        done(answer(self.says))


class OneSession:
    """One session lives; ``away`` is a store that cannot be asked."""

    away = False
    service = "moehe-results"

    async def touch(self, agency: str, session_id: str, *, sharing: Sharing | None = None) -> Session:
        if self.away:
            raise StoreUnavailable
        if (agency, session_id) != ("moehe", "s-7"):
            raise UnknownSession
        if sharing is not None and not sharing(self.service):
            raise UnknownSession
        return Session(self.service, "28012345678", b"{}", 1, 0, 0, 9, 9, 0)


def gate(desk: ScriptedDesk, sessions: OneSession | None = None, **settings: str) -> Gate:
    ranges: dict[str, Any] = {"trusted_proxies": "10.0.0.0/8", **settings}
    return Gate(desk, sessions or OneSession(), View(catalogue()), GateSettings(**ranges))


def knock(
    service: str = POLICY.id, peer: str = "10.0.0.1", headers: Mapping[str, str] | None = None, **more: str
) -> Knock:
    return Knock(service, peer, CIMultiDict({"X-Forwarded-For": "203.0.113.7", **(headers or {})}), **more)
