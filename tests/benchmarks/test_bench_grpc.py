"""The benchmark of gRPC calls: its two servers do the same work."""

import sys
from contextlib import ExitStack
from pathlib import Path

import grpc

from benchmarks.bench_grpc import OURS, THEIRS, _request
from benchmarks.peers.process import Running
from benchmarks.servers import free_ports
from sadd.grpc.messages import RateLimitResponse
from sadd.grpc.rls import SHOULD_RATE_LIMIT


async def test_both_servers_answer_alike(tmp_path: Path) -> None:
    """The same bytes, and they are an answer."""
    answers = []
    with ExitStack() as running:
        for name, port in zip((OURS, THEIRS), free_ports(2), strict=True):
            words = (sys.executable, "-m", "benchmarks.bench_grpc", "--serve", name, "--port", str(port))
            running.enter_context(Running(words, port, tmp_path / str(port)))
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                answers.append(await channel.unary_unary(SHOULD_RATE_LIMIT)(_request()))

    assert answers[0] == answers[1]
    assert RateLimitResponse.FromString(answers[0]).overall_code == RateLimitResponse.OK
