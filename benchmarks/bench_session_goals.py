"""The names of what is measured, and what sessions must reach: arithmetic over readings."""

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.bench_ratelimit_goals import LANE, LANE_BARE
from benchmarks.drivers.turn import Reading
from benchmarks.harness import Estimate, Goal, at_least, at_most, ratio

TOUCH, READ, PATCH = "session, touched", "session, read", "session, a field changed"
PAYLOAD_BYTES = 200

PAIRS = ((TOUCH, LANE), (READ, LANE), (PATCH, LANE), (TOUCH, LANE_BARE))


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes of store for each session of PAYLOAD_BYTES: the growth of used memory, with its subject's index,
    and what the server says of the one key."""

    growth: float
    key: float
    sessions: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Ending all of a subject, with so many sessions in the store: milliseconds of the store's own time for
    each, the most; and until each subscriber was told, from the answer."""

    others: int
    of_subject: int
    store_ms: Sequence[float]
    heard_ms: Sequence[float]


@dataclass(frozen=True, slots=True)
class Apart:
    """What is measured outside of the rounds."""

    stored: Stored
    ended: Ended

    def facts(self) -> dict[str, float | str]:
        return {
            f"a session of {PAYLOAD_BYTES} bytes, its own key by MEMORY USAGE": round(self.stored.key, 1),
            "sessions in the store while subjects were ended": self.ended.others,
            "sessions of each subject that was ended": self.ended.of_subject,
            "ending a subject in the store, median ms": round(statistics.median(self.ended.store_ms), 3),
            "revocations heard, by all subscribers": len(self.ended.heard_ms),
            "a revocation heard, median ms": round(statistics.median(self.ended.heard_ms), 2),
        }


def ratios(samples: Mapping[str, Sequence[Reading]], chance: random.Random) -> dict[str, Estimate]:
    """Of rates, round by round."""
    return {f"{ours} / {theirs}": ratio(samples[ours], samples[theirs], chance) for ours, theirs in PAIRS}


def goals(found: Mapping[str, Estimate], apart: Apart) -> list[Goal]:
    ended, heard = apart.ended, sorted(apart.ended.heard_ms)
    p99 = heard[min(int(0.99 * len(heard)), len(heard) - 1)]
    return [
        at_least(
            "reads with elided touch against the lane's decision",
            0.8,
            found[f"{TOUCH} / {LANE}"].median,
            "x",
        ),
        at_most(f"stored for a session of {PAYLOAD_BYTES} bytes", 600, apart.stored.growth, "bytes"),
        at_most(
            f"ending a subject in the store, {ended.others:,} sessions in it", 5, max(ended.store_ms), "ms"
        ),
        at_most("ending a subject, heard by every subscriber, p99", 1_000, p99, "ms"),
    ]
