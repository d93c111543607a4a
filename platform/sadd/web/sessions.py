"""Sessions over HTTP, for an agency's own services. The id is in a header or a cookie, never in a URL."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from queueing.passes import InvalidPass
from sadd.logout.logins import login_of
from sadd.logout.providers import Provider
from sadd.rooms.networks import networks_of
from sadd.session.policy import PAYLOAD_BYTES_MAX, SessionPolicy
from sadd.session.record import Session
from sadd.session.sessions import Sessions
from sadd.session.sharing import Sharing
from sadd.web.answer import encode_json, json_answer
from sadd.web.endpoint import Call, Endpoint
from sadd.web.lane.endpoint import LaneEndpoint, Question, Told
from sadd.web.problem import Problem, invalid_request
from sadd.web.protected import View, owned, session_policy_of
from sadd.web.sessions_cookie import CLEAR_SITE_DATA, SESSION_COOKIES, SameSite, session_in
from sadd.web.sessions_refused import SESSION_HEADER, problem_of, refusing, shown
from sadd.web.sessions_shapes import (
    CreateRequest,
    Login,
    NamedSessionAnswer,
    PatchRequest,
    ReplaceRequest,
    RotateRequest,
    SessionAnswer,
    SignInRequest,
    StepUpRequest,
    named_answer,
    session_answer,
)
from sadd.web.sessions_sharing import SERVICE_HEADER, Sharings

__all__ = ["SESSION_COOKIES", "SESSION_HEADER", "SHOWN", "Logins", "Providers", "endpoints"]

TAG = "sessions"
ROOT = "/v1/sessions"
CURRENT = f"{ROOT}/current"
BODY_BYTES_MAX = 4 * PAYLOAD_BYTES_MAX
"""Of a request: the data and what stands around it, generously. A megabyte of fields decodes for 50 ms."""

SHOWN = {
    SESSION_HEADER: f"The session's id; or the cookie `{SESSION_COOKIES[0]}`.",
    SERVICE_HEADER: "The service that asks: it reads others' sessions only where the catalogue says so.",
}
_SESSION, _SERVICE = SESSION_HEADER.lower().encode(), SERVICE_HEADER.lower().encode()


class Logins(Protocol):
    """sadd.logout.logins."""

    async def note(self, agency: str, login: str, subject: str, lives_s: float) -> None: ...


class Providers(Protocol):
    @property
    def current(self) -> Mapping[str, Provider]: ...


Stays = Callable[[str, str], str]
"""A service and the entry, or pass, that was shown for its room; what names the slot. Raises InvalidPass."""


def endpoints(
    sessions: Sessions,
    view: View,
    logins: Logins | None = None,
    providers: Providers | None = None,
    stays: Stays | None = None,
) -> list[Endpoint]:
    """Without ``logins`` and ``providers`` nobody names a provider's session, without ``stays`` an entry."""
    own = _Sessions(sessions, view, Sharings(view), logins, providers, stays)
    named = {404: None, 409: None, 429: None, 503: None}
    found = {200: SessionAnswer, 404: None, 503: None}
    return [
        _endpoint("POST", ROOT, own.create, "Create a session", {201: NamedSessionAnswer, **named})(
            body=CreateRequest
        ),
        _endpoint("GET", CURRENT, own.current, "Read the session; this is no use of it", found)(
            scope="sessions:read",
            description="404 `unknown-session`: ended, or never yours. 503: nobody knows; do not treat the "
            "person as signed out.",
            lane=LaneEndpoint(own.ask_current, tell),
        ),
        _endpoint("POST", f"{CURRENT}/touch", own.touch, "Use the session", found)(
            scope="sessions:read",
            description="As to read it, and the idle time begins anew. Of several uses within a twentieth of "
            "it only the first is written.",
            lane=LaneEndpoint(own.ask_touch, tell),
        ),
        _endpoint("PATCH", CURRENT, own.patch, "Change fields of the session", {**found, 409: None})(
            body=PatchRequest,
            description="Without `version` the fields are merged into whichever version there is. With it "
            "409 `version-conflict` when somebody changed it first: read, and try again.",
        ),
        _endpoint("PUT", CURRENT, own.replace, "Replace the session's data", {**found, 409: None})(
            body=ReplaceRequest
        ),
        _endpoint("DELETE", CURRENT, own.end, "End the session", {204: None, 404: None, 503: None})(
            description="The answer's `Clear-Site-Data` is for your own answer to the browser.",
        ),
        _endpoint("POST", f"{CURRENT}/rotate", own.rotate, "Give the session a new id", _renewed())(
            body=RotateRequest,
            body_optional=True,
            description="After a change of rights. The old id is given up in the same moment: who shows it "
            "later gets 404 `spent-session`, and that is logged.",
        ),
        _endpoint("POST", f"{CURRENT}/step-up", own.step_up, "Raise the level of the session", _renewed())(
            body=StepUpRequest,
            description="After a further factor was proven. The level ends by itself; the id is a new one.",
        ),
        _endpoint("POST", f"{CURRENT}/sign-in", own.sign_in, "Sign in who has a session", named_created())(
            body=SignInRequest,
            description="A new session for the subject; the shown one ends. Of its data only what `keep` "
            "names goes along.",
        ),
    ]


def named_created() -> dict[int, Any]:
    return {201: NamedSessionAnswer, 404: None, 409: None, 429: None, 503: None}


def _renewed() -> dict[int, Any]:
    return {200: NamedSessionAnswer, 404: None, 409: None, 503: None}


def _endpoint(
    method: str, path: str, handle: Any, summary: str, answers: dict[int, Any]
) -> Callable[..., Endpoint]:
    """One of sessions: written by services, about the session that is shown."""

    def more(**options: Any) -> Endpoint:
        settled = {"scope": "sessions:write", "body_bytes_max": BODY_BYTES_MAX, "headers": SHOWN, **options}
        return Endpoint(method, path, handle, summary, TAG, answers=answers, **settled)

    return more


@dataclass(frozen=True, slots=True)
class _Sessions:
    sessions: Sessions
    view: View
    sharings: Sharings
    logins: Logins | None
    providers: Providers | None
    stays: Stays | None

    async def create(self, call: Call) -> web.StreamResponse:
        body: CreateRequest = call.body
        policy = session_policy_of(self.view, owned(self.view, call.agency, body.service))
        with refusing():
            login = self._login(call.agency, body.login)
            session_id, session = await self.sessions.create(
                call.agency,
                body.service,
                _subject(body, policy),
                policy,
                body.data,
                network=_network(body),
                login=login,
                stay=self._stay(body),
                **_labels(body),
            )
            await self._note(call.agency, login, session_id, session)
        return _named(session_id, session, body.same_site, 201)

    async def sign_in(self, call: Call) -> web.StreamResponse:
        body: SignInRequest = call.body
        policy = session_policy_of(self.view, owned(self.view, call.agency, body.service))
        with refusing():
            login = self._login(call.agency, body.login)
            session_id, session = await self.sessions.sign_in(
                call.agency,
                shown(call.request),
                body.service,
                _subject(body, policy),
                policy,
                body.data,
                keep=body.keep,
                login=login,
                stay=self._stay(body),
                **_labels(body),
            )
            await self._note(call.agency, login, session_id, session)
        return _named(session_id, session, body.same_site, 201)

    async def current(self, call: Call) -> web.StreamResponse:
        with refusing():
            session = await self.sessions.get(call.agency, shown(call.request), sharing=self._sharing(call))
        return json_answer(session_answer(session))

    async def touch(self, call: Call) -> web.StreamResponse:
        with refusing():
            session = await self.sessions.touch(call.agency, shown(call.request), sharing=self._sharing(call))
        return json_answer(session_answer(session))

    def ask_current(self, asked: Question, done: Callable[[Session | Exception], None]) -> None:
        self._ask(asked, done, use=False)

    def ask_touch(self, asked: Question, done: Callable[[Session | Exception], None]) -> None:
        self._ask(asked, done, use=True)

    def _ask(self, asked: Question, done: Callable[[Session | Exception], None], *, use: bool) -> None:
        service = asked.field(_SERVICE)
        sharing = None if service is None else self.sharings.of(asked.agency, service)
        session_id = asked.field(_SESSION)
        if not session_id and (cookie := asked.field(b"cookie")) is not None:
            with refusing():
                session_id = session_in((cookie,))
        self.sessions.ask(asked.agency, session_id or "", done, use=use, sharing=sharing)

    async def patch(self, call: Call) -> web.StreamResponse:
        body: PatchRequest = call.body
        await self._may_write(call)
        with refusing():
            session = await self.sessions.patch(call.agency, shown(call.request), body.version, body.data)
        return json_answer(session_answer(session))

    async def replace(self, call: Call) -> web.StreamResponse:
        body: ReplaceRequest = call.body
        await self._may_write(call)
        with refusing():
            session = await self.sessions.replace(call.agency, shown(call.request), body.version, body.data)
        return json_answer(session_answer(session))

    async def rotate(self, call: Call) -> web.StreamResponse:
        body: RotateRequest = call.body or RotateRequest()
        await self._may_write(call)
        with refusing():
            renewed = await self.sessions.rotate(call.agency, shown(call.request), keep=body.keep)
        return _named(*renewed, body.same_site)

    async def step_up(self, call: Call) -> web.StreamResponse:
        body: StepUpRequest = call.body
        await self._may_write(call)
        with refusing():
            renewed = await self.sessions.step_up(
                call.agency, shown(call.request), body.level, body.seconds * 1000
            )
        return _named(*renewed, body.same_site)

    async def end(self, call: Call) -> web.StreamResponse:
        await self._may_write(call)
        with refusing():
            await self.sessions.revoke(call.agency, shown(call.request))
        return web.Response(status=204, headers={"Clear-Site-Data": CLEAR_SITE_DATA})

    def _sharing(self, call: Call) -> Sharing | None:
        return self.sharings.of(call.agency, call.request.headers.get(SERVICE_HEADER))

    async def _may_write(self, call: Call) -> None:
        """Whoever names the service that asks may change what he may read; a look more, for those only."""
        if (sharing := self._sharing(call)) is not None:
            with refusing():
                await self.sessions.get(call.agency, shown(call.request), sharing=sharing)

    def _login(self, agency: str, login: Login | None) -> str:
        """What names the provider's session here; empty if there is none. Problem: not the agency's."""
        if login is None:
            return ""
        provider = None if self.providers is None else self.providers.current.get(login.provider)
        if provider is None or provider.agency != agency:
            detail = f"Your agency has no provider {login.provider!r}."
            raise Problem(422, "unknown-provider", "There is no such provider.", detail)
        return login_of(provider.id, login.sid)

    def _stay(self, body: CreateRequest) -> str:
        """What names the slot that the visitor has; empty if none was shown. Problem: it is none in force."""
        if not body.entry:
            return ""
        try:
            if self.stays is not None:
                return self.stays(body.service, body.entry)
        except InvalidPass:
            pass
        raise Problem(403, "invalid-pass", "This is no entry to this service.")

    async def _note(self, agency: str, login: str, session_id: str, session: Session) -> None:
        """A session that its provider could not end is none: it ends before anybody has its id."""
        if not login or self.logins is None:
            return
        try:
            await self.logins.note(agency, login, session.subject, session.absolute_in_ms / 1000)
        except Exception:
            await self.sessions.revoke(agency, session_id)
            raise


def tell(result: Session | Exception) -> Told:
    """An answer of the lane. What there is none for, is raised as a problem."""
    if isinstance(result, Session):
        return encode_json(session_answer(result)), ""
    raise problem_of(result)


def _named(session_id: str, session: Session, same_site: SameSite, status: int = 200) -> web.Response:
    return json_answer(named_answer(session_id, session, same_site), status)


def _subject(body: CreateRequest, policy: SessionPolicy) -> str:
    """Whom it is for; nobody yet has a name of his own, so that he is not counted with other nobodies."""
    if body.subject is not None:
        return body.subject
    if policy.profile != "anonymous":
        detail = "a session of this class is somebody's"
        raise invalid_request(f"{detail} at #/subject", errors=[{"pointer": "#/subject", "detail": detail}])
    return f"anonymous-{secrets.token_hex(12)}"


def _labels(body: CreateRequest) -> dict[str, Any]:
    """What else the engine keeps of it."""
    return {
        "device": body.device,
        "place": body.place,
        "level": body.level,
        "level_ms": body.level_seconds * 1000 if body.level else 0,
    }


def _network(body: CreateRequest) -> str:
    """Whose quota the session counts in: a household's, or the least that is routed."""
    networks = networks_of(body.address) if body.address else None
    if body.address and networks is None:
        detail = "it is no address"
        raise invalid_request(f"{detail} at #/address", errors=[{"pointer": "#/address", "detail": detail}])
    return "" if networks is None else networks.wide
