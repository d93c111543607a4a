"""The names of what is measured, and what the waiting room must reach: arithmetic over readings."""

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.bench_ratelimit_goals import LANE, LANE_BARE
from benchmarks.drivers.turn import Reading
from benchmarks.harness import Estimate, Goal, at_least, at_most, ratio

POLL, JOIN, JUDGED = "room status, HTTP lane", "join, HTTP lane", "join, judged by its network"
BARE, FIRST, SEEN = "Ed25519 alone (PyNaCl)", "a pass, first seen", "a pass, seen before"

PAIRS = ((POLL, LANE_BARE), (JOIN, LANE), (JUDGED, LANE), (FIRST, BARE))

CONSTANT_BYTES = 512
"""Counters grow by digits, and the room's block of numbers is written anew: no more than that in all."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a crowd that waits costs, in bytes: in all, and each where each has one place by identity."""

    valkey: int
    rows: int
    identity_valkey: float
    identity_postgres: float
    joins_per_second: float


@dataclass(frozen=True, slots=True)
class LetIn:
    """Shares of the target, of any minute; and of the cap, while 30% of the called never come."""

    least: float
    most: float
    busy: float
    active_over_cap: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A draw checked from public documents, all of it and one place of it: by the clock, and by the
    processor's time, which others on the machine disturb less."""

    whole_s: float
    place_ms: float
    whole_cpu_s: float
    place_cpu_ms: float


@dataclass(frozen=True, slots=True)
class Apart:
    """What is measured outside of the rounds."""

    waiting: int
    drawn: int
    kept: Kept
    let_in: LetIn
    take_over_s: Sequence[float]
    draw: Drawn

    def facts(self) -> dict[str, float | str]:
        kept = self.kept
        return {
            f"Valkey, growth from 1,000 to {self.waiting:,} waiting, bytes": kept.valkey,
            "PostgreSQL, rows written meanwhile for who waits": kept.rows,
            "one place for each identity: Valkey, bytes a visitor": round(kept.identity_valkey, 1),
            "one place for each identity: PostgreSQL, bytes a visitor": round(kept.identity_postgres, 1),
            "joins of the engine without HTTP, a second": round(kept.joins_per_second),
            "the draw, seconds of processor time": round(self.draw.whole_cpu_s, 2),
            "one place, milliseconds of processor time": round(self.draw.place_cpu_ms, 2),
            "take-overs measured": len(self.take_over_s),
            "take-over, median seconds": round(statistics.median(self.take_over_s), 2),
        }


def ratios(samples: Mapping[str, Sequence[Reading]], chance: random.Random) -> dict[str, Estimate]:
    """Of rates, round by round."""
    return {f"{ours} / {theirs}": ratio(samples[ours], samples[theirs], chance) for ours, theirs in PAIRS}


def goals(
    samples: Mapping[str, Sequence[Reading]], found: Mapping[str, Estimate], apart: Apart
) -> list[Goal]:
    def of(ours: str, theirs: str) -> float:
        return found[f"{ours} / {theirs}"].median

    seen = statistics.median(reading.rate for reading in samples[SEEN])
    draw = apart.draw
    let_in = apart.let_in
    return [
        at_least("room status polls against the lane's bare answer", 0.85, of(POLL, LANE_BARE), "x"),
        at_least("joins against the lane's single decision", 0.5, of(JOIN, LANE), "x"),
        at_least("a pass verified for the first time against bare Ed25519", 0.8, of(FIRST, BARE), "x"),
        at_least("a pass seen before", 200_000, seen, "passes/s"),
        at_most(f"stored for {apart.waiting:,} waiting", CONSTANT_BYTES, apart.kept.valkey, "bytes"),
        at_most(f"written for {apart.waiting:,} waiting", 0, apart.kept.rows, "rows"),
        at_least("outflow of any minute: the least", 0.98, let_in.least, "of target"),
        at_most("outflow of any minute: the most", 1.02, let_in.most, "of target"),
        at_least("busy with 30% no-shows", 0.95, let_in.busy, "of the cap"),
        at_most("active above the cap", 0, let_in.active_over_cap, "visitors"),
        at_most("another leader after kill -9, the slowest", 3, max(apart.take_over_s), "s"),
        at_most(f"a draw of {apart.drawn:,} verified in full", 10, draw.whole_s, "s"),
        at_most("one place with its inclusion proof", 5, draw.place_ms, "ms"),
    ]
