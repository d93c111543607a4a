"""What the rooms counted since they were built, in this process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoomsStats:
    joined: int
    """Numbers given out."""
    admitted_at_once: int
    returned: int
    """Joins that showed a ticket in force and kept their place."""
    claims: int
    """Claims that ended in a pass, retries included."""
    claims_refused: int
    left: int
    invalid_tickets: int
    unavailable: int
    """Calls that found the store away."""
