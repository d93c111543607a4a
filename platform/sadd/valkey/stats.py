"""What the client counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ClientStats:
    """A reading. All but ``in_flight``, ``waiting``, ``nodes`` and ``breaker`` only grow."""

    calls: int
    errors: Mapping[str, int]
    """Class name of the exception that a caller got, to how many got it."""
    in_flight: int
    """Sent and not answered, those included whose caller has given up."""
    waiting: int
    """Calls that wait for a reconnection or a fail-over now."""
    batches: int
    """Writes to sockets; calls / batches is how many commands one write carried."""
    gathered_calls: int
    """Calls that carried the questions of a tick; see ``batch``."""
    gathered_keys: int
    """Their keys: gathered_keys / gathered_calls is the size of a batch."""
    gathered_seconds: float
    """From sending to the answer, in sum: by gathered_calls it is the mean time of the store."""
    reconnects: int
    reloads: int
    """Calls sent again with the script's source, since the node did not hold it."""
    repeats: int
    """Calls sent again for any other reason (MOVED, ASK, a lost connection, a node not ready)."""
    refreshes: int
    """Readings of the cluster's slot table."""
    nodes: int
    breaker: str
    """The worst of the nodes in use: closed, half-open or open."""


@dataclass(slots=True)
class Counters:
    """The running totals of one client, shared by all its connections."""

    calls: int = 0
    batches: int = 0
    gathered_calls: int = 0
    gathered_keys: int = 0
    gathered_seconds: float = 0.0
    reconnects: int = 0
    reloads: int = 0
    repeats: int = 0
    refreshes: int = 0
    waiting: int = 0
    errors: dict[str, int] = field(default_factory=dict)

    def count_error(self, error: BaseException) -> None:
        kind = type(error).__name__
        self.errors[kind] = self.errors.get(kind, 0) + 1
