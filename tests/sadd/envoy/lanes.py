"""The service asked directly, and asked by a gRPC client over a socket: the same questions to both."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import grpc
from envoy.service.ratelimit.v3 import rls_pb2

from sadd.envoy.plan import Modes
from sadd.envoy.request import Code, CurrentLimit, Descriptor, Outcome, Status
from sadd.envoy.service import RateLimits
from sadd.envoy.stats import EnvoyStats
from sadd.grpc.rls import SHOULD_RATE_LIMIT, rate_limit_service
from sadd.grpc.serving import serve_grpc
from sadd.grpc.switchboard import Limits, Switchboard
from tests.sadd.envoy.scene import service

UNIT = rls_pb2.RateLimitResponse.RateLimit.Unit


class Asked(Protocol):
    """What the examples ask."""

    async def decide(
        self, domain: str, descriptors: Sequence[Descriptor], hits_addend: int = 0
    ) -> Outcome: ...

    def stats(self) -> EnvoyStats: ...


Lane = Callable[..., AbstractAsyncContextManager[Asked]]


@asynccontextmanager
async def directly(url: str, *texts: str, modes: Modes | None = None) -> AsyncIterator[Asked]:
    async with service(url, *texts, modes=modes) as limits:
        yield limits


@asynccontextmanager
async def over_grpc(url: str, *texts: str, modes: Modes | None = None) -> AsyncIterator[Asked]:
    """Our server on a port of its own, and gRPC's own client."""
    stop, started = asyncio.Event(), asyncio.Event()
    async with service(url, *texts, modes=modes) as limits:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.setblocking(False)
            board = Switchboard({SHOULD_RATE_LIMIT: rate_limit_service(limits)}, Limits())
            serving = asyncio.create_task(
                serve_grpc(board, listener, stop, settle_seconds=0, on_started=started.set)
            )
            await started.wait()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{listener.getsockname()[1]}") as channel:
                yield Client(channel, limits)
            stop.set()
            await serving


class Client:
    """Turns plain values to Envoy's messages and back."""

    def __init__(self, channel: grpc.aio.Channel, limits: RateLimits) -> None:
        self._limits = limits
        self._call = channel.unary_unary(
            SHOULD_RATE_LIMIT,
            request_serializer=rls_pb2.RateLimitRequest.SerializeToString,
            response_deserializer=rls_pb2.RateLimitResponse.FromString,
        )

    async def decide(self, domain: str, descriptors: Sequence[Descriptor], hits_addend: int = 0) -> Outcome:
        request = rls_pb2.RateLimitRequest(domain=domain, hits_addend=hits_addend)
        for descriptor in descriptors:
            sent = request.descriptors.add()
            for key, value in descriptor.entries:
                sent.entries.add(key=key, value=value)
        response = await self._call(request, timeout=30)
        return Outcome(Code(response.overall_code), tuple(map(_status, response.statuses)))

    def stats(self) -> EnvoyStats:
        return self._limits.stats()


def _status(told: Any) -> Status:
    limit = told.current_limit if told.HasField("current_limit") else None
    return Status(
        Code(told.code),
        None if limit is None else CurrentLimit(limit.requests_per_unit, UNIT.Name(limit.unit), limit.name),
        told.limit_remaining,
        told.duration_until_reset.seconds * 1000 if told.HasField("duration_until_reset") else None,
    )
