"""The methods of one listener, its connections, and what is counted of both."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sadd.grpc.blocks import Service
from sadd.grpc.status import CODE_NAMES, Method, Unary
from sadd.telemetry.family import Family, Sample, Samples

_CALLS = Family(
    "sadd_grpc_calls", "Calls by method and by the status that ended them.", "counter", ("method", "code")
)
REASONS = ("too_many_connections", "slow_start", "not_http2", "protocol", "flood", "stalled")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a connection in time, and of their number."""

    first_byte_timeout_seconds: float = 10.0
    idle_timeout_seconds: float = 75.0
    """A connection without a call is told to go after so long; one that takes no answers is cut off."""
    connections_max: int = 1024
    """A proxy has one for each of its threads. Each may hold 4 MiB of incomplete requests."""


@dataclass(frozen=True, slots=True)
class GrpcStats:
    """``ended``: connections that we ended, by reason; ``refused_streams``: calls that were not begun."""

    connections: int
    streams: int
    opened: int
    refused_streams: int
    ended: dict[str, int]


class Swept(Protocol):
    """A connection, as the switchboard sees it."""

    @property
    def streams(self) -> int: ...
    def sweep(self, now: float) -> None: ...
    def drain(self, now: float) -> None: ...
    def abort(self) -> None: ...


class Switchboard:
    """What connections share. ``methods`` is by path, ``/package.Service/Method``."""

    def __init__(self, methods: Mapping[str, Unary], limits: Limits) -> None:
        self.limits = limits
        self.service = Service({path: Method(path.strip("/"), unary) for path, unary in methods.items()})
        self.connections: set[Swept] = set()
        self.opened = 0
        self.refused_streams = 0
        self.ended = dict.fromkeys(REASONS, 0)
        self.draining = False
        """Once true, a connection that is made is told to go at once."""

    def sweep(self, now: float) -> None:
        """End what has lasted too long. To be called a few times a second."""
        for connection in list(self.connections):
            connection.sweep(now)

    def drain(self, now: float) -> None:
        """Tell every client to go: its calls are finished, and new ones belong on another connection."""
        self.draining = True
        for connection in list(self.connections):
            connection.drain(now)

    def abort(self) -> None:
        """End every connection now."""
        for connection in list(self.connections):
            connection.abort()

    def stats(self) -> GrpcStats:
        streams = sum(connection.streams for connection in self.connections)
        return GrpcStats(len(self.connections), streams, self.opened, self.refused_streams, dict(self.ended))

    def calls(self) -> Iterable[tuple[Family, Samples]]:
        """Calls by method and status, as a source of ``Metrics``."""
        methods = (*self.service.methods.values(), self.service.unknown)
        yield (
            _CALLS,
            {
                (method.name, name): Sample(method.ended[code])
                for method in methods
                for code, name in CODE_NAMES.items()
                if method.ended[code]
            },
        )
