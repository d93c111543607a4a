"""A desk that says what it is told to, and one session: what the shield asks by the gate's own functions."""

from collections.abc import Callable

from ratelimit.decision import Decision
from ratelimit.policy import Policy
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked
from sadd.limits.fields import policy_field
from sadd.session.record import Session
from sadd.session.sessions import UnknownSession
from sadd.session.sharing import Sharing
from sadd.session.store import StoreUnavailable

POLICY = Policy("moehe-results", 60, 60, 20)
ADMITTED = Decision(True, POLICY.id, 60, 12, 3000, None)
REFUSED = Decision(False, POLICY.id, 60, 0, 3000, 1500)
SHOWN = "s-7"
"""The id of the session that lives."""


class Desk:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.says = ADMITTED
        self.asked: list[Asked] = []

    def ask(self, agency: str | None, asked: Asked, done: Callable[[Answer], None]) -> None:
        self.asked.append(asked)
        said = self.says
        done(Answer(said.allowed, said, (said,), None, (), (POLICY,), policy_field([POLICY])))


class OneSession:
    """``away`` is a store that cannot be asked."""

    away = False
    subject = "28012345678"

    async def touch(self, agency: str, session_id: str, *, sharing: Sharing | None = None) -> Session:
        if self.away:
            raise StoreUnavailable
        if (agency, session_id) != ("moehe", SHOWN):
            raise UnknownSession
        return Session("moehe-results", self.subject, b"{}", 1, 0, 0, 9, 9, 0)
