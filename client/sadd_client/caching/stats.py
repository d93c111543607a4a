"""What a namespace's cache counted since it was made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Each answer is one of ``hits_memory``, ``hits``, ``stale``, ``joined``, or a load; gauges come last."""

    hits_memory: int
    hits: int
    """Fresh, from the platform."""
    stale: int
    joined: int
    """Answers that waited for another caller's of this process."""
    loads: int
    """Calls of loaders, all of them."""
    loads_away: int
    """Of those, because nobody could ask the platform: your origin feels these."""
    loads_alone: int
    """Of those, because what comes is not to be shared."""
    load_errors: int
    unstored: int
    """Loads that were not stored: something was invalidated meanwhile, or nobody could be told."""
    busy: int
    """Callers whose patience ended before another's load."""
    evicted: int
    streams: int
    """Times that this process began to listen."""
    memory_entries: int
    memory_bytes: int
    proven: bool
    """Whether the memory may answer now."""
