"""A limit, or a waiting room, among Django's middleware, where the signed-in user is known.

::

    # portal/limits.py
    limits = limited(client.limiter("portal"), key=lambda request: request.user.get_username() or None)

    # settings.py
    MIDDLEWARE = [..., "django.contrib.auth.middleware.AuthenticationMiddleware", "portal.limits.limits"]

Give it a ``Limiter`` under WSGI and an ``AsyncLimiter`` under ASGI.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from sadd_client.decision import Decision
from sadd_client.door import AsyncDoor, Door, Shown, Visit
from sadd_client.limiter import AsyncLimiter, Limiter
from sadd_client.middleware.keys import address_key, bounded_key
from sadd_client.middleware.refusal import refusal_of, shown_refusal
from sadd_client.middleware.wsgi import visit_of

GetResponse = Callable[[Any], Any]
Factory = Callable[[GetResponse], GetResponse]


def by_address(request: Any) -> str | None:
    """The address of the connection."""
    return address_key(request.META.get("REMOTE_ADDR"))


def limited(limiter: Limiter | AsyncLimiter, key: Callable[[Any], str | None] = by_address) -> Factory:
    """What ``MIDDLEWARE`` names: requests over their limit are refused; a key of None is not limited."""
    if isinstance(limiter, AsyncLimiter):
        factory, asynchronous = _async_factory(limiter, key), True
    else:
        factory, asynchronous = _sync_factory(limiter, key), False
    factory.sync_capable, factory.async_capable = not asynchronous, asynchronous  # type: ignore[attr-defined]
    return factory


def _sync_factory(limiter: Limiter, key: Callable[[Any], str | None]) -> Factory:
    def factory(get_response: GetResponse) -> GetResponse:
        def limit(request: Any) -> Any:
            found = key(request)
            decision = None if found is None else limiter.guard(bounded_key(found))
            return _refused(decision) or get_response(request)

        return limit

    return factory


def _async_factory(limiter: AsyncLimiter, key: Callable[[Any], str | None]) -> Factory:
    def factory(get_response: GetResponse) -> GetResponse:
        async def limit(request: Any) -> Any:
            found = key(request)
            decision = None if found is None else await limiter.guard(bounded_key(found))
            return _refused(decision) or await get_response(request)

        return limit

    return factory


def _refused(decision: Decision | None) -> Any:
    """The answer for who may not proceed."""
    refusal = None if decision is None else refusal_of(decision)
    if refusal is None:
        return None
    return HttpResponse(refusal.body, status=refusal.status.value, headers=dict(refusal.headers))


def admitted(door: Door | AsyncDoor, address: Callable[[Any], str | None] = by_address) -> Factory:
    """What ``MIDDLEWARE`` names: who has not come through the waiting room is led there.

    Give it a ``Door`` under WSGI and an ``AsyncDoor`` under ASGI.
    """
    if isinstance(door, AsyncDoor):
        factory, asynchronous = _async_door(door, address), True
    else:
        factory, asynchronous = _sync_door(door, address), False
    factory.sync_capable, factory.async_capable = not asynchronous, asynchronous  # type: ignore[attr-defined]
    return factory


def _sync_door(door: Door, address: Callable[[Any], str | None]) -> Factory:
    def factory(get_response: GetResponse) -> GetResponse:
        def ask(request: Any) -> Any:
            shown = door.judge(_visit(request, address))
            return _shown(shown) if shown.status else _greeted(get_response(request), shown)

        return ask

    return factory


def _async_door(door: AsyncDoor, address: Callable[[Any], str | None]) -> Factory:
    def factory(get_response: GetResponse) -> GetResponse:
        async def ask(request: Any) -> Any:
            shown = await door.judge(_visit(request, address))
            return _shown(shown) if shown.status else _greeted(await get_response(request), shown)

        return ask

    return factory


def _visit(request: Any, address: Callable[[Any], str | None]) -> Visit:
    """Django's META is an environ under ASGI too, save for the path."""
    environ = {**request.META, "REQUEST_METHOD": request.method, "SCRIPT_NAME": ""}
    environ["PATH_INFO"] = request.path.encode().decode("latin-1")  # as WSGI spells it
    return visit_of(environ, address(request) or "")


def _shown(shown: Shown) -> Any:
    refusal = shown_refusal(shown)
    return HttpResponse(refusal.body, status=refusal.status.value, headers=dict(refusal.headers))


def _greeted(response: Any, shown: Shown) -> Any:
    """With the entry's cookie; Django keeps cookies apart from other fields."""
    if shown.cookie:
        response.cookies.load(shown.cookie)
    return response
