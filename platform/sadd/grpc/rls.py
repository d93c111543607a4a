"""Envoy's rate limit service, v3: its messages to and from the plain values of ``sadd.envoy``.

A store that is away is UNAVAILABLE: Envoy then does as its ``failure_mode_deny`` says, while an answer of
code UNKNOWN would let every request pass.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol, cast, get_args

from google.protobuf.message import DecodeError

from sadd.envoy.plan import DESCRIPTORS_MAX
from sadd.envoy.request import Code as Verdict
from sadd.envoy.request import CountersUnavailable, CurrentLimit, Descriptor, InvalidRequest, Outcome
from sadd.envoy.request import Status as Met
from sadd.envoy.rules import Unit
from sadd.grpc.messages import RateLimitRequest, RateLimitResponse
from sadd.grpc.status import Code, Done, Status, Unary
from sadd.grpc.usual import usual

SHOULD_RATE_LIMIT = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"

ENTRIES_MAX = 64
"""Of one descriptor."""

KEPT_MAX = 1024
"""Answers of which only the numbers change: one for each limit, allowed or over."""

_UNITS: dict[Unit, int] = {
    unit: RateLimitResponse.RateLimit.Unit.Value(unit) for unit in cast("tuple[Unit, ...]", get_args(Unit))
}
_UNIT_OF = {number: unit for unit, number in _UNITS.items()}
"""The numbers are the same in envoy.type.v3.RateLimitUnit, which limits in requests use."""

_NO_MESSAGE = Status(Code.INTERNAL, "not a RateLimitRequest")
_OVER = Verdict.OVER_LIMIT  # looked up once: an attribute of an Enum is slow
_from_wire = RateLimitRequest.FromString


class RateLimits(Protocol):
    """What is asked of ``sadd.envoy.service``."""

    def ask(
        self,
        domain: str,
        descriptors: Sequence[Descriptor],
        hits_addend: int,
        done: Callable[[Outcome | CountersUnavailable], None],
    ) -> None: ...


def rate_limit_service(limits: RateLimits) -> Unary:
    """The method ShouldRateLimit."""

    def should_rate_limit(message: bytes, _peer: str, done: Done) -> None:
        read = usual(message, ENTRIES_MAX)
        try:
            domain, descriptors, hits_addend = read or _read(message)
            limits.ask(domain, descriptors, hits_addend, lambda answer: done(_result(answer)))
        except DecodeError:
            done(_NO_MESSAGE)
        except InvalidRequest as error:
            done(Status(Code.INVALID_ARGUMENT, str(error)))

    return should_rate_limit


def _read(message: bytes) -> tuple[str, list[Descriptor], int]:
    """Domain, descriptors and addend. Raises DecodeError and InvalidRequest."""
    request = _from_wire(message)
    sent = request.descriptors
    if len(sent) > DESCRIPTORS_MAX:  # a message of a megabyte holds 250,000 of them
        raise InvalidRequest(f"rate limit descriptor list must not have more than {DESCRIPTORS_MAX}")
    return request.domain, [_descriptor(each) for each in sent], request.hits_addend


def _descriptor(sent: Any) -> Descriptor:
    """Raises InvalidRequest."""
    listed = sent.entries
    if len(listed) > ENTRIES_MAX:
        raise InvalidRequest(f"rate limit descriptor must not have more than {ENTRIES_MAX} entries")
    entries = tuple([(entry.key, entry.value) for entry in listed])
    negative = sent.is_negative_hits
    if not (negative or sent.HasField("hits_addend") or sent.HasField("limit")):
        return Descriptor(entries)
    addend = sent.hits_addend.value if sent.HasField("hits_addend") else None
    # A limit of no known unit is none: envoyproxy/ratelimit takes it so.
    unit = _UNIT_OF.get(sent.limit.unit) if sent.HasField("limit") else None
    limit = None if unit is None else (unit, sent.limit.requests_per_unit)
    return Descriptor(entries, addend, limit, negative)


def _result(answer: Outcome | CountersUnavailable) -> bytes | Status:
    if isinstance(answer, CountersUnavailable):
        return Status(Code.UNAVAILABLE, str(answer))
    statuses = answer.statuses
    if len(statuses) == 1 and not answer.response_headers and answer.dynamic_metadata is None:
        return _alone(answer.overall is _OVER, statuses[0])
    response = RateLimitResponse(overall_code=answer.overall.value)
    for status in statuses:
        _put(response.statuses.add(), status)
    for name, value in answer.response_headers:
        response.response_headers_to_add.add(key=name, value=value)
    if answer.dynamic_metadata is not None:
        response.dynamic_metadata.update(answer.dynamic_metadata)
    return cast("bytes", response.SerializeToString())


def _alone(over: bool, status: Met) -> bytes:
    """The usual answer, of one status. One of the same limit is kept, and its two numbers are set anew."""
    limit, ms = status.current_limit, status.duration_until_reset_ms
    if limit is None or ms is None:
        return _unlimited(over, status) if limit is None and ms is None else _made(over, status)
    shape = (over, status.code is _OVER, limit.requests_per_unit, limit.unit, limit.name)
    kept = _kept.get(shape)
    if kept is None:
        if len(_kept) >= KEPT_MAX:
            _kept.clear()
        _kept[shape] = kept = _Kept(over, status)
    kept.status.limit_remaining = status.limit_remaining
    kept.until.seconds = -(-ms // 1000)
    return cast("bytes", kept.response.SerializeToString())


@lru_cache(maxsize=64)
def _unlimited(over: bool, status: Met) -> bytes:
    """Of a descriptor that met no limit."""
    return _made(over, status)


def _made(over: bool, status: Met) -> bytes:
    return cast("bytes", _Kept(over, status).response.SerializeToString())


class _Kept:
    """An answer of one status, with the parts of it that change."""

    __slots__ = ("response", "status", "until")

    def __init__(self, over: bool, status: Met) -> None:
        self.response: Any = RateLimitResponse(overall_code=2 if over else 1)
        _put(self.response.statuses.add(), status)
        self.status = self.response.statuses[0]
        self.until = self.status.duration_until_reset


_kept: dict[tuple[bool, bool, int, Unit, str], _Kept] = {}


def _put(into: Any, status: Met) -> None:
    into.code = status.code.value
    into.limit_remaining = status.limit_remaining
    if status.current_limit is not None:
        _put_limit(into.current_limit, status.current_limit)
    seconds = status.duration_until_reset_seconds
    if seconds is not None:
        into.duration_until_reset.seconds = seconds


def _put_limit(into: Any, limit: CurrentLimit) -> None:
    into.requests_per_unit = limit.requests_per_unit
    into.unit = _UNITS[limit.unit]
    if limit.name:
        into.name = limit.name
