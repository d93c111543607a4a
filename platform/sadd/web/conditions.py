"""Conditional requests: entity tags, ``If-None-Match`` for readers, ``If-Match`` for writers (RFC 9110)."""

from aiohttp import hdrs, web

from sadd.catalogue.editing import ANYTHING, NOTHING, fingerprint


def tagged(request: web.Request, body: bytes, cache_control: str, status: int = 200) -> web.Response:
    """The JSON body with its strong tag; 304 without it if the caller has it already."""
    tag = tag_of(body)
    headers = {hdrs.ETAG: tag, hdrs.CACHE_CONTROL: cache_control}
    if status == 200 and request.method in (hdrs.METH_GET, hdrs.METH_HEAD) and _has(request, tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def tag_of(body: bytes) -> str:
    """The strong tag of a body."""
    return f'"{fingerprint(body)}"'


def _has(request: web.Request, tag: str) -> bool:
    """Whether ``If-None-Match`` names the tag. Weak comparison, as the RFC wants it here."""
    return any(known.value == "*" or f'"{known.value}"' == tag for known in request.if_none_match or ())


def seen(request: web.Request) -> frozenset[str] | None:
    """What the writer takes the present state to be; None if it does not say.

    Weak tags match nothing here: a strong comparison is what ``If-Match`` asks for.
    """
    if (match := request.if_match) is not None:
        # A header that holds no readable tag holds none that matches; it is not as if it were absent.
        return frozenset(ANYTHING if tag.value == "*" else tag.value for tag in match if not tag.is_weak)
    if any(tag.value == "*" for tag in request.if_none_match or ()):
        return frozenset((NOTHING,))
    return None
