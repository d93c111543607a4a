"""envoyproxy/ratelimit's ``/json``, for callers that speak no gRPC: its form, its status codes, its words.

One answer is ours: where the store is away that service says 400, as for a broken request, and this one 503.
"""

from dataclasses import dataclass

from aiohttp import web

from sadd.envoy import protojson
from sadd.envoy.request import Code, CountersUnavailable, InvalidRequest
from sadd.envoy.service import RateLimits
from sadd.web.endpoint import Call, Endpoint

TAG = "envoy"
SCOPE = "limits:check"
BODY_BYTES_MAX = 65_536
RETRY_AFTER_SECONDS = 1
"""About the time in which a worker finds out that its store is back."""

DESCRIPTION = """\
A `RateLimitRequest` in, a `RateLimitResponse` out, both of `envoy.service.ratelimit.v3` in proto3's JSON.
The status is 200 when allowed, 429 when a limit is over, 400 (`Bad Request`, plain text) for a body that is
no such message, for an empty domain or no descriptors, and while no configuration is loaded; 503 while the
store is away.
"""


def endpoints(limits: RateLimits, *, needs_key: bool) -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            "/json",
            _Json(limits).ask,
            "A decision in the form of Envoy's rate limit service",
            TAG,
            scope=SCOPE if needs_key else None,
            raw_body=True,
            body_bytes_max=BODY_BYTES_MAX,
            answers={200: None, 400: None, 429: None, 503: None},
            description=DESCRIPTION,
        )
    ]


@dataclass(frozen=True, slots=True)
class _Json:
    limits: RateLimits

    async def ask(self, call: Call) -> web.StreamResponse:
        try:
            asked = protojson.decode(call.body)
            outcome = await self.limits.decide(asked.domain, asked.descriptors, asked.hits_addend)
        except (InvalidRequest, ValueError):
            return _plain(400, "Bad Request")
        except CountersUnavailable:
            return _plain(503, "Service Unavailable", {"Retry-After": str(RETRY_AFTER_SECONDS)})
        status = 429 if outcome.overall is Code.OVER_LIMIT else 200
        headers = dict(outcome.response_headers)
        return web.Response(
            status=status, body=protojson.encode(outcome), content_type="application/json", headers=headers
        )


def _plain(status: int, words: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=f"{words}\n", headers=headers)
