"""A limit in front of an ASGI application (Starlette, FastAPI, Quart, Django under ASGI …)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sadd_client.limiter import AsyncLimiter
from sadd_client.middleware.keys import address_key, bounded_key
from sadd_client.middleware.refusal import Refusal, refusal_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


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


async def _refuse(refusal: Refusal, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in refusal.headers.items()]
    await send({"type": "http.response.start", "status": refusal.status.value, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body})
