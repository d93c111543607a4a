"""The web application: every endpoint mounted, and an answer for everything else."""

from collections.abc import Sequence

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.web_urldispatcher import UrlMappingMatchInfo

from sadd.settings import Server
from sadd.telemetry.traffic import Traffic
from sadd.web.answer import json_answer
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import method_not_allowed, not_found
from sadd.web.route import Keys, Route, Site

__all__ = ["SITE", "build", "json_answer"]

SITE = web.AppKey("sadd_site", Site)
"""Where the application keeps what its endpoints share."""


def build(
    endpoints: Sequence[Endpoint],
    *,
    keys: Keys,
    limits: Server | None = None,
    traffic: Traffic | None = None,
) -> web.Application:
    """An application that serves these endpoints. ``traffic`` counts the requests, for the metrics.

    ``sadd.web.documents.document_endpoints`` makes those that describe the others.
    """
    limits = limits or Server()
    site = Site(keys, limits, traffic or Traffic())
    app = web.Application(client_max_size=limits.max_body_bytes)
    app[SITE] = site
    for endpoint in endpoints:
        _mount(app, endpoint, site)
    nothing = Route(Endpoint("*", "(unmatched)", _unmatched, "", ""), site)
    app.router.register_resource(_Anything(nothing))
    return app


def _mount(app: web.Application, endpoint: Endpoint, site: Site) -> None:
    route = Route(endpoint, site)
    if endpoint.lane is not None:
        site.lane.append(route)
    methods = [endpoint.method] if endpoint.method != hdrs.METH_GET else [hdrs.METH_GET, hdrs.METH_HEAD]
    for method in methods:
        app.router.add_route(method, endpoint.path, route.serve, expect_handler=_expect)


class _Anything(web.PlainResource):
    """The last resource of the router: takes what no endpoint took, ``OPTIONS *`` too.

    This costs matched requests nothing, which a middleware would.
    """

    def __init__(self, route: Route) -> None:
        super().__init__("/")
        self._route = self.add_route(hdrs.METH_ANY, route.serve, expect_handler=_expect)

    async def resolve(self, request: web.Request) -> tuple[UrlMappingMatchInfo, set[str]]:  # noqa: ARG002
        return UrlMappingMatchInfo({}, self._route), set()


async def _unmatched(call: Call) -> web.StreamResponse:
    """404, or 405 if the path exists for another method."""
    allowed: set[str] = set()
    for resource in call.request.app.router.resources():
        if not isinstance(resource, _Anything):
            allowed |= (await resource.resolve(call.request))[1]
    raise method_not_allowed(allowed) if allowed else not_found()


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Ask for the body, unless it is announced as too large: then its refusal is all that is sent.

    Other expectations are ignored, as RFC 9110 section 10.1.1 allows.
    """
    limit = request.app[SITE].limits.max_body_bytes
    wanted = request.headers[hdrs.EXPECT].lower() == "100-continue" and request.version >= HttpVersion11
    if wanted and (request.content_length or 0) <= limit:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # what counts as begun is the answer, not this line
    return None
