"""What a request that changes something ends (RFC 9111, section 4.4)."""

from collections.abc import Collection
from urllib.parse import urljoin

from cache.rfc9111.fields import first
from cache.rfc9111.message import Request, Response
from cache.rfc9111.tags import SAFE_METHODS


def invalidates(request: Request, response: Response, hosts: Collection[bytes] = ()) -> tuple[bytes, ...]:
    """Targets (path with query) of which nothing kept may be served any more.

    Its own, and what Location and Content-Location name on the same origin: ``hosts`` are its names, so that
    no service can end another's answers. Nothing if the answer is an error.
    """
    if request.method in SAFE_METHODS or not 200 <= response.status < 400:
        return ()
    found = [request.target]
    for name in (b"location", b"content-location"):
        value = first(response.fields, name)
        target = _target(value, request.target, hosts) if value else None
        if target is not None and target not in found:
            found.append(target)
    return tuple(found)


def _target(reference: bytes, base: bytes, hosts: Collection[bytes]) -> bytes | None:
    """Where a reference leads on this origin; None: elsewhere."""
    try:
        url = urljoin("http://here" + base.decode("latin-1"), reference.decode("latin-1"))
    except ValueError:
        return None
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if scheme.lower() not in ("http", "https") or not (host == "here" or host.lower().encode() in hosts):
        return None
    return (slash + path if slash else "/").partition("#")[0].encode("latin-1")
