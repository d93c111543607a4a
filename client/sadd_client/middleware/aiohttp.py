"""A limit, a waiting room, or sessions, in an aiohttp application."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sadd_client.door import AsyncDoor, Visit
from sadd_client.errors import PlatformAway
from sadd_client.limiter import AsyncLimiter
from sadd_client.middleware.keys import address_key, bounded_key
from sadd_client.middleware.refusal import away_refusal, refusal_of, shown_refusal
from sadd_client.sessions.cookie import Cookie
from sadd_client.sessions.sessions import AsyncSessions
from sadd_client.sessions.visitor import Shown, Visitor

COOKIE = Cookie()
VISITOR = web.RequestKey("visitor", Visitor)
"""``request[VISITOR]`` behind ``signed_in``."""


def by_address(request: web.Request) -> str | None:
    """The address of the connection."""
    return address_key(request.remote)


def limited(limiter: AsyncLimiter, key: Callable[[web.Request], str | None] = by_address) -> Middleware:
    """A middleware: requests whose ``key`` is over its limit are refused; a key of None is not limited."""

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        found = key(request)
        refusal = None if found is None else refusal_of(await limiter.guard(bounded_key(found)))
        if refusal is None:
            return await handler(request)
        return web.Response(status=refusal.status, headers=refusal.headers, body=refusal.body)

    return limit


def admitted(door: AsyncDoor, address: Callable[[web.Request], str | None] = by_address) -> Middleware:
    """A middleware: who has not come through the waiting room is led there; a pass is taken once."""

    @web.middleware
    async def ask(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = {name.lower(): ",".join(request.headers.getall(name)) for name in request.headers}
        headers["cookie"] = "; ".join(request.headers.getall("Cookie", []))
        shown = await door.judge(Visit(request.method, request.raw_path, headers, address(request) or ""))
        if shown.status:
            refusal = shown_refusal(shown)
            return web.Response(status=refusal.status, headers=refusal.headers, body=refusal.body)
        response = await handler(request)
        if shown.cookie and not response.prepared:
            response.headers.add("Set-Cookie", shown.cookie)
        return response

    return ask


def signed_in(
    sessions: AsyncSessions,
    cookie: Cookie = COOKIE,
    address: Callable[[web.Request], str | None] = by_address,
) -> Middleware:
    """A middleware: ``request[VISITOR]`` is a ``Visitor``: who is signed in, in and out.

    While nobody can say whether a session lives the answer is 503 with Retry-After, and the cookie stays.
    """

    @web.middleware
    async def know(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = request.headers
        cookies = tuple(headers.getall("Cookie", []))
        shown = Shown(cookies, headers.get("User-Agent", ""), address(request) or "")
        visitor = request[VISITOR] = Visitor(sessions, cookie, shown)
        try:
            response = await handler(request)
        except PlatformAway as away:
            refusal = away_refusal(away)
            return web.Response(status=refusal.status, headers=refusal.headers, body=refusal.body)
        except web.HTTPException as raised:  # a redirect after signing in, say
            _greet(raised, visitor)
            raise
        _greet(response, visitor)
        return response

    return know


def _greet(response: web.StreamResponse, visitor: Visitor) -> None:
    """An answer that has begun cannot get a cookie any more: sign in before you stream."""
    if visitor.set_cookie is not None and not response.prepared:
        response.headers.add("Set-Cookie", visitor.set_cookie)
        response.headers.setdefault("Cache-Control", "no-store")
