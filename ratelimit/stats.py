"""What the limiter counted since it was built."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LimiterStats:
    allowed: int
    refused: int
    fallback_open: int
    fallback_closed: int
    fallback_local: int
    local_keys: int
    """Keys that the fallback remembers now; a gauge, the others are counters."""
