"""What a client and its limiters counted since they were made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LimiterStats:
    """Units of leases: ``granted`` = ``spent`` + ``returned`` + ``expired`` + ``outstanding``.

    ``expired`` is what leases cost: quota that was deducted and used by nobody.
    """

    keys: int
    """Keys that are known now; like ``outstanding`` a gauge, the others are counters."""
    checked: int
    """Decisions that were asked for, one by one."""
    refused_here: int
    """Refusals from memory of a refusal."""
    granted: int
    spent: int
    returned: int
    expired: int
    outstanding: int


@dataclass(frozen=True, slots=True)
class ClientStats:
    repeats: int
    """Calls that were made again."""
    breaker_opened: int
    breaker_open: bool
    decided_here: int
    """Decisions by ``on_loss``."""
