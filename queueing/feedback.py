"""What the gates saw of a room's origin, gathered for a moment before the store is told."""

from collections.abc import Callable
from dataclasses import dataclass

GATHERED_S = 0.25


@dataclass(slots=True)
class _Gathered:
    since_s: float
    ok: int = 0
    failed: int = 0
    latency_ms: float = 0.0


class Feedback:
    """Sums for each room, given out every ``GATHERED_S`` of ``clock``. A quiet room's last wait."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rooms: dict[str, _Gathered] = {}  # bounded by the rooms there are

    def add(self, room_id: str, ok: int, failed: int, latency_ms: float) -> tuple[int, int, int] | None:
        """When it is time to tell: requests that went well, that failed, their latencies in sum (ms)."""
        now_s = self._clock()
        sums = self._rooms.setdefault(room_id, _Gathered(now_s))
        sums.ok += ok
        sums.failed += failed
        sums.latency_ms += latency_ms * (ok + failed)
        if now_s - sums.since_s < GATHERED_S:
            return None
        del self._rooms[room_id]
        return sums.ok, sums.failed, round(sums.latency_ms)
