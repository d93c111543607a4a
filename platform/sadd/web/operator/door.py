"""Who works at the page: signing in with an API key, the session after it, and forms forged by other sites.

The key is looked at once and kept nowhere: the session remembers the key's public prefix, and each request
asks the key ring whether that key is in force and still has the scope. So a revoked key ends its sessions.
The session shuts: while its store is away nobody is signed in or out, and the page says so.

A form must come from this site (what browsers say in ``Sec-Fetch-Site`` or ``Origin``) and hold the session's
own token. The cookie is never sent along from other sites at all.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec
from aiohttp import hdrs, web

from ratelimit.limiter import Limiter
from ratelimit.policy import Policy
from sadd.identity.caller import Caller
from sadd.session.policy import SessionPolicy
from sadd.session.sessions import Sessions, UnknownSession

SCOPE: Final = "queues:admin"
COOKIE: Final = "__Host-sadd_operator"
REALM: Final = "operator:"
"""Under which these sessions are kept; no agency has a colon in its id."""
TOKEN_CHARACTERS_MAX = 100

TIMES = SessionPolicy(idle_ms=15 * 60_000, absolute_ms=8 * 3600_000)
"""A quarter of an hour without a look at the page, a shift in any case."""

SIGN_INS = Policy("operator:sign-in", limit=10, period_seconds=60, burst=10, on_store_loss="local")
"""Tries from one address; no service is called so. A key has 160 random bits: the bound is on the work of
looking, not on luck."""


class Refused(Exception):
    """No sign-in. ``reason`` is a name of ``sadd.web.operator.words``."""

    def __init__(self, status: int, reason: str, retry_after_seconds: int = 0) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class Keys(Protocol):
    """What is asked of the key ring."""

    def authenticate(self, authorization: str | None) -> Caller | None: ...

    def is_stranger(self, authorization: str) -> bool: ...

    async def look_up(self, authorization: str) -> None: ...

    def in_force(self, prefix: str) -> Caller | None: ...


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who is signed in. ``token`` goes into each form."""

    caller: Caller
    token: str = field(repr=False)
    session_id: str = field(repr=False)


class Door:
    """Lets operators in. ``address`` says where a request comes from, for the limit of tries."""

    def __init__(
        self, keys: Keys, sessions: Sessions, limiter: Limiter, address: Callable[[web.Request], str]
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._limiter = limiter
        self._address = address

    async def visit(self, request: web.Request) -> Visit | None:
        """Who is signed in; this is a use of the session. Raises the session's StoreUnavailable."""
        session_id = request.cookies.get(COOKIE, "")
        if not session_id:
            return None
        try:
            session = await self._sessions.touch(REALM, session_id)
        except UnknownSession:
            return None
        caller = self._keys.in_force(session.subject)
        if caller is None or SCOPE not in caller.scopes:
            return None  # the session is not ended: a key made a moment ago may be on its way to this worker
        token = msgspec.json.decode(session.payload, type=dict[str, str])["token"]
        return Visit(caller, token, session_id)

    async def sign_in(self, request: web.Request, key: str) -> str:
        """The id of a new session; one that the browser had before ends. Raises Refused, StoreUnavailable."""
        decision = await self._limiter.check(SIGN_INS, self._address(request))
        if not decision.allowed:
            raise Refused(429, "too_many", -(-(decision.retry_after_ms or 1000) // 1000))
        caller = await self._caller(f"Bearer {key.strip()}")
        if caller is None:
            raise Refused(403, "wrong_key")
        if SCOPE not in caller.scopes:
            raise Refused(403, "weak_key")
        await self._forget(request.cookies.get(COOKIE, ""))
        fresh = {"token": secrets.token_urlsafe(32)}
        session_id, _ = await self._sessions.create(REALM, "operator", caller.prefix, TIMES, fresh)
        return session_id

    async def sign_out(self, visit: Visit) -> None:
        await self._forget(visit.session_id)

    async def _caller(self, authorization: str) -> Caller | None:
        if self._keys.is_stranger(authorization):
            await self._keys.look_up(authorization)
        return self._keys.authenticate(authorization)

    async def _forget(self, session_id: str) -> None:
        if not session_id:
            return
        try:
            await self._sessions.revoke(REALM, session_id)
        except UnknownSession:
            return


def is_ours(request: web.Request) -> bool:
    """Whether a form was sent by a page of this site. A browser that says neither is not believed.

    ``Sec-Fetch-Site`` cannot be written by a page and holds behind a proxy that changes ``Host``; browsers
    leave it out on plain HTTP, where ``Origin`` must name the host that was asked.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get(hdrs.ORIGIN, "")
    return origin in (f"http://{request.host}", f"https://{request.host}")


def is_right(visit: Visit, token: str) -> bool:
    """Whether a form holds the session's token."""
    shown = token[:TOKEN_CHARACTERS_MAX].encode("utf-8", "surrogatepass")
    return hmac.compare_digest(shown, visit.token.encode())


def keep(response: web.StreamResponse, session_id: str) -> None:
    """Give the browser the session, until it is closed or the session ends."""
    response.set_cookie(COOKIE, session_id, path="/", secure=True, httponly=True, samesite="Strict")


def drop(response: web.StreamResponse) -> None:
    response.set_cookie(COOKIE, "", max_age=0, path="/", secure=True, httponly=True, samesite="Strict")
