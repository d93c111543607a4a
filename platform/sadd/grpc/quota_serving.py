"""Serving the quota service by gRPC's own server: streams need flow control both ways, and no speed.

grpcio is an extra (``pip install 'sadd[quota]'``), since nothing else of the platform needs it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sadd.grpc.messages import RateLimitQuotaResponse, RateLimitQuotaUsageReports
from sadd.grpc.quota import METHOD, Quotas

STREAMS_MAX = 1_000
"""Of one worker; an Envoy has one for each of its filters."""
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
GRACE_SECONDS = 1.0


@asynccontextmanager
async def serving_quotas(quotas: Quotas, host: str, port: int) -> AsyncIterator[int]:
    """Until the block ends; gives the port. All workers share one. ImportError: grpcio is not installed.

    RuntimeError: the port is another's.
    """
    import grpc.aio  # late: the extra

    async def stream(reports: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        with quotas.stream() as opened:
            try:
                async for report in reports:
                    yield await opened.told(report)
            except ValueError as wrong:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(wrong))

    service, method = METHOD[1:].split("/")
    server = grpc.aio.server(
        maximum_concurrent_rpcs=STREAMS_MAX,
        options=[("grpc.so_reuseport", 1), ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)],
    )
    handler = grpc.stream_stream_rpc_method_handler(
        stream, RateLimitQuotaUsageReports.FromString, RateLimitQuotaResponse.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    bound = server.add_insecure_port(f"{host}:{port}")
    await server.start()
    try:
        yield bound
    finally:
        await asyncio.shield(server.stop(GRACE_SECONDS))
