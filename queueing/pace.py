"""The pace of a line: how many are called a minute, and how far the truth may lie from what it promises."""

import math
import struct
from dataclasses import dataclass
from functools import lru_cache

from queueing.policy import Room

NODES_MS = (10_000, 60_000, 300_000, 1_200_000, 4_800_000)
"""Waits for which the spread is kept; between them it is interpolated, outside them the nearest holds."""

Spread = tuple[tuple[float, float], ...]
"""For each node: natural logarithms of least and most wait over expected wait."""

RESOLUTION_MS = 500
PACKED = struct.Struct(f"<?3f{2 * len(NODES_MS)}f")
WAIT_MS_MAX = 7 * 24 * 3600 * 1000
PER_MINUTE_MIN = 60_000 / WAIT_MS_MAX  # slower, and nobody could say when


@dataclass(frozen=True, slots=True)
class Pace:
    """``low_per_minute`` and ``high_per_minute`` bound the pace for the last in line: 80% of waits lie so.

    ``paused`` means that nobody is called now: an estimate then says how long it takes once that ends.
    ``per_minute`` is the expected pace and ``spread`` what it may be off by, by distance; a pace without them
    takes the bounds for any distance.
    """

    low_per_minute: float
    high_per_minute: float
    paused: bool = False
    per_minute: float = 0.0
    spread: Spread = ()

    def packed(self) -> bytes:
        """For a store: what the leader found out, every worker tells. 53 bytes."""
        flat = [edge for node in self.spread for edge in node] or [0.0] * (2 * len(NODES_MS))
        # The bounds stand for a pace without a spread.
        centre = self.per_minute if self.spread else 0.0
        return PACKED.pack(self.paused, self.low_per_minute, self.high_per_minute, centre, *flat)

    @staticmethod
    def unpacked(packed: bytes) -> "Pace":
        """Raises ValueError for what is no packed pace."""
        if len(packed) != PACKED.size:
            raise ValueError(f"a packed pace has {PACKED.size} bytes, not {len(packed)}")
        paused, low, high, centre, *flat = PACKED.unpack(packed)
        spread = tuple(zip(flat[::2], flat[1::2], strict=True)) if centre else ()
        return Pace(low, high, paused, centre, spread)


def supposed(room: Room, *, paused: bool = False) -> Pace:
    """Before anything was measured: all of the outflow, or only as many as whole passes end."""
    return _supposed(room.outflow_per_minute, room.active_cap, room.pass_ms, paused)


@lru_cache(maxsize=1024)  # each join of a new room asks
def _supposed(outflow_per_minute: int, active_cap: int, pass_ms: int, paused: bool) -> Pace:
    most = float(outflow_per_minute)
    least = min(most, active_cap * 60_000 / pass_ms)
    return Pace(max(least, PER_MINUTE_MIN), most, paused)


def paced(per_minute: float, spread: Spread, waiting: int, *, paused: bool = False) -> Pace:
    """The pace of ``per_minute`` with its bounds for the last of ``waiting``."""
    expected = max(per_minute, PER_MINUTE_MIN)
    least, most = spread_at(spread, max(waiting, 1) / expected * 60_000)
    return Pace(expected / math.exp(most), expected / math.exp(least), paused, expected, spread)


def weights_at(wait_ms: float) -> tuple[int, float]:
    """The node below ``wait_ms`` and the share of the one above it, by the logarithm of the wait."""
    if wait_ms <= NODES_MS[0]:
        return 0, 0.0
    for index in range(len(NODES_MS) - 1):
        lower, upper = NODES_MS[index], NODES_MS[index + 1]
        if wait_ms < upper:
            return index, math.log(wait_ms / lower) / math.log(upper / lower)
    return len(NODES_MS) - 2, 1.0


def spread_at(spread: Spread, wait_ms: float) -> tuple[float, float]:
    index, above = weights_at(wait_ms)
    (low, high), (low_above, high_above) = spread[index], spread[index + 1]
    return low + (low_above - low) * above, high + (high_above - high) * above


def bounds_ms(spread: Spread, expected_ms: float) -> tuple[float, float]:
    """Least and most wait; at least ``RESOLUTION_MS`` to each side, for calls come in steps."""
    least, most = spread_at(spread, expected_ms)
    low = min(expected_ms * math.exp(least), expected_ms - RESOLUTION_MS)
    high = max(expected_ms * math.exp(most), expected_ms + RESOLUTION_MS)
    return max(low, 0.0), high
