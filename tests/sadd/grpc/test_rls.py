"""Envoy's rate limit service by gRPC: messages to values and back, and real answers for a real client."""

from collections.abc import Callable, Sequence
from typing import Any

import grpc
import pytest
from envoy.service.ratelimit.v3 import rls_pb2
from hypothesis import given
from hypothesis import strategies as st

from sadd.envoy.request import (
    Code,
    CountersUnavailable,
    CurrentLimit,
    Descriptor,
    InvalidRequest,
    Outcome,
    Status,
)
from sadd.envoy.service import Answer
from sadd.grpc.rls import ENTRIES_MAX, SHOULD_RATE_LIMIT, rate_limit_service
from sadd.grpc.status import Code as RpcCode
from sadd.grpc.status import Result
from sadd.grpc.status import Status as RpcStatus
from tests.sadd.envoy.scene import service
from tests.sadd.grpc.conftest import serving

RESPONSE = rls_pb2.RateLimitResponse


class Scripted:
    """Says what it is told to, and remembers what it was asked."""

    def __init__(self, says: Answer | InvalidRequest) -> None:
        self.says = says
        self.asked: list[tuple[str, list[Descriptor], int]] = []

    def ask(
        self,
        domain: str,
        descriptors: Sequence[Descriptor],
        hits_addend: int,
        done: Callable[[Answer], None],
    ) -> None:
        self.asked.append((domain, list(descriptors), hits_addend))
        if isinstance(self.says, InvalidRequest):
            raise self.says
        done(self.says)


def request(*descriptors: dict[str, str], domain: str = "gov", hits: int = 0) -> Any:
    message = rls_pb2.RateLimitRequest(domain=domain, hits_addend=hits)
    for entries in descriptors:
        added = message.descriptors.add()
        for key, value in entries.items():
            added.entries.add(key=key, value=value)
    return message


def result(limits: Scripted, message: bytes) -> Result:
    results: list[Result] = []
    rate_limit_service(limits)(message, "127.0.0.1", results.append)
    (one,) = results
    return one


def answer(limits: Scripted, message: Any) -> Any:
    got = result(limits, message.SerializeToString())
    assert isinstance(got, bytes)
    return RESPONSE.FromString(got)


OK = Outcome(Code.OK, ())


def test_a_request_is_read_whole() -> None:
    """Domain, addend, and of each descriptor its entries, its addend and its own limit."""
    limits = Scripted(OK)
    message = request({"citizen": "28012345678", "path": "/a"}, {"app": "metrash"}, {}, {}, hits=3)
    message.descriptors[1].hits_addend.value = 0
    message.descriptors[2].limit.requests_per_unit = 30
    message.descriptors[2].limit.unit = 7
    message.descriptors[3].limit.requests_per_unit = 30  # of no unit: none
    answer(limits, message)

    assert limits.asked == [
        (
            "gov",
            [
                Descriptor((("citizen", "28012345678"), ("path", "/a"))),
                Descriptor((("app", "metrash"),), hits_addend=0),
                Descriptor((), limit=("WEEK", 30)),
                Descriptor(()),
            ],
            3,
        )
    ]


def test_hits_given_back_are_read() -> None:
    """As Envoy 1.40 wrote it for ``hits_addend: {number: 3, is_negative_hits: true}`` of a route."""
    limits = Scripted(OK)
    sent = b"\n\x03gov\x12\x14\n\x0c\n\x07citizen\x12\x017\x1a\x02\x08\x03 \x01"
    result(limits, sent)

    assert limits.asked == [("gov", [Descriptor((("citizen", "7"),), 3, None, True)], 0)]


def test_an_outcome_is_told_whole() -> None:
    """Codes, limits, what is left and for how long, headers and metadata."""
    over = Status(Code.OVER_LIMIT, CurrentLimit(60, "MINUTE", "by-citizen"), 0, 1_500)
    metadata = {"domain": "gov", "descriptors": [{"entries": ["a=b"]}], "hitsAddend": 2.0}
    outcome = Outcome(Code.OVER_LIMIT, (over, Status(Code.OK)), (("RateLimit-Limit", "60"),), metadata)
    got = answer(Scripted(outcome), request({"a": "b"}))

    expected = RESPONSE(overall_code=RESPONSE.OVER_LIMIT)
    told = expected.statuses.add(code=RESPONSE.OVER_LIMIT, duration_until_reset={"seconds": 2})
    limit = RESPONSE.RateLimit(name="by-citizen", requests_per_unit=60, unit=RESPONSE.RateLimit.MINUTE)
    told.current_limit.CopyFrom(limit)
    expected.statuses.add(code=RESPONSE.OK)
    expected.response_headers_to_add.add(key="RateLimit-Limit", value="60")
    expected.dynamic_metadata.update(metadata)
    assert got == expected


def test_what_cannot_be_answered_is_a_status() -> None:
    """A store that is away is UNAVAILABLE, never an answer that Envoy would let pass."""
    message = request({"a": "b"}).SerializeToString()

    away = result(Scripted(CountersUnavailable("away")), message)
    invalid = result(Scripted(InvalidRequest("rate limit domain must not be empty")), message)
    garbage = result(Scripted(OK), b"\xff\xff")
    assert away == RpcStatus(RpcCode.UNAVAILABLE, "away")
    assert invalid == RpcStatus(RpcCode.INVALID_ARGUMENT, "rate limit domain must not be empty")
    assert isinstance(garbage, RpcStatus)
    assert garbage.code is RpcCode.INTERNAL


@pytest.mark.parametrize(
    "message",
    [
        request(*({"a": str(n)} for n in range(1000))),
        request({str(n): "x" for n in range(ENTRIES_MAX + 1)}),
    ],
)
def test_requests_are_bounded(message: Any) -> None:
    """INVALID_ARGUMENT before anything is made of them."""
    limits = Scripted(OK)
    refused = result(limits, message.SerializeToString())

    assert isinstance(refused, RpcStatus)
    assert refused.code is RpcCode.INVALID_ARGUMENT
    assert limits.asked == []


CONFIG = """
domain: gov
descriptors:
  - key: citizen
    rate_limit: {unit: day, requests_per_unit: 2}
"""


async def test_a_real_client_is_limited(valkey_url: str) -> None:
    """On a real store, by gRPC's own client and Envoy's own messages: two pass, the third is over."""
    async with (
        service(valkey_url, CONFIG) as limits,
        serving(others={SHOULD_RATE_LIMIT: rate_limit_service(limits)}) as served,
        grpc.aio.insecure_channel(f"127.0.0.1:{served.port}") as channel,
    ):
        ask = channel.unary_unary(
            SHOULD_RATE_LIMIT, rls_pb2.RateLimitRequest.SerializeToString, RESPONSE.FromString
        )
        answers = [await ask(request({"citizen": "28012345678"})) for _ in range(3)]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ask(request({"citizen": "1"}, domain=""))

    assert [each.overall_code for each in answers] == [RESPONSE.OK, RESPONSE.OK, RESPONSE.OVER_LIMIT]
    assert [each.statuses[0].limit_remaining for each in answers] == [1, 0, 0]
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "rate limit domain must not be empty"


statuses = st.builds(
    Status,
    st.sampled_from(Code),
    st.none()
    | st.builds(
        CurrentLimit, st.integers(0, 2), st.sampled_from(["SECOND", "DAY"]), st.sampled_from(["", "a"])
    ),
    st.integers(0, 3),
    st.none() | st.integers(0, 3_000),
)


@given(
    st.lists(
        st.builds(Outcome, st.sampled_from(Code), st.lists(statuses, max_size=2).map(tuple)), max_size=20
    )
)
def test_no_answer_has_another_ones_numbers(outcomes: list[Outcome]) -> None:
    """Answers are made from kept ones, and each says what its outcome says, no more and no less."""
    for outcome in outcomes:
        got = answer(Scripted(outcome), request({"a": "b"}))
        assert got.overall_code == outcome.overall.value
        assert len(got.statuses) == len(outcome.statuses)
        for told, status in zip(got.statuses, outcome.statuses, strict=True):
            limit, seconds = status.current_limit, status.duration_until_reset_seconds
            assert (told.code, told.limit_remaining) == (status.code.value, status.limit_remaining)
            assert told.HasField("current_limit") == (limit is not None)
            assert told.HasField("duration_until_reset") == (seconds is not None)
            assert told.duration_until_reset.seconds == (seconds or 0)
            if limit is not None:
                units = RESPONSE.RateLimit.Unit
                expected = (limit.requests_per_unit, units.Value(limit.unit), limit.name)
                assert (
                    told.current_limit.requests_per_unit,
                    told.current_limit.unit,
                    told.current_limit.name,
                ) == expected
