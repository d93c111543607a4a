"""One that takes turns: where it listens, what it is asked, and which processes work for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.drivers.asked import SLOT, Grpc, Http

RLS = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
RLS_OK = b"\x08\x01"  # overall_code OK
GUBERNATOR = "/pb.gubernator.V1/GetRateLimits"


@dataclass(frozen=True, slots=True)
class Counts:
    """What a server says it has done since its start. ``decided`` None: its driver knows.

    ``undecided`` are answers that look like decisions of the store and are none: let through by a proxy after
    its time-out, or made by a worker alone while the store was slow.
    """

    undecided: int
    decided: int | None = None


@dataclass(frozen=True, slots=True)
class Contender:
    """``roles`` are process ids by what they do; ``counts`` tells what answers do not."""

    name: str
    port: int
    asked: Http | Grpc
    roles: Mapping[str, tuple[int, ...]]
    lines: int = 64
    streams: int = 1
    counts: Callable[[], Counts] | None = None
    needs_store: bool = field(default=True)


def rls_message(domain: str, key: str = "citizen") -> bytes:
    """A RateLimitRequest of one descriptor with one entry, whose value is the citizen."""
    entry = _field(1, key.encode()) + _field(2, SLOT)
    return _field(1, domain.encode()) + _field(2, _field(1, entry)) + b"\x18\x01"


def gubernator_message(name: str) -> bytes:
    """A GetRateLimitsReq of one request: one hit of 600,000 a minute."""
    numbers = b"\x18\x01" + b"\x20" + _varint(600_000) + b"\x28" + _varint(60_000)
    return _field(1, _field(1, name.encode()) + _field(2, SLOT) + numbers)


def _field(number: int, octets: bytes) -> bytes:
    """Of protobuf, with a length."""
    return bytes((number << 3 | 2,)) + _varint(len(octets)) + octets


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    return bytes((*octets, number))
