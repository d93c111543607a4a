"""One endpoint, mounted: what happens between the parsed request and the handler, in one wrapper.

Identify, authenticate, validate, call, count, stamp. A single coroutine does it for each request,
since a chain of middleware would cost a coroutine a link.
"""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import structlog
from aiohttp import hdrs, web
from multidict import istr

from sadd.identity.caller import Caller
from sadd.settings import Server
from sadd.telemetry.budget import LineBudget
from sadd.telemetry.context import RequestContext, current_request, enter_request, request_id_from
from sadd.telemetry.traffic import Traffic
from sadd.web.answer import problem_answer, stamp
from sadd.web.body import JsonBody, read_body
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem, forbidden, internal_error, unauthenticated
from sadd.web.query import Query

SLOW_SECONDS = 1.0
"""A request that took longer is logged."""

ADMIN_SCOPES = frozenset({"catalogue:write", "queues:admin", "sessions:admin"})
"""Calls under these scopes change what others see: each is logged."""

LINES_PER_SECOND_MAX = 20
"""Lines about requests that a worker logs in a second, besides those of administrators."""

_REQUEST_ID = istr("X-Request-Id")
_TRACEPARENT = istr("traceparent")
_TRACERESPONSE = istr("traceresponse")

_log = structlog.get_logger("sadd.web")


class Keys(Protocol):
    """What is asked of the key ring: who sends this ``Authorization``, if a key in force is in it."""

    def authenticate(self, authorization: str | None) -> Caller | None: ...

    def is_stranger(self, authorization: str) -> bool:
        """Whether it may be a key that was made a moment ago: then ``look_up`` comes before a refusal."""

    async def look_up(self, authorization: str) -> None: ...


@dataclass(slots=True)
class Site:
    """What all mounted endpoints of one server share."""

    keys: Keys
    limits: Server
    traffic: Traffic
    lines: LineBudget = field(default_factory=lambda: LineBudget(LINES_PER_SECOND_MAX))
    draining: bool = False
    """While true, each answer closes its connection."""
    lane: "list[Route]" = field(default_factory=list)
    """The routes that the fast lane may answer."""


class Route:
    """An endpoint with its decoders and counters at hand. ``serve`` is the aiohttp handler.

    The fast lane uses the parts: ``authorised``, ``decode``, ``counters``, ``note``.
    """

    __slots__ = ("_body", "_query", "_site", "body_bytes_max", "counters", "endpoint", "reads")

    def __init__(self, endpoint: Endpoint, site: Site) -> None:
        assert endpoint.body is None or not endpoint.raw_body, "a body is raw or a struct, not both"
        self.endpoint = endpoint
        self._site = site
        self.counters = site.traffic.route(endpoint.method, endpoint.template)
        self._body = JsonBody(endpoint.body) if endpoint.body is not None else None
        self.reads = endpoint.body is not None or endpoint.raw_body
        bound = site.limits.max_body_bytes
        self.body_bytes_max = min(bound, endpoint.body_bytes_max or bound)
        # What nothing serves has no parameters of its own: that it is not there is the answer.
        checked = endpoint.method != hdrs.METH_ANY and not endpoint.open_query
        self._query = Query(endpoint.query) if checked else None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer the request. Only cancellation leaves this function as an exception."""
        began = perf_counter()
        headers = request.headers
        context = RequestContext(request_id_from(headers.get(_REQUEST_ID)), headers.get(_TRACEPARENT))
        enter_request(context)
        counters = self.counters
        counters.in_flight += 1
        failure: Exception | None = None
        try:
            response = await self._answer(request, context)
        except Problem as problem:
            response = problem_answer(problem, context.request_id)
        except Exception as error:
            failure = error
            response = problem_answer(internal_error(), context.request_id)
        finally:
            counters.in_flight -= 1
        seconds = perf_counter() - began
        counters.count(response.status, seconds)
        if response.status >= 500 or seconds > SLOW_SECONDS or self.endpoint.scope in ADMIN_SCOPES:
            self.note(request.method, response.status, began + seconds, seconds, failure)
        if not response.prepared:  # a stream that the handler has begun is out of our hands
            self._finish(request, response, context)
        return response

    async def _answer(self, request: web.Request, context: RequestContext) -> web.StreamResponse:
        authorization = request.headers.get(hdrs.AUTHORIZATION)
        if authorization is not None and self._site.keys.is_stranger(authorization):
            await self._site.keys.look_up(authorization)
        caller = self.authorised(authorization)
        if caller is not None:
            context.agency = caller.agency
        query = self._query.read(request) if self._query is not None else None
        body = await self._read(request) if self.reads else None
        return await self.endpoint.handle(Call(request, body, query, caller))

    def authorised(self, authorization: str | None) -> Caller | None:
        """The caller. Problem: no key in force where one is needed, or one without the scope.

        A public endpoint looks only at what claims to be a key of ours: a browser may carry
        credentials that are meant for somebody else.
        """
        scope = self.endpoint.scope
        if scope is None and (authorization is None or not _claims_key(authorization)):
            return None
        caller = self._site.keys.authenticate(authorization)
        if caller is None:
            raise unauthenticated()
        if scope is not None and scope not in caller.scopes:
            raise forbidden(scope)
        return caller

    async def _read(self, request: web.Request) -> Any:
        if self._body is not None:
            if self.endpoint.body_optional and not request.body_exists:
                return None
            self._body.check_media_type(request)
        raw = await read_body(request, self.body_bytes_max, self._site.limits.first_byte_timeout_seconds)
        return self.decode(raw)

    def decode(self, raw: bytes) -> Any:
        """The body as the handler gets it. Problem: it is not as the endpoint wants it."""
        return raw if self._body is None else self._body.decode(raw)

    def _finish(self, request: web.Request, response: web.StreamResponse, context: RequestContext) -> None:
        stamp(response.headers, context.request_id)
        if context.traceparent is not None:
            response.headers[_TRACERESPONSE] = context.trace.traceparent
        # A body that nobody has read is not waited for: the connection ends with this answer.
        if self._site.draining or not request.content.is_eof():
            response.force_close()

    def note(self, method: str, status: int, now: float, seconds: float, failure: Exception | None) -> None:
        """Log the request: an administrator's always, others as the budget allows."""
        unsaid: int | None = 0
        context = current_request()
        # Whoever has no right key is a stranger at this door too: anyone could fill the disk from there.
        if self.endpoint.scope not in ADMIN_SCOPES or context is None or context.agency is None:
            if self.endpoint.tag == "health" and failure is None:
                return  # /readyz says 503 twice a second while a store is away; that is logged once
            unsaid = self._site.lines.take(now)
        if unsaid is None:
            return
        log = _log.error if failure else _log.warning if status >= 500 else _log.info
        more = {"unsaid": unsaid} if unsaid else {}
        # The template, never the path: that may hold a cache key or a session of somebody.
        route, ms = self.endpoint.template, round(seconds * 1e3, 1)
        log("request", method=method, route=route, status=status, ms=ms, exc_info=failure, **more)


def _claims_key(authorization: str) -> bool:
    return authorization[:12].lower() == "bearer sadd_"
