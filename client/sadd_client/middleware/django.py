"""A limit among Django's middleware, where the signed-in user is known.

::

    # portal/limits.py
    limits = limited(client.limiter("portal"), key=lambda request: request.user.get_username() or None)

    # settings.py
    MIDDLEWARE = [..., "django.contrib.auth.middleware.AuthenticationMiddleware", "portal.limits.limits"]

Give it a ``Limiter`` under WSGI and an ``AsyncLimiter`` under ASGI.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse  # type: ignore[import-untyped]  # Django has no types

from sadd_client.decision import Decision
from sadd_client.limiter import AsyncLimiter, Limiter
from sadd_client.middleware.keys import address_key, bounded_key
from sadd_client.middleware.refusal import refusal_of

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
