"""What the session service counted since it was built."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionStats:
    created: int
    read: int
    touched: int
    """Reads that were written as a use; the others were within the touch interval."""
    unknown: int
    updated: int
    conflicts: int
    rotated: int
    revoked: int
    revoked_all: int
    unavailable: int
    """Calls that found the store away."""
