"""Messages written by hand are those of the published descriptors."""

from envoy.service.ratelimit.v3.rls_pb2 import (
    RateLimitRequest,
)

from benchmarks.drivers.asked import SLOT
from benchmarks.peers.contender import rls_message


def test_the_rate_limit_request_is_envoys() -> None:
    """One descriptor, one entry with the slot for a citizen, one hit."""
    request = RateLimitRequest.FromString(rls_message("bench"))
    assert (request.domain, request.hits_addend) == ("bench", 1)
    (descriptor,) = request.descriptors
    assert [(entry.key, entry.value.encode()) for entry in descriptor.entries] == [("citizen", SLOT)]
