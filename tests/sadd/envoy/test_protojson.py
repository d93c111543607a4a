"""RateLimitRequest as JSON: whatever is sent is a request or a ValueError."""

from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from sadd.envoy.protojson import asked, decode, encode
from sadd.envoy.request import CurrentLimit, Outcome, Status
from sadd.grpc.messages import RateLimitRequest, RateLimitResponse
from tests.sadd.envoy.scene import OK, OVER

names = st.sampled_from(
    [
        *("domain", "descriptors", "entries", "key", "value", "hitsAddend", "hits_addend"),
        *("limit", "unit", "requestsPerUnit", "requests_per_unit"),
    ]
)
short = st.text(max_size=3)
scalars = st.none() | st.booleans() | st.integers(-5, 2**65) | st.floats(allow_nan=False) | short
values = st.recursive(
    scalars | st.sampled_from(["MINUTE", "5", 3]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_sent_is_a_request_or_refused(value: Any) -> None:
    """Nothing else comes out."""
    try:
        told = asked(value)
    except ValueError:
        return
    assert isinstance(told.domain, str)
    assert 0 <= told.hits_addend < 2**32


def plain(value: Any) -> Any:
    """The message of protobuf's own reader, as ours has it."""
    message = RateLimitRequest()
    json_format.ParseDict(value, message)
    descriptors = [
        (
            tuple((entry.key, entry.value) for entry in one.entries),
            one.hits_addend.value if one.HasField("hits_addend") else None,
        )
        for one in message.descriptors
    ]
    return message.domain, message.hits_addend, descriptors


entries = st.lists(
    st.fixed_dictionaries({"key": st.text(max_size=3), "value": st.text(max_size=3)}), max_size=3
)
addends = st.none() | st.integers(0, 2**32 - 1) | st.integers(0, 99).map(str)
requests = st.fixed_dictionaries(
    {
        "domain": st.text(max_size=3),
        "descriptors": st.lists(
            st.fixed_dictionaries({"entries": entries}, optional={"hitsAddend": addends}), max_size=3
        ),
    },
    optional={"hitsAddend": addends, "hits_addend": addends},
)


@given(requests)
def test_a_request_is_read_as_protobuf_reads_it(value: dict[str, Any]) -> None:
    """Both spellings, numbers as texts, null for nothing."""
    if "hitsAddend" in value and "hits_addend" in value:
        with pytest.raises(ValueError):
            asked(value)
        return
    told = asked(value)
    descriptors = [(one.entries, one.hits_addend) for one in told.descriptors]
    assert (told.domain, told.hits_addend, descriptors) == plain(value)


uint32 = st.integers(0, 2**32 - 1)
limits = st.builds(CurrentLimit, uint32, st.sampled_from(["SECOND", "WEEK", "YEAR"]), short)
answers = st.builds(
    Status, st.sampled_from([OK, OVER]), st.none() | limits, uint32, st.none() | st.integers(1, 10**9)
)


@given(st.lists(answers, max_size=3))
def test_an_answer_is_read_by_protobuf(statuses: list[Status]) -> None:
    """Every number comes back."""
    message = RateLimitResponse()
    metadata = {"domain": "d", "n": 1.0}
    json_format.Parse(encode(Outcome(OVER, tuple(statuses), (("A", "b"),), metadata)), message)
    assert message.overall_code == 2
    assert [(one.code, one.limit_remaining) for one in message.statuses] == [
        (status.code.value, status.limit_remaining) for status in statuses
    ]
    told = [(one.current_limit.requests_per_unit, one.current_limit.name) for one in message.statuses]
    assert told == [
        (status.current_limit.requests_per_unit, status.name) if status.current_limit else (0, "")
        for status in statuses
    ]
    assert [one.duration_until_reset.seconds for one in message.statuses] == [
        status.duration_until_reset_seconds or 0 for status in statuses
    ]
    assert json_format.MessageToDict(message.dynamic_metadata) == metadata


def test_a_body_that_is_nested_too_deeply_is_refused() -> None:
    """Not an error of the interpreter."""
    with pytest.raises(ValueError, match="nested"):
        decode(b"[" * 100_000)
