"""What the visitor asked of the service, as the proxy that holds the request tells it.

Each proxy has its own field for it, and passes on a visitor's fields of any other name. So a visitor can
send the field of another proxy and hope to be judged by the rules of another page: what does not agree is
refused, and nobody needs to know which proxy asks.
"""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from sadd.limits.spelling import plain_route

URI_FIELDS = ("X-Original-URI", "X-Forwarded-Uri")
METHOD_FIELDS = ("X-Original-Method", "X-Forwarded-Method")

_NONE: list[str] = []


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
    """The visitor's request: its method, and its URI as it was sent. A struct since one is made for each."""

    method: str
    uri: str

    @property
    def path(self) -> str:
        """As an origin understands it, and the limits do, which are told the URI."""
        return plain_route(self.uri)


def original_of(headers: Headers, method: str, rest: str) -> Original:
    """By the fields, else what the gate was called with: ``rest`` is what stood behind the service's id.

    Envoy asks with the visitor's method and appends the visitor's path. Raises Contradiction.
    """
    return Original(
        method=told(headers, METHOD_FIELDS) or method,
        uri=told(headers, URI_FIELDS) or rest or "/",
    )


def told(headers: Headers, fields: tuple[str, ...]) -> str | None:
    """What the fields say, each of which may be there twice; None: nothing. Raises Contradiction."""
    found: str | None = None
    for field in fields:
        for value in headers.getall(field, _NONE):
            if found and value and value != found:
                raise Contradiction(field for field in fields if headers.get(field))
            found = value or found
    return found
