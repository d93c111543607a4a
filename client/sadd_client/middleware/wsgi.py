"""A limit, or a waiting room, in front of a WSGI application (Flask, Django, Bottle …)."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from sadd_client.door import Door, Visit
from sadd_client.limiter import Limiter
from sadd_client.middleware.keys import address_key, bounded_key
from sadd_client.middleware.refusal import Refusal, refusal_of, shown_refusal

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
        return _refused(refusal, start_response)


class Admitted:
    """Requests of who has not come through the waiting room are led there; a pass is taken once.

    ``address`` says who shows a pass, as for ``Limited``.
    """

    def __init__(
        self, app: Application, door: Door, address: Callable[[Environ], str | None] = by_address
    ) -> None:
        self._app = app
        self._door = door
        self._address = address

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        shown = self._door.judge(visit_of(environ, self._address(environ) or ""))
        if shown.status:
            return _refused(shown_refusal(shown), start_response)
        if not shown.cookie:
            return self._app(environ, start_response)
        cookie = ("Set-Cookie", shown.cookie)

        def greet(status: str, headers: list[tuple[str, str]], exc: Any = None) -> Any:
            return start_response(status, [*headers, cookie], exc)

        return self._app(environ, greet)


def visit_of(environ: Environ, address: str) -> Visit:
    """The request of an environ, as the door looks at it."""
    headers = {
        name[5:].lower().replace("_", "-"): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    path = quote(path, safe=_SAFE, encoding="latin-1", errors="replace")
    query = environ.get("QUERY_STRING", "")
    return Visit(environ["REQUEST_METHOD"], f"{path}?{query}" if query else path, headers, address)


_SAFE = "/!$&'()*+,:;=@~-._"


def _refused(refusal: Refusal, start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response(f"{refusal.status.value} {refusal.status.phrase}", [*refusal.headers.items()])
    return [refusal.body]
