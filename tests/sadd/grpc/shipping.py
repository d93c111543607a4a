"""The descriptors that sadd.grpc ships, taken out of xds-protos:  python -m tests.sadd.grpc.shipping

Run it after a new release of xds-protos; test_messages.py fails while the shipped file is behind.
"""

from pathlib import Path

from envoy.service.auth.v3 import external_auth_pb2
from envoy.service.rate_limit_quota.v3 import rlqs_pb2
from envoy.service.ratelimit.v3 import rls_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

RATE_LIMIT = "envoy/extensions/common/ratelimit/v3/ratelimit.proto"
SHIPPED = Path(__file__).parents[3] / "platform" / "sadd" / "grpc" / "messages.binpb"


def descriptors() -> bytes:
    """The files of Envoy's three services and of gRPC's health check, each after those that it needs."""
    found: dict[str, FileDescriptor] = {}
    for file in (rls_pb2.DESCRIPTOR, external_auth_pb2.DESCRIPTOR, rlqs_pb2.DESCRIPTOR):
        _walk(file, found)
    files = [FileDescriptorProto.FromString(file.serialized_pb) for file in found.values()]
    _add_negative_hits(next(file for file in files if file.name == RATE_LIMIT))
    return FileDescriptorSet(file=[*files, health()]).SerializeToString(deterministic=True)


def _add_negative_hits(file: FileDescriptorProto) -> None:
    """Envoy has it since 1.38 (its pull request 44059; the number was seen on the wire of 1.40), and the
    newest xds-protos has not. AssertionError: now it has, and this can go.
    """
    (descriptor,) = (message for message in file.message_type if message.name == "RateLimitDescriptor")
    assert all(field.name != "is_negative_hits" for field in descriptor.field)
    descriptor.field.add(
        name="is_negative_hits",
        number=4,
        type=FieldDescriptorProto.TYPE_BOOL,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        json_name="isNegativeHits",
    )


def _walk(file: FileDescriptor, found: dict[str, FileDescriptor]) -> None:
    for needed in file.dependencies:
        _walk(needed, found)
    found.setdefault(file.name, file)


def health() -> FileDescriptorProto:
    """grpc/health/v1/health.proto (of grpc-proto), its messages alone."""
    file = FileDescriptorProto(name="grpc/health/v1/health.proto", package="grpc.health.v1", syntax="proto3")
    string, enum, optional = (
        FieldDescriptorProto.TYPE_STRING,
        FieldDescriptorProto.TYPE_ENUM,
        FieldDescriptorProto.LABEL_OPTIONAL,
    )
    request = file.message_type.add(name="HealthCheckRequest")
    request.field.add(name="service", number=1, type=string, label=optional, json_name="service")
    response = file.message_type.add(name="HealthCheckResponse")
    states = response.enum_type.add(name="ServingStatus")
    for number, name in enumerate(("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")):
        states.value.add(name=name, number=number)
    kind = ".grpc.health.v1.HealthCheckResponse.ServingStatus"
    response.field.add(name="status", number=1, type=enum, type_name=kind, label=optional, json_name="status")
    return file


if __name__ == "__main__":
    SHIPPED.write_bytes(descriptors())
