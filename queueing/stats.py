"""What the rooms counted since they were built, in this process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoomsStats:
    joined: int
    """Numbers given out."""
    admitted_at_once: int
    returned: int
    """Joins that showed a ticket in force, or whose holder had a place, and kept it."""
    claims: int
    """Claims that ended in a pass, retries included."""
    claims_refused: int
    left: int
    ended: int
    """Slots that were freed because a session ended."""
    resumed: int
    """Places that were brought to another device by their code."""
    invalid_tickets: int
    unavailable: int
    """Calls that found the store or the journal away."""
    commits: int
    """Group commits of claims; claims_kept / commits is how many one of them carried."""
    claims_kept: int
    restored: int
    """Rooms that were made anew from the journal, since the store had lost them or was another one."""
