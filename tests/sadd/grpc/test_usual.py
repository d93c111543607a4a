"""The usual request, read from its bytes, is what protobuf reads."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sadd.grpc.messages import RateLimitRequest
from sadd.grpc.rls import ENTRIES_MAX, _descriptor
from sadd.grpc.usual import usual

words = st.text(max_size=40) | st.sampled_from(["citizen", "28012345678", "ع" * 70])


@st.composite
def requests(draw: st.DrawFn) -> Any:
    """Mostly usual, at times with more in it."""
    request = RateLimitRequest(
        domain=draw(words), hits_addend=draw(st.sampled_from([0, 0, 1, 127, 128, 70_000]))
    )
    for entries in draw(st.lists(st.lists(st.tuples(words, words), max_size=3), max_size=3)):
        added = request.descriptors.add()
        for key, value in entries:
            added.entries.add(key=key, value=value)
        if draw(st.integers(0, 9)) == 0:
            added.hits_addend.value = draw(st.integers(0, 3))
    return request


def agrees(message: bytes) -> bool:
    """True when it is usual; AssertionError when protobuf reads something else, or nothing."""
    read = usual(message, ENTRIES_MAX)
    if read is None:
        return False
    request = RateLimitRequest.FromString(message)
    assert read == (request.domain, [_descriptor(each) for each in request.descriptors], request.hits_addend)
    return True


@given(requests())
def test_requests_are_read_alike(request: Any) -> None:
    """Domain, keys and values, in any script and of any length."""
    agrees(request.SerializeToString())


@given(requests(), st.data())
def test_broken_requests_are_read_alike(request: Any, data: st.DataObject) -> None:
    """Bytes that were changed are left to protobuf, or mean the same."""
    message = bytearray(request.SerializeToString() or b"\n")
    for _ in range(data.draw(st.integers(1, 3))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(
            st.sampled_from([0, 1, 2, 10, 18, 127, 128, 200]) | st.integers(0, 255)
        )
    agrees(bytes(message[: data.draw(st.integers(0, len(message)))]))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_alike(message: bytes) -> None:
    """Also what was never a request."""
    agrees(message)


def test_what_envoy_sends_is_usual() -> None:
    """A domain and a few descriptors."""
    request = RateLimitRequest(domain="gov")
    for entries in ({"citizen": "28012345678"}, {"path": "/results", "app": "metrash"}):
        added = request.descriptors.add()
        for key, value in entries.items():
            added.entries.add(key=key, value=value)

    assert agrees(request.SerializeToString())
    request.hits_addend = 3
    assert agrees(request.SerializeToString())
