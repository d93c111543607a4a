"""Sessions over HTTP, for an agency's own services. The id is in a header or a cookie, never in a URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Raw, Struct, field

from sadd.session.payload import PayloadTooLarge
from sadd.session.policy import PAYLOAD_BYTES_MAX
from sadd.session.record import TEXT_BYTES_MAX, Session
from sadd.session.sessions import Sessions, UnknownSession
from sadd.session.store import StoreUnavailable, VersionConflict
from sadd.web.answer import json_answer
from sadd.web.away import store_away
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem, body_too_large, invalid_request
from sadd.web.protected import View, owned, session_policy_of

TAG = "sessions"
ROOT = "/v1/sessions"
BODY_BYTES_MAX = 4 * PAYLOAD_BYTES_MAX
"""Of a request: the data and what stands around it, generously. A megabyte of fields decodes for 50 ms."""

SESSION_HEADER = "Sadd-Session"
SESSION_COOKIES = ("__Host-sadd_session", "sadd_session")
SHOWN = {SESSION_HEADER: "The session's id; or the cookie `__Host-sadd_session`."}

Subject = Annotated[
    str, Meta(min_length=1, max_length=TEXT_BYTES_MAX, description="Who is signed in, in your own terms.")
]
Fields = Annotated[
    dict[str, Raw],
    Meta(description=f"A JSON object of at most {PAYLOAD_BYTES_MAX} bytes; its values are yours."),
]


class CreateRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``service`` is one of your agency's; its class in the catalogue has the time-outs."""

    service: Annotated[str, Meta(min_length=1, max_length=200)]
    subject: Subject
    data: Fields = field(default_factory=dict)


class PatchRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Each field of ``data`` replaces that of the session, null removes it; only for that ``version``."""

    version: Annotated[int, Meta(ge=1, le=2**32 - 1)]
    data: Fields


class RevokeAllRequest(Struct, frozen=True, forbid_unknown_fields=True):
    subject: Subject


class SessionAnswer(Struct, frozen=True):
    """A session. It ends after ``idle_expires_in_ms`` unless used, after ``expires_in_ms`` in any case."""

    service: str
    subject: str
    version: int
    data: Raw
    idle_expires_in_ms: int
    expires_in_ms: int


class NamedSessionAnswer(SessionAnswer, frozen=True):
    """As ``SessionAnswer``, with the new id: keep it, it cannot be asked for again."""

    session: str


def endpoints(sessions: Sessions, view: View) -> list[Endpoint]:
    own = _Sessions(sessions, view)
    named = {201: NamedSessionAnswer, 404: None, 503: None}
    renewed = {200: NamedSessionAnswer, 404: None, 503: None}
    found = {200: SessionAnswer, 404: None, 503: None}
    changed = {200: SessionAnswer, 404: None, 409: None, 503: None}
    ended = {204: None, 404: None, 503: None}
    write = "sessions:write"
    return [
        Endpoint(
            "POST",
            ROOT,
            own.create,
            "Create a session",
            TAG,
            CreateRequest,
            answers=named,
            scope=write,
            body_bytes_max=BODY_BYTES_MAX,
        ),
        Endpoint(
            "GET",
            f"{ROOT}/current",
            own.current,
            "Read the session; this is a use of it",
            TAG,
            answers=found,
            scope="sessions:read",
            headers=SHOWN,
            description="404 `unknown-session`: ended, or never yours. 503: nobody knows; do not treat the "
            "person as signed out.",
        ),
        Endpoint(
            "PATCH",
            f"{ROOT}/current",
            own.patch,
            "Change fields of the session",
            TAG,
            PatchRequest,
            answers=changed,
            scope=write,
            body_bytes_max=BODY_BYTES_MAX,
            headers=SHOWN,
            description="409 `version-conflict` when somebody changed it first: read, and try again.",
        ),
        Endpoint(
            "DELETE",
            f"{ROOT}/current",
            own.end,
            "End the session",
            TAG,
            answers=ended,
            scope=write,
            headers=SHOWN,
        ),
        Endpoint(
            "POST",
            f"{ROOT}/current/rotate",
            own.rotate,
            "Give the session a new id",
            TAG,
            answers=renewed,
            scope=write,
            headers=SHOWN,
            description="After sign-in, step-up, or a change of rights. The old id is unknown from then on.",
        ),
        Endpoint(
            "POST",
            f"{ROOT}/revoke-all",
            own.revoke_all,
            "End all sessions of a subject",
            TAG,
            RevokeAllRequest,
            answers={204: None, 503: None},
            scope=write,
            body_bytes_max=BODY_BYTES_MAX,
            description="Those of your agency, at once and however many they are.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Sessions:
    sessions: Sessions
    view: View

    async def create(self, call: Call) -> web.StreamResponse:
        body: CreateRequest = call.body
        policy = session_policy_of(self.view, owned(self.view, call.agency, body.service))
        with _refusing():
            created = await self.sessions.create(call.agency, body.service, body.subject, policy, body.data)
        return _named(*created, status=201)

    async def current(self, call: Call) -> web.StreamResponse:
        with _refusing():
            return _answer(await self.sessions.touch(call.agency, _shown(call.request)))

    async def patch(self, call: Call) -> web.StreamResponse:
        body: PatchRequest = call.body
        with _refusing():
            session_id = _shown(call.request)
            return _answer(await self.sessions.patch(call.agency, session_id, body.version, body.data))

    async def rotate(self, call: Call) -> web.StreamResponse:
        with _refusing():
            return _named(*await self.sessions.rotate(call.agency, _shown(call.request)))

    async def end(self, call: Call) -> web.StreamResponse:
        with _refusing():
            await self.sessions.revoke(call.agency, _shown(call.request))
        return web.Response(status=204)

    async def revoke_all(self, call: Call) -> web.StreamResponse:
        body: RevokeAllRequest = call.body
        with _refusing():
            await self.sessions.revoke_all(call.agency, body.subject)
        return web.Response(status=204)


def _shown(request: web.Request) -> str:
    """The id; an empty one is unknown like any other that is none of ours."""
    if shown := request.headers.get(SESSION_HEADER):
        return shown
    cookies = request.cookies
    return next((cookies[name] for name in SESSION_COOKIES if name in cookies), "")


def _answer(session: Session) -> web.Response:
    return json_answer(SessionAnswer(*_told(session)))


def _named(session_id: str, session: Session, status: int = 200) -> web.Response:
    return json_answer(NamedSessionAnswer(*_told(session), session_id), status)


def _told(session: Session) -> tuple[str, str, int, Raw, int, int]:
    """The fields of a SessionAnswer, in its order."""
    return (
        session.service,
        session.subject,
        session.version,
        Raw(session.payload),
        session.expires_in_ms,
        session.absolute_in_ms,
    )


@contextmanager
def _refusing() -> Iterator[None]:
    """What cannot be answered, as problems."""
    try:
        yield
    except UnknownSession:
        detail = "It has ended, or was never one of your agency."
        raise Problem(404, "unknown-session", "There is no such session.", detail) from None
    except VersionConflict as conflict:
        raise Problem(
            409,
            "version-conflict",
            "Somebody else changed the session first.",
            "Read it and try again.",
            extra={"version": conflict.version},
        ) from None
    except PayloadTooLarge:
        raise body_too_large(PAYLOAD_BYTES_MAX) from None
    except ValueError as wrong:
        raise invalid_request(str(wrong)) from None
    except StoreUnavailable:
        raise store_away("Nobody knows whether the session lives. Keep its id and try again.") from None
