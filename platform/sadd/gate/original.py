"""What the visitor asked of the service, as the proxy that holds the request tells it.

Each proxy has its own field for it, and passes on a visitor's fields of any other name. So a visitor can
send the field of another proxy and hope to be judged by the rules of another page: what does not agree is
refused, and nobody needs to know which proxy asks.
"""

import re
from collections.abc import Iterable
from typing import Protocol
from urllib.parse import unquote

import msgspec

URI_FIELDS = ("X-Original-URI", "X-Forwarded-Uri")
METHOD_FIELDS = ("X-Original-Method", "X-Forwarded-Method")

_NONE: list[str] = []
_PARAMETERS = re.compile(r";[^/]*")
_SLASHES = re.compile(r"/{2,}")


class Headers(Protocol):
    """The fields of a request; names in any case."""

    def get(self, name: str, /) -> str | None: ...

    def getall(self, name: str, default: list[str], /) -> list[str]: ...


class Contradiction(Exception):
    """Two fields tell different things of the original request. ``fields`` has their names."""

    def __init__(self, fields: Iterable[str]) -> None:
        self.fields = tuple(fields)
        super().__init__(", ".join(self.fields))


class Original(msgspec.Struct, frozen=True):
    """The visitor's request: its method, and its path as an origin understands it.

    A struct since one is made for each request.
    """

    method: str
    path: str


def original_of(headers: Headers, method: str, rest: str) -> Original:
    """By the fields, else what the gate was called with: ``rest`` is what stood behind the service's id.

    Envoy asks with the visitor's method and appends the visitor's path. Raises Contradiction.
    """
    return Original(
        method=told(headers, METHOD_FIELDS) or method,
        path=plain_path(told(headers, URI_FIELDS) or rest or "/"),
    )


def plain_path(uri: str) -> str:
    """The path of a URI in one spelling: ``//a/./b/..;v=1/%63?x`` is ``/a/c``.

    Origins take all spellings for the same page, so a rule for that page must too. Servlet containers read
    a segment as far as its semicolon, and ``..;`` as ``..``.
    """
    path = uri.partition("?")[0].partition("#")[0]
    if not path.startswith("/"):  # https://host/path
        path = "/" + path.partition("://")[2].partition("/")[2]
    if "%" in path:
        path = unquote(path)
    if ";" in path:
        path = _PARAMETERS.sub("", path)
    if "//" in path:
        path = _SLASHES.sub("/", path)
    return _without_dots(path) if "/." in path else path


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def told(headers: Headers, fields: tuple[str, ...]) -> str | None:
    """What the fields say, each of which may be there twice; None: nothing. Raises Contradiction."""
    found: str | None = None
    for field in fields:
        for value in headers.getall(field, _NONE):
            if found and value and value != found:
                raise Contradiction(field for field in fields if headers.get(field))
            found = value or found
    return found
