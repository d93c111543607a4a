"""What is asked and what is answered, as plain values: the lanes turn them to and from the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from msgspec import Struct

from sadd.envoy.rules import Unit


class Code(Enum):
    """The numbers are those of RateLimitResponse.Code; UNKNOWN is never said, since Envoy lets it pass."""

    OK = 1
    OVER_LIMIT = 2


class Descriptor(Struct, frozen=True, gc=False):
    """Keys with values, most general first, as Envoy sends them. A struct: some are made for each request.

    ``hits_addend`` None is the request's; 0 only looks. ``limit`` is the one that the request itself brings:
    ``("MINUTE", 30)``. ``is_negative_hits`` gives hits back.
    """

    entries: tuple[tuple[str, str], ...]
    hits_addend: int | None = None
    limit: tuple[Unit, int] | None = None
    is_negative_hits: bool = False


@dataclass(frozen=True, slots=True)
class CurrentLimit:
    """The limit that a status speaks of; ``name`` is the rule's."""

    requests_per_unit: int
    unit: Unit
    name: str = ""


class Status(Struct, frozen=True, gc=False):
    """What one descriptor met. Without a limit it is OK, and the numbers mean nothing."""

    code: Code
    current_limit: CurrentLimit | None = None
    limit_remaining: int = 0
    duration_until_reset_ms: int | None = None

    @property
    def name(self) -> str:
        return self.current_limit.name if self.current_limit else ""

    @property
    def duration_until_reset_seconds(self) -> int | None:
        """Whole seconds, rounded up, as envoyproxy/ratelimit counts them."""
        ms = self.duration_until_reset_ms
        return None if ms is None else -(-ms // 1000)


class Outcome(Struct, frozen=True, gc=False):
    """The answer: ``statuses`` in the order of the descriptors, headers for the caller's response."""

    overall: Code
    statuses: tuple[Status, ...]
    response_headers: tuple[tuple[str, str], ...] = ()
    dynamic_metadata: Mapping[str, Any] | None = None


class InvalidRequest(ValueError):
    """Cannot be decided; the message is envoyproxy/ratelimit's where it has one."""


class CountersUnavailable(Exception):
    """The store is away, so nobody knows. Answer UNAVAILABLE: Envoy then does as failure_mode_deny says."""
