"""Where a visitor may be sent: a service of the catalogue and a path. A stranger's URL is only compared.

What is sent out is put together from the registered origin and the path, so nothing that a visitor writes can
choose the host: neither userinfo, nor a backslash that browsers take for a slash, nor a control character
that they leave out.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit

from sadd.catalogue.model import Service

URL_MOST = 2_048
PATH_MOST = 2_000
TOKEN_PARAMETER = "queueittoken"  # noqa: S105 - its name

_NEVER = re.compile(r"[\x00-\x20\x7f\\<>\"`{}|^]")
_PLAIN = "/:@!$&'()*+,;=?-._~%"
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Target:
    """``path`` begins with one slash and has the query, without a fragment."""

    service: str
    path: str


def target_of(url: str, services: Iterable[Service]) -> Target | None:
    """The target that a URL is of one of these services; None: it is nowhere that we send anybody."""
    if len(url) > URL_MOST or _NEVER.search(url):
        return None
    try:
        parts = urlsplit(url)
        place = _place(parts)
    except ValueError:  # a port that is none, a bracket without its other
        return None
    if parts.username is not None or parts.password is not None:
        return None
    for service in services:
        if _place(urlsplit(service.origin)) == place:
            path = path_of(parts.path + (f"?{parts.query}" if parts.query else ""))
            return None if path is None else Target(service.id, path)
    return None


def path_of(text: str) -> str | None:
    """A path with its query as it may be appended to an origin; None: it is none."""
    text = text or "/"
    if len(text) > URL_MOST or not text.startswith("/") or _NEVER.search(text) or "#" in text:
        return None
    path = quote(text, safe=_PLAIN)
    return path if len(path) <= PATH_MOST else None


def url_of(service: Service, path: str, token: str | None = None) -> str:
    """The address to go to, with the token of now and no older one."""
    place, _, query = path.partition("?")
    kept = [one for one in query.split("&") if one and not _is_token(one)]
    if token is not None:
        kept.append(f"{TOKEN_PARAMETER}={token}")
    return service.origin.rstrip("/") + place + (f"?{'&'.join(kept)}" if kept else "")


def _place(parts: SplitResult) -> tuple[str, str, int]:
    """What makes two URLs of one place: scheme, host and port (RFC 6454)."""
    port = _PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
    return parts.scheme, parts.hostname or "", port


def _is_token(parameter: str) -> bool:
    return unquote(parameter.partition("=")[0]).lower() == TOKEN_PARAMETER
