"""A limit in front of a WSGI application (Flask, Django, Bottle …)."""

from collections.abc import Callable, Iterable
from typing import Any

from sadd_client.limiter import Limiter
from sadd_client.middleware.keys import address_key, bounded_key
from sadd_client.middleware.refusal import refusal_of

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def by_address(environ: Environ) -> str | None:
    """The address of the connection."""
    return address_key(environ.get("REMOTE_ADDR"))


class Limited:
    """Requests whose ``key`` is over its limit are refused; a key of None is not limited."""

    def __init__(
        self, app: Application, limiter: Limiter, key: Callable[[Environ], str | None] = by_address
    ) -> None:
        self._app = app
        self._limiter = limiter
        self._key = key

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        key = self._key(environ)
        refusal = None if key is None else refusal_of(self._limiter.guard(bounded_key(key)))
        if refusal is None:
            return self._app(environ, start_response)
        start_response(f"{refusal.status.value} {refusal.status.phrase}", [*refusal.headers.items()])
        return [refusal.body]
