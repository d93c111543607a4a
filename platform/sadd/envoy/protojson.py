"""RateLimitRequest and RateLimitResponse as JSON, by proto3's own mapping.

Fields have either spelling (``hitsAddend``, ``hits_addend``), 64-bit numbers may be texts, enums names or
numbers, null is as if not there, and what the message does not have is an error.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sadd.envoy.plan import DESCRIPTORS_MAX
from sadd.envoy.request import CurrentLimit, Descriptor, Outcome, Status
from sadd.envoy.rules import UINT32_MAX, Unit

UINT64_MAX = 2**64 - 1

UNITS: Mapping[int, Unit] = {
    1: "SECOND",
    2: "MINUTE",
    3: "HOUR",
    4: "DAY",
    5: "MONTH",
    6: "YEAR",
    7: "WEEK",
}
"""By the numbers of envoy.type.v3.RateLimitUnit."""

_REQUEST = frozenset({"domain", "descriptors", "hitsAddend"})
_DESCRIPTOR = frozenset({"entries", "limit", "hitsAddend", "isNegativeHits"})
_ENTRY = frozenset({"key", "value"})
_LIMIT = frozenset({"requestsPerUnit", "unit"})
_HUMP = re.compile(r"_([a-z])")


class Asked(Struct, frozen=True):
    """A request as it was sent."""

    domain: str
    descriptors: tuple[Descriptor, ...]
    hits_addend: int


def decode(raw: bytes) -> Asked:
    """The request. Raises ValueError for what is no such message."""
    try:
        value = json.loads(raw)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return asked(value)


def asked(value: Any) -> Asked:
    """The request that a JSON value is. Raises ValueError."""
    fields = _fields(value, _REQUEST)
    descriptors = _items(fields.get("descriptors"))
    if len(descriptors) > DESCRIPTORS_MAX:
        raise ValueError(f"more than {DESCRIPTORS_MAX} descriptors")
    return Asked(
        _text(fields.get("domain")),
        tuple(_descriptor(one) for one in descriptors),
        _whole(fields.get("hitsAddend"), UINT32_MAX) or 0,
    )


def encode(outcome: Outcome) -> bytes:
    """The response. What has its zero value is left out, as the mapping has it."""
    told: dict[str, Any] = {"overallCode": outcome.overall.name}
    if outcome.statuses:
        told["statuses"] = [_status(status) for status in outcome.statuses]
    if outcome.response_headers:
        told["responseHeadersToAdd"] = [
            {"key": key, "value": value} for key, value in outcome.response_headers
        ]
    if outcome.dynamic_metadata is not None:
        told["dynamicMetadata"] = outcome.dynamic_metadata
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _status(status: Status) -> dict[str, Any]:
    told: dict[str, Any] = {"code": status.code.name}
    if status.current_limit is not None:
        told["currentLimit"] = _limit(status.current_limit)
    if status.limit_remaining:
        told["limitRemaining"] = status.limit_remaining
    if status.duration_until_reset_seconds is not None:
        told["durationUntilReset"] = f"{status.duration_until_reset_seconds}s"
    return told


def _limit(limit: CurrentLimit) -> dict[str, Any]:
    told: dict[str, Any] = {"name": limit.name} if limit.name else {}
    if limit.requests_per_unit:
        told["requestsPerUnit"] = limit.requests_per_unit
    return {**told, "unit": limit.unit}


def _descriptor(value: Any) -> Descriptor:
    fields = _fields(value, _DESCRIPTOR)
    entries = [_fields(entry, _ENTRY) for entry in _items(fields.get("entries"))]
    limit = fields.get("limit")
    negative = fields.get("isNegativeHits")
    if negative is not None and not isinstance(negative, bool):
        raise ValueError("isNegativeHits is not true or false")
    return Descriptor(
        tuple((_text(entry.get("key")), _text(entry.get("value"))) for entry in entries),
        _whole(fields.get("hitsAddend"), UINT64_MAX),
        None if limit is None else _brought(_fields(limit, _LIMIT)),
        bool(negative),
    )


def _brought(fields: Mapping[str, Any]) -> tuple[Unit, int] | None:
    """A limit without a unit is none."""
    unit = fields.get("unit")
    if unit in (None, 0, "UNKNOWN"):
        return None
    known = UNITS.get(unit) if isinstance(unit, int) else next((u for u in UNITS.values() if u == unit), None)
    if known is None:
        raise ValueError(f"{unit!r} is no unit of a limit")
    return known, _whole(fields.get("requestsPerUnit"), UINT32_MAX) or 0


def _fields(value: Any, known: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is no message")
    fields: dict[str, Any] = {}
    for name, child in value.items():
        plain = _HUMP.sub(lambda hump: hump[1].upper(), name)
        if plain not in known:
            raise ValueError(f"unknown field {name!r}")
        if plain in fields:
            raise ValueError(f"{name!r} is given twice")
        fields[plain] = child
    return fields


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is no list")
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair is no character") from None
    return value


def _whole(value: Any, at_most: int) -> int | None:
    """A number or a text of one; None if it is not there."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= at_most:
        raise ValueError(f"{value!r} is not a whole number from 0 to {at_most}")
    return value
