"""Moving from envoyproxy/ratelimit, as docs/envoy-ratelimit.md tells it, on a whole platform."""

import json
import os
import re
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import grpc
import pytest
from envoy.extensions.common.ratelimit.v3 import ratelimit_pb2
from envoy.service.ratelimit.v3 import rls_pb2

from tests.e2e.platform import SADD, Platform, environment, platform
from tests.waiting import eventually_sync

DOCUMENT = (Path(__file__).parents[2] / "docs/envoy-ratelimit.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)


def shell(lines: str, folder: Path, variables: Mapping[str, str]) -> str:
    """What the document's lines print, with ``curl`` failing on an answer that is an error."""
    told = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'curl() {{ command curl -sS --fail-with-body "$@"; }}\n{lines}'],
        cwd=folder,
        env={**variables, "PATH": f"{SADD.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout + told.stderr


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, int]]:
    """The platform on the document's folder of limits, and its gRPC port."""
    folder, port = tmp_path_factory.mktemp("envoy"), free_port()
    told = shell(BLOCKS[0], folder, environment())
    assert told == shown("RULE ")
    with platform(folder, "--envoy-config-path", "limits/", "--grpc-port", str(port)) as started:
        yield started, port


def shown(begins: str) -> str:
    """The block of the document that begins so: what it says is printed."""
    (block,) = re.findall(rf"```console\n({re.escape(begins)}.*?)```", DOCUMENT, re.DOTALL)
    return str(block)


def test_the_documents_lines(running: tuple[Platform, int]) -> None:
    """Each succeeds, and prints what the document says it prints."""
    started, _ = running
    variables = {**started.environment, "SADD": started.url}
    answer = json.loads(shell(BLOCKS[1], started.folder, variables))
    assert [status["limitRemaining"] for status in answer["statuses"]] == [4, 99]
    assert shell(BLOCKS[2], started.folder, variables) == shown("line 2 ")


def request(*entries: tuple[str, str]) -> rls_pb2.RateLimitRequest:
    pairs = [ratelimit_pb2.RateLimitDescriptor.Entry(key=key, value=value) for key, value in entries]
    return rls_pb2.RateLimitRequest(
        domain="messaging", descriptors=[ratelimit_pb2.RateLimitDescriptor(entries=pairs)]
    )


def test_the_same_limits_over_grpc(running: tuple[Platform, int]) -> None:
    """Every worker counts on the same counters, and an edit of the files is soon in force."""
    started, port = running
    asked = request(("message_type", "marketing"), ("to_number", "2062222222"))
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(
            "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit",
            request_serializer=rls_pb2.RateLimitRequest.SerializeToString,
            response_deserializer=rls_pb2.RateLimitResponse.FromString,
        )
        answers = [call(asked, timeout=30) for _ in range(6)]
        codes = [answer.overall_code for answer in answers]
        assert codes == [rls_pb2.RateLimitResponse.OK] * 5 + [rls_pb2.RateLimitResponse.OVER_LIMIT]
        assert answers[0].statuses[0].current_limit.requests_per_unit == 5
        limits = started.folder / "limits/messaging.yaml"
        limits.write_text(limits.read_text().replace("requests_per_unit: 5", "requests_per_unit: 7"))
        eventually_sync(lambda: call(asked, timeout=30).statuses[0].current_limit.requests_per_unit == 7)


def test_what_it_counts_is_in_the_metrics(running: tuple[Platform, int]) -> None:
    """By rule, over all workers."""
    started, _ = running

    def scraped() -> bool:
        with urllib.request.urlopen(f"{started.url}/metrics", timeout=30) as page:
            text = page.read().decode()
        rule = 'rule="messaging.message_type_marketing.to_number"'
        return (
            f"sadd_envoy_total_hits_total{{{rule}}}" in text
            and "sadd_envoy_config_load_success_total" in text
        )

    eventually_sync(scraped)
