"""``/metrics``: what Prometheus scrapes, all workers of this machine summed."""

from aiohttp import hdrs, web

from sadd.telemetry.metrics import Metrics
from sadd.web.endpoint import Call, Endpoint


def endpoints(metrics: Metrics) -> list[Endpoint]:
    async def scrape(call: Call) -> web.StreamResponse:
        page = await metrics.page(call.request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=page.body, headers={hdrs.CONTENT_TYPE: page.content_type})

    return [
        Endpoint(
            "GET",
            "/metrics",
            scrape,
            "The counters of all workers, for Prometheus",
            "health",
            media_type="text/plain",
            description="The text format, or OpenMetrics if `Accept` prefers it.",
        )
    ]
