"""The gRPC server of one worker: which methods it has, and where it listens."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from sadd.envoy.service import RateLimits
from sadd.gate.gate import Gate
from sadd.grpc import authz, health, rls
from sadd.grpc.quota import Quotas
from sadd.grpc.quota_serving import serving_quotas
from sadd.grpc.serving import serve_grpc
from sadd.grpc.status import Unary
from sadd.grpc.switchboard import Limits, Switchboard
from sadd.limits.leases import Leases
from sadd.settings import Settings
from sadd.telemetry.metrics import Metrics
from sadd.web.serving import listen


def open_switchboard(
    settings: Settings, gate: Gate, rate_limits: RateLimits | None, serving: Callable[[], bool]
) -> Switchboard | None:
    """Health and authorization, and the rate limit service where a configuration of it is set.

    None: there is to be no gRPC server.
    """
    if not settings.grpc.port:
        return None
    methods: dict[str, Unary] = {
        health.CHECK: health.health(serving),
        authz.CHECK: authz.authorization(gate, settings.gate.client_ip_header),
    }
    if rate_limits is not None:
        methods[rls.SHOULD_RATE_LIMIT] = rls.rate_limit_service(rate_limits)
    limits = settings.server
    return Switchboard(methods, Limits(limits.first_byte_timeout_seconds, limits.idle_timeout_seconds))


def show(board: Switchboard, metrics: Metrics) -> None:
    """Register what it counts."""
    metrics.add(board.calls)
    metrics.register(
        "sadd_grpc",
        board.stats,
        gauges={"connections": "sum", "streams": "sum"},
        labels={"ended": "reason"},
        help_of={
            "connections": "Connections that are open.",
            "streams": "Calls that are being answered.",
            "opened": "Connections that were accepted.",
            "refused_streams": "Calls that were not begun: too many at once, or their connection was ending.",
            "ended": "Connections that we ended before their time, by reason.",
        },
    )


def ports(settings: Settings) -> tuple[int, ...]:
    """Where the workers listen: one port for all, one for each, or none; and that of the quota service."""
    grpc = settings.grpc
    quota = (grpc.quota_port,) if grpc.quota_port else ()
    if not grpc.port:
        return quota
    each = settings.server.workers if grpc.port_per_worker else 1
    return (*range(grpc.port, grpc.port + each), *quota)


@asynccontextmanager
async def quotas(settings: Settings, leases: Leases, metrics: Metrics) -> AsyncIterator[None]:
    """Envoy's quota service, served until the block ends, where a port is set for it."""
    if not settings.grpc.quota_port:
        yield
        return
    lent = Quotas(leases)
    metrics.register("sadd_quota", lent.stats, gauges={"streams": "sum", "buckets": "sum"})
    async with serving_quotas(lent, settings.grpc.host, settings.grpc.quota_port):
        yield


async def serve_calls(
    board: Switchboard, settings: Settings, slot: int, stop: asyncio.Event, started: asyncio.Event
) -> None:
    """Serve on this slot's port until ``stop`` is set, then drain."""
    with _listener(settings, slot) as listener:
        await serve_grpc(
            board,
            listener,
            stop,
            drain_timeout_seconds=settings.server.drain_timeout_seconds,
            on_started=started.set,
        )


def _listener(settings: Settings, slot: int) -> socket.socket:
    grpc = settings.grpc
    port = grpc.port + slot if grpc.port_per_worker else grpc.port
    return listen(replace(settings.server, host=grpc.host, port=port))
