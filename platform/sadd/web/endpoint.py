"""One HTTP endpoint as a value: the router, the validator and the OpenAPI document all read it.

A service's module in this package exports ``endpoints(...) -> list[Endpoint]``; ``sadd.web.server``
mounts them. A handler gets a ``Call`` whose body and query are already decoded, bounded and
authorised, and returns an aiohttp response or raises a ``Problem``.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from sadd.identity.caller import Caller
from sadd.web.lane.endpoint import LaneEndpoint

PATH_PARAMETER = re.compile(r"\{(?P<name>[A-Za-z_]\w*)(?::(?P<pattern>(?:[^{}]|\{[^{}]*\})*))?\}")
"""A parameter in a path, as aiohttp writes it."""


class Call(msgspec.Struct, frozen=True):
    """One request, after authentication and validation.

    A struct since one is made for each request: a frozen dataclass takes four times as long.

    ``body`` and ``query`` are instances of the types that the endpoint names (else None); with
    ``raw_body`` the body is its bytes, complete and within the limit.
    ``caller`` is None only on public endpoints that were called without a key.
    """

    request: web.Request
    body: Any
    query: Any
    caller: Caller | None

    @property
    def agency(self) -> str:
        """The caller's agency id. Only for endpoints that have a scope."""
        assert self.caller is not None, "an endpoint without a scope has no agency"
        return self.caller.agency


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Method, path template (aiohttp's form), what goes in, what comes out, and who may call."""

    method: str
    path: str
    handle: Handler
    summary: str
    tag: str
    body: type[msgspec.Struct] | None = None
    body_optional: bool = False
    """A request without a body is all right: ``Call.body`` is then None."""
    query: type[msgspec.Struct] | None = None
    open_query: bool = False
    """The query is somebody else's protocol: unknown parameters are no fault, the handler reads it itself."""
    answers: Mapping[int, Any] = field(default_factory=lambda: {200: None})
    """Status to msgspec-describable type of its JSON body; None is an empty or non-JSON body."""
    scope: str | None = None
    """The scope that a key needs; None is public."""
    raw_body: bool = False
    """The body is bytes of any media type (``cache put``), handed over unparsed in ``Call.body``."""
    body_bytes_max: int | None = None
    """Where the server's own bound is more than this endpoint has use for: decoding holds up the worker."""
    media_type: str = "application/json"
    """Of the answers that have a body and are no problems; for the document only."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Request headers that the handler looks at, with their meaning; for the document only."""
    description: str = ""
    """More than the summary says, in Markdown; for the document only."""
    lane: LaneEndpoint | None = None
    """How the fast lane asks for and words the same answer; None leaves the endpoint to aiohttp alone."""

    @property
    def template(self) -> str:
        """The path without aiohttp's patterns: ``/v1/{key:.+}`` is ``/v1/{key}``."""
        return PATH_PARAMETER.sub(r"{\g<name>}", self.path)
