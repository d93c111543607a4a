"""The messages of Envoy's and gRPC's services: protobuf's own classes, from descriptors shipped as data.

The file is made from xds-protos (``python -m tests.sadd.grpc.shipping``), which is large, needs grpcio, and
puts packages of other names into site-packages; here protobuf alone is needed, and nothing is compiled. The
pool is our own, so that a program may load other versions of the same files beside ours.
"""

from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_pool = DescriptorPool()
for _file in FileDescriptorSet.FromString(Path(__file__).with_name("messages.binpb").read_bytes()).file:
    _pool.Add(_file)


def _class(name: str) -> Any:
    """Its fields are made at run time, so no type checker knows them."""
    return GetMessageClass(_pool.FindMessageTypeByName(name))


RateLimitRequest = _class("envoy.service.ratelimit.v3.RateLimitRequest")
RateLimitResponse = _class("envoy.service.ratelimit.v3.RateLimitResponse")
CheckRequest = _class("envoy.service.auth.v3.CheckRequest")
CheckResponse = _class("envoy.service.auth.v3.CheckResponse")
RateLimitQuotaUsageReports = _class("envoy.service.rate_limit_quota.v3.RateLimitQuotaUsageReports")
RateLimitQuotaResponse = _class("envoy.service.rate_limit_quota.v3.RateLimitQuotaResponse")
HealthCheckRequest = _class("grpc.health.v1.HealthCheckRequest")
HealthCheckResponse = _class("grpc.health.v1.HealthCheckResponse")
