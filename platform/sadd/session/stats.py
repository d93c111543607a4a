"""What the session service counted since it was built."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionStats:
    created: int
    refused: int
    """Sessions that were not begun: the subject or the network had as many as it may."""
    read: int
    touched: int
    """Reads that were written as a use; the others were within the touch interval."""
    unknown: int
    reused: int
    """Ids that were shown after they had been rotated away."""
    unsealable: int
    """Records that no key in force opened where they lay."""
    updated: int
    conflicts: int
    retried: int
    """Merges that were done again since somebody changed the session meanwhile."""
    rotated: int
    revoked: int
    revoked_all: int
    completed: int
    """Subjects that were completed from the database."""
    owed: int
    """Revocations that are committed and that the store did not take yet."""
    unavailable: int
    """Calls that found a store away."""
