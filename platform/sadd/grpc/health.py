"""``grpc.health.v1.Health/Check``: what Envoy and Kubernetes ask before they send work here."""

from collections.abc import Callable

from google.protobuf.message import DecodeError

from sadd.grpc.messages import HealthCheckRequest, HealthCheckResponse
from sadd.grpc.status import Code, Done, Status, Unary

CHECK = "/grpc.health.v1.Health/Check"

_SERVING, _NOT_SERVING = (HealthCheckResponse(status=status).SerializeToString() for status in (1, 2))


def health(serving: Callable[[], bool]) -> Unary:
    """The method. It answers the same for every service: they stand or fall together, on one store."""

    def check(message: bytes, _peer: str, done: Done) -> None:
        try:
            HealthCheckRequest.FromString(message)
        except DecodeError:
            done(Status(Code.INTERNAL, "not a HealthCheckRequest"))
            return
        done(_SERVING if serving() else _NOT_SERVING)

    return check
