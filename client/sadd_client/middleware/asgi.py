"""A limit, a waiting room, or sessions, before an ASGI application (Starlette, FastAPI, Quart, Django …)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sadd_client.door import AsyncDoor, Visit
from sadd_client.errors import PlatformAway
from sadd_client.limiter import AsyncLimiter
from sadd_client.middleware.keys import address_key, bounded_key
from sadd_client.middleware.refusal import Refusal, away_refusal, refusal_of, shown_refusal
from sadd_client.sessions.cookie import Cookie
from sadd_client.sessions.sessions import AsyncSessions
from sadd_client.sessions.visitor import Shown, Visitor

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = Cookie()


def by_address(scope: Scope) -> str | None:
    """The address of the connection."""
    client = scope.get("client")
    return address_key(client[0] if client else None)


class Limited:
    """Requests whose ``key`` is over its limit are refused; a key of None is not limited.

    Only HTTP requests are; lifespan and websockets go on untouched.
    """

    def __init__(
        self,
        app: Application,
        limiter: AsyncLimiter,
        key: Callable[[Scope], str | None] = by_address,
    ) -> None:
        self._app = app
        self._limiter = limiter
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = self._key(scope) if scope["type"] == "http" else None
        if key is not None:
            refusal = refusal_of(await self._limiter.guard(bounded_key(key)))
            if refusal is not None:
                await _refuse(refusal, send)
                return
        await self._app(scope, receive, send)


class Admitted:
    """Requests of who has not come through the waiting room are led there; a pass is taken once.

    Websockets too: theirs are closed before they open. ``address`` says who shows a pass, as for ``Limited``.
    """

    def __init__(
        self, app: Application, door: AsyncDoor, address: Callable[[Scope], str | None] = by_address
    ) -> None:
        self._app = app
        self._door = door
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        shown = await self._door.judge(_visit(scope, self._address(scope) or ""))
        if shown.status:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await _refuse(shown_refusal(shown), send)
            return
        await self._app(scope, receive, _with_cookie(send, shown.cookie) if shown.cookie else send)


class SignedIn:
    """``scope["visitor"]`` of each request and websocket is a ``Visitor``: who is signed in, in and out.

    While nobody can say whether a session lives the answer is 503 with Retry-After, and the cookie stays.
    """

    def __init__(
        self,
        app: Application,
        sessions: AsyncSessions,
        cookie: Cookie = COOKIE,
        address: Callable[[Scope], str | None] = by_address,
    ) -> None:
        self._app, self._sessions, self._cookie, self._address = app, sessions, cookie, address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        visitor = Visitor(self._sessions, self._cookie, _shown(scope, self._address(scope) or ""))
        answering = _Answering(send, visitor)
        try:
            await self._app({**scope, "visitor": visitor}, receive, answering)
        except PlatformAway as away:
            if answering.begun:
                raise
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1013})  # try again later
            else:
                await _refuse(away_refusal(away), send)


class _Answering:
    """Puts the visitor's cookie on the answer, which is then nobody else's."""

    def __init__(self, send: Send, visitor: Visitor) -> None:
        self._send, self._visitor = send, visitor
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.accept"):
            self.begun = True
            if self._visitor.set_cookie is not None:
                headers = [*message.get("headers", []), (b"set-cookie", self._visitor.set_cookie.encode())]
                if all(name.lower() != b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
                message = {**message, "headers": headers}
        await self._send(message)


def _shown(scope: Scope, network: str) -> Shown:
    fields = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    device = next((value for name, value in fields if name == b"user-agent"), "")
    return Shown(tuple(value for name, value in fields if name == b"cookie"), device, network)


def _visit(scope: Scope, address: str) -> Visit:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joint = "; " if name == "cookie" else ","
        headers[name] = f"{headers[name]}{joint}{value}" if name in headers else value
    path = (scope.get("raw_path") or b"").decode("latin-1") or scope["path"]
    query = scope.get("query_string", b"").decode("latin-1")
    return Visit(scope.get("method", "GET"), f"{path}?{query}" if query else path, headers, address)


def _with_cookie(send: Send, cookie: str) -> Send:
    async def greet(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", []), (b"set-cookie", cookie.encode("latin-1"))]
            message = {**message, "headers": headers}
        await send(message)

    return greet


async def _refuse(refusal: Refusal, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in refusal.headers.items()]
    await send({"type": "http.response.start", "status": refusal.status.value, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body})
