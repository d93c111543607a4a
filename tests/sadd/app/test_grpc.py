"""The gRPC server of a worker that is put together as `sadd up` does it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import grpc.aio
import pytest

from sadd.app import prepare
from sadd.app.compose import open_worker
from sadd.app.grpc import ports, serve_calls
from sadd.grpc import authz, health, quota, rls
from sadd.grpc.messages import (
    CheckRequest,
    CheckResponse,
    HealthCheckResponse,
    RateLimitQuotaResponse,
    RateLimitQuotaUsageReports,
    RateLimitRequest,
    RateLimitResponse,
)
from sadd.settings import Data, Database, Envoy, Grpc, Server, Settings, Valkey
from tests.conftest import free_port
from tests.sadd.grpc.peer import Peer, greeted

CONFIG = """
domain: gov
descriptors:
  - key: citizen
    rate_limit: {unit: day, requests_per_unit: 1}
"""


async def test_a_worker_answers_by_grpc(valkey_url: str, migrated_database_url: str, tmp_path: Path) -> None:
    """Health, the gate and the rate limit service, on the port of the settings, seen in the metrics."""
    (tmp_path / "gov.yaml").write_text(CONFIG)
    settings = Settings(
        server=Server(workers=1, drain_timeout_seconds=0.5),
        data=Data(str(tmp_path)),
        valkey=Valkey(valkey_url),
        database=Database(migrated_database_url),
        envoy=Envoy(config_path=str(tmp_path / "gov.yaml")),
        grpc=Grpc(port=free_port(), quota_port=free_port()),
    )
    async with open_worker(settings, 0) as worker:
        assert worker.switchboard is not None
        stop, started = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(serve_calls(worker.switchboard, settings, 0, stop, started))
        await started.wait()
        async with greeted(settings.grpc.port) as peer:
            state = HealthCheckResponse.FromString((await peer.call(b"", health.CHECK)).message)
            assert state.status == HealthCheckResponse.SERVING
            assert [await _limited(peer) for _ in range(2)] == [1, 2]
            assert await _refused(peer, "no-such-service") == 404
        assert await _lent(settings.grpc.quota_port, "rule.no-such-rule") == "abandon_action"
        stop.set()
        await task
        counted = dict(next(iter(worker.switchboard.calls()))[1])
        assert counted[(rls.SHOULD_RATE_LIMIT[1:], "ok")].value == 2


def test_the_quota_service_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start without it ends with one line that says what to install."""
    asking = Settings(grpc=Grpc(quota_port=8082))
    assert not list(prepare.start_faults(asking))
    monkeypatch.setattr(prepare, "find_spec", lambda _name: None)
    (fault,) = prepare.start_faults(asking)
    assert "pip install 'sadd[quota]'" in str(fault)
    assert not list(prepare.start_faults(Settings()))


async def _lent(port: int, policy: str) -> str:
    """What a bucket's first report is answered with."""
    sent = RateLimitQuotaUsageReports(domain="gov")
    sent.bucket_quota_usages.add(num_requests_denied=1).bucket_id.bucket.update({"policy": policy})
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.stream_stream(
            quota.METHOD, RateLimitQuotaUsageReports.SerializeToString, RateLimitQuotaResponse.FromString
        )()
        await call.write(sent)
        (action,) = (await call.read()).bucket_action
    return str(action.WhichOneof("bucket_action"))


async def _limited(peer: Peer) -> int:
    request = RateLimitRequest(domain="gov")
    request.descriptors.add().entries.add(key="citizen", value="28012345678")
    answer = await peer.call(request.SerializeToString(), rls.SHOULD_RATE_LIMIT)
    return int(RateLimitResponse.FromString(answer.message).overall_code)


async def _refused(peer: Peer, service: str) -> int:
    request = CheckRequest()
    request.attributes.context_extensions["service"] = service
    answer = await peer.call(request.SerializeToString(), authz.CHECK)
    return int(CheckResponse.FromString(answer.message).denied_response.status.code)


def test_where_workers_listen() -> None:
    """Nowhere unless a port is set; on one port together, or each on one of its own."""
    three = Settings(server=Server(workers=3))

    assert ports(three) == ()
    assert ports(replace(three, grpc=Grpc(port=9000))) == (9000,)
    assert ports(replace(three, grpc=Grpc(port=9000, port_per_worker=True))) == (9000, 9001, 9002)
