"""The messages that are shipped."""

from envoy.service.auth.v3 import external_auth_pb2
from envoy.service.ratelimit.v3 import rls_pb2

from sadd.grpc import messages
from tests.sadd.grpc.shipping import SHIPPED, descriptors


def test_the_shipped_descriptors_are_those_of_xds_protos() -> None:
    """Byte for byte, with one field added; `python -m tests.sadd.grpc.shipping` writes them anew."""
    assert SHIPPED.read_bytes() == descriptors()


def test_messages_mean_the_same_to_others() -> None:
    """What our classes write, those of xds-protos read, and the other way round."""
    sent = rls_pb2.RateLimitRequest(domain="gov", hits_addend=2)
    sent.descriptors.add(hits_addend={"value": 3}).entries.add(key="citizen", value="28012345678")
    got = messages.RateLimitRequest.FromString(sent.SerializeToString())
    assert str(got) == str(sent)

    answer = messages.CheckResponse()
    answer.ok_response.headers_to_remove.append("x-sadd-subject")
    assert external_auth_pb2.CheckResponse.FromString(
        answer.SerializeToString()
    ).ok_response.headers_to_remove
