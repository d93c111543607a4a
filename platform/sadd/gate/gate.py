"""The gate: may the request that a proxy holds go on to its service?

It fails as each service's limits do: with the store away an open policy lets the request through, a closed
one refuses it with 503. Who shows a session is refused in any case, since nobody can tell whose it is; and so
is who has not been let in yet by the waiting room that the service has (``door``).
The gate that is itself away is the proxy's affair; the configurations in docs/gate/ have both ways.

It looks at the waiting room first, then at the session, then at the limits.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from sadd.catalogue.model import Catalogue, Service
from sadd.gate import reply
from sadd.gate.door import OUTCOMES as DOOR_OUTCOMES
from sadd.gate.door import Door, Verdict
from sadd.gate.knock import Caller, Descriptors, Knock
from sadd.gate.original import Contradiction, Headers, original_of, told
from sadd.gate.reply import Reply
from sadd.gate.shown import session_shown
from sadd.gate.trust import Trust, prefix_of
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked, UnknownService
from sadd.session.record import Session
from sadd.session.sessions import UnknownSession
from sadd.session.sharing import Sharing
from sadd.session.store import StoreUnavailable
from sadd.settings import Gate as GateSettings
from sadd.web.problem import Problem, internal_error, invalid_request
from sadd.web.sessions_sharing import Sharings

Done = Callable[[Reply], None]

_log = structlog.get_logger("sadd.gate")


class Desk(Protocol):
    """What is asked of the limits."""

    def ask(self, agency: str | None, asked: Asked, done: Callable[[Answer], None]) -> None: ...


class Sessions(Protocol):
    """What is asked of the sessions."""

    async def touch(self, agency: str, session_id: str, *, sharing: Sharing | None = None) -> Session: ...


class View(Protocol):
    """What is asked of the catalogue's view."""

    @property
    def current(self) -> Catalogue: ...


@dataclass(frozen=True, slots=True)
class GateStats:
    """``replies`` by what they were, ``visitors`` by how they came to the door of a waiting room."""

    replies: dict[str, int]
    visitors: dict[str, int]


OUTCOMES = (
    "admitted",
    "refused",
    "waiting",
    "entered",
    "room_away",
    "store_away",
    "session_away",
    "unknown_service",
    "foreign_proxy",
    "contradiction",
    "misfit",
    "fault",
)

_AWAY = "store-unavailable"
"""The problem of a door that nobody can judge at; whoever else is refused there is a visitor who waits."""


class Gate:
    """Answers the proxies of all services. One for each worker. Without a ``door`` no service has a room."""

    def __init__(
        self, desk: Desk, sessions: Sessions, view: View, settings: GateSettings, door: Door | None = None
    ) -> None:
        self._desk = desk
        self._door = door
        self._sessions = sessions
        self._view = view
        self._sharings = Sharings(view)
        self._settings = settings
        self._trust = Trust(settings.ranges)
        self._counts: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._looking: set[asyncio.Task[None]] = set()

    def ask(self, knock: Knock, done: Done) -> None:
        """Reply by ``done``, once: perhaps before this returns, else when the store has answered."""
        try:
            caller = self._caller(knock)
        except Contradiction as unclear:
            done(self._wrong("contradiction", reply.contradiction(unclear)))
            return
        if caller is None:
            done(self._wrong("foreign_proxy", reply.foreign_proxy(knock.peer)))
            return
        self.ask_for(knock, caller, done)

    def ask_for(self, knock: Knock, caller: Caller, done: Done) -> None:
        """The same for who holds the request himself, and so knows who called."""
        if self._door is None:
            self._ask_inside(knock, caller, "", done)
        else:
            self._door.ask(knock, caller, partial(self._judged, knock, caller, done))

    def _judged(self, knock: Knock, caller: Caller, done: Done, verdict: Verdict) -> None:
        if verdict.problem is None:
            self._ask_inside(knock, caller, verdict.cookie, done)
            return
        entered = "Set-Cookie" in verdict.problem.headers
        away = verdict.problem.slug == _AWAY
        self._counts["entered" if entered else "room_away" if away else "waiting"] += 1
        done(reply.refusal(verdict.problem, knock.headers))

    def _ask_inside(self, knock: Knock, caller: Caller, cookie: str, done: Done) -> None:
        """``cookie`` is a field for the visitor who goes on."""
        if cookie:
            done = partial(_greet, cookie, done)
        service = self._view.current.services.get(knock.service)
        if service is not None and not caller.subject and (shown := self._session_id(service, knock)):
            task = asyncio.get_running_loop().create_task(self._look(service, shown, knock, caller, done))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)
            return
        self._decide(knock, caller, caller.subject, done)

    async def decide(self, knock: Knock) -> Reply:
        """The same for who can wait."""
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.ask(knock, partial(_settle, waiting))
        return await waiting

    def trusts(self, peer: str) -> bool:
        """Whether a call from this address would be answered."""
        return self._trust.visitor(peer, ()) is not None

    def visitor(self, peer: str, headers: Headers) -> str:
        """The address of who called: the peer's, or what it tells if it is a proxy of ours."""
        told = headers.getall(self._settings.client_ip_header, [])
        return self._trust.visitor(peer, told) or peer

    def stats(self) -> GateStats:
        visitors = dict.fromkeys(DOOR_OUTCOMES, 0) if self._door is None else dict(self._door.counts)
        return GateStats(dict(self._counts), visitors)

    def _caller(self, knock: Knock) -> Caller | None:
        """Who asks for what, by the words of a proxy of ours; None: it is none. Raises Contradiction."""
        headers, settings = knock.headers, self._settings
        address = self._trust.visitor(knock.peer, headers.getall(settings.client_ip_header, []))
        if address is None:
            return None
        return Caller(
            address,
            original_of(headers, knock.method, knock.rest),
            subject=_vouched(headers, settings.subject_header),
            app=_vouched(headers, settings.app_header),
        )

    def _session_id(self, service: Service, knock: Knock) -> str:
        return "" if service.protection.session is None else session_shown(knock.headers)

    async def _look(self, service: Service, shown: str, knock: Knock, caller: Caller, done: Done) -> None:
        """Find out who the visitor is, then decide. Another service's session counts where it is shared."""
        try:
            sharing = self._sharings.of(service.agency, service.id)
            subject = (await self._sessions.touch(service.agency, shown, sharing=sharing)).subject
        except UnknownSession:
            subject = ""
        except StoreUnavailable:
            self._counts["session_away"] += 1
            done(reply.refusal(reply.session_away(), knock.headers))
            return
        except Exception:  # whoever waits gets an answer in any case
            _log.exception("a session could not be looked at", service=service.id)
            done(self._wrong("fault", internal_error()))
            return
        self._decide(knock, caller, subject, done)

    def _decide(self, knock: Knock, caller: Caller, subject: str, done: Done) -> None:
        known = {"ip": caller.address}
        if subject:
            known["citizen"] = subject
        if caller.app:
            known["app"] = caller.app
        # A rule may look at the whole address; whose limit it is goes by the part that a household has.
        key = subject or caller.app or prefix_of(caller.address)
        descriptors = Descriptors(known, knock.headers)
        asked = Asked(knock.service, key, caller.original.uri, descriptors)
        try:
            self._desk.ask(None, asked, lambda answer: done(self._said(answer, subject, knock.headers)))
        except UnknownService:
            done(self._wrong("unknown_service", reply.no_such_service(knock.service)))
        except ValueError as wrong:  # a name or a field too long to be counted: never a 500, which may open
            done(self._wrong("misfit", invalid_request(str(wrong), status=400)))

    def _said(self, answer: Answer, subject: str, headers: Headers) -> Reply:
        closed = answer.decision.fallback == "closed"
        outcome = "admitted" if answer.allowed else "store_away" if closed else "refused"
        self._counts[outcome] += 1
        return reply.reply_to(answer, subject, headers)

    def _wrong(self, outcome: str, problem: Problem) -> Reply:
        self._counts[outcome] += 1
        return reply.misuse(problem)


def _vouched(headers: Headers, field: str) -> str:
    """Raises Contradiction: of two, one is a visitor's, who hopes for a proxy that only adds its own."""
    return (told(headers, (field,)) or "") if field else ""


def _greet(cookie: str, done: Done, said: Reply) -> None:
    """Whoever is let in has his entry, also if a limit refuses him just now: his pass is spent."""
    said.fields["Set-Cookie"] = cookie
    done(said)


def _settle(waiting: "asyncio.Future[Reply]", said: Reply) -> None:
    """The proxy may have gone meanwhile."""
    if not waiting.done():
        waiting.set_result(said)
