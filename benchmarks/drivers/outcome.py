"""What a driver saw, in its own words turned into ours."""

import resource
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """``failed`` counts answers that are no decision: not 2xx, no answer in time, a broken connection.

    ``all_answers`` are those of the warm-up too: by them the other processes' time is divided.
    ``cpu_seconds`` is the driver's own processor time. ``lag_ms`` is the 99th percentile of how late a paced
    driver sent; None for one that does not pace.
    """

    answers: int
    seconds: float
    cpu_seconds: float
    all_answers: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    failed: int = 0
    lag_ms: float | None = None


def children_cpu_seconds() -> float:
    """Of all our processes that have ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
