"""The names of what is measured, and what the limiter must reach: pure arithmetic over readings."""

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.drivers.turn import Reading
from benchmarks.harness import Estimate, Goal, at_least, at_most, estimate, ratio
from benchmarks.peers.others import FASTAPI, GUBER, MINIMAL, NODE, RATELIMIT

LANE, AIOHTTP = "sadd, HTTP lane", "sadd, aiohttp path"
BATCH_OF = 100
BATCH = f"sadd, HTTP lane, batches of {BATCH_OF}"
GRPC = "sadd, gRPC lane"
LANE_BARE, GRPC_BARE = "sadd, HTTP lane, no store", "sadd, gRPC lane, no store"
GRPC_CHECKED = "sadd, gRPC lane, by h2load"
CLIENT = "sadd client, leases"
LATE_MS_MAX = 2.0
"""99th percentile of how late the pump may send: later, it measures its own wait for a core."""
SINGLE, PIPELINED = "redis-benchmark, 64 connections", "redis-benchmark -P 16"


def behind_envoy(name: str) -> str:
    return f"Envoy, {name}"


PAIRS = (
    (LANE, SINGLE),
    (LANE, AIOHTTP),
    (LANE, MINIMAL),
    (LANE, FASTAPI),
    (LANE, NODE),
    (LANE, RATELIMIT),
    (LANE, GUBER),
    (LANE, LANE_BARE),
    (BATCH, PIPELINED),
    (GRPC, PIPELINED),
    (GRPC, RATELIMIT),
    (GRPC, GUBER),
    (GRPC, GRPC_BARE),
    (GRPC, GRPC_CHECKED),
    (behind_envoy(GRPC), behind_envoy(RATELIMIT)),
    (behind_envoy(GRPC), behind_envoy(GUBER)),
)
"""Ours over theirs. Those that a goal is about are named in `goals`."""


@dataclass(frozen=True, slots=True)
class Apart:
    """What is measured outside of the rounds; None where it could not be."""

    http_p99_ms: float | None = None
    grpc_p99_ms: float | None = None
    bytes_a_key: float | None = None


def p99(readings: Sequence[Reading] | None) -> float | None:
    """The median of paced turns, in ms, of those in which the pump itself sent in time. None: there was none.

    Failed calls are answers too, and in it: how many there were is told beside.
    """
    timely = [one for one in readings or () if one.lag_ms is not None and one.lag_ms <= LATE_MS_MAX]
    return statistics.median(one.p99_ms or 0.0 for one in timely) if timely else None


def ratios(samples: Mapping[str, Sequence[Reading]], chance: random.Random) -> dict[str, Estimate]:
    """Of rates; and of the processor time of a decision in all processes, where others disturb less."""
    both = [(ours, theirs) for ours, theirs in PAIRS if ours in samples and theirs in samples]
    rates = {f"{o} / {t}": ratio(samples[o], samples[t], chance) for o, t in both}
    times = {
        f"processor time a decision: {t} / {o}": estimate(_cheaper(samples[o], samples[t]), chance)
        for o, t in both
    }
    return rates | times


def _cheaper(ours: Sequence[Reading], theirs: Sequence[Reading]) -> list[float]:
    return [
        sum(b.cpu_us.values()) / max(sum(a.cpu_us.values()), 1e-9) for a, b in zip(ours, theirs, strict=True)
    ]


def goals(
    samples: Mapping[str, Sequence[Reading]], found: Mapping[str, Estimate], apart: Apart
) -> list[Goal]:
    def of(ours: str, theirs: str) -> float | None:
        pair = f"{ours} / {theirs}"
        return found[pair].median if pair in found else None

    behind = samples.get(behind_envoy(GRPC))
    peers = [of(behind_envoy(GRPC), behind_envoy(name)) for name in (RATELIMIT, GUBER)]
    measured = [one for one in peers if one is not None]
    return [
        at_least("HTTP single checks against unpipelined redis-benchmark", 0.9, of(LANE, SINGLE), "x"),
        at_least(f"HTTP single checks against {MINIMAL}", 9, of(LANE, MINIMAL), "x"),
        at_least("decisions by batch checks against redis-benchmark -P 16", 1.0, of(BATCH, PIPELINED), "x"),
        at_least("gRPC decisions against redis-benchmark -P 16", 0.55, of(GRPC, PIPELINED), "x"),
        *(
            at_least(f"{way} against {peer}", 2, of(ours, peer), "x")
            for way, ours in (("HTTP", LANE), ("gRPC", GRPC))
            for peer in (RATELIMIT, GUBER)
        ),
        at_least("behind Envoy against the best peer there", 1, min(measured, default=None), "x"),
        at_least("behind Envoy: its share of the core it may use", 0.8, _envoys_share(behind), "share"),
        at_most("behind Envoy: let through undecided at 20 ms", 0, _undecided(behind), "requests"),
        at_most("HTTP p99 at 70 % of its own saturation", 5, apart.http_p99_ms, "ms"),
        at_most("gRPC p99 at 70 % of its own saturation", 5, apart.grpc_p99_ms, "ms"),
        at_least(
            "leased decisions in the SDK, one process", 1_000_000, _rate(samples.get(CLIENT)), "decisions/s"
        ),
        at_most("store memory per live key of 29 characters", 110, apart.bytes_a_key, "bytes"),
    ]


def _envoys_share(readings: Sequence[Reading] | None) -> float | None:
    return statistics.median(reading.cores["Envoy"] for reading in readings) if readings else None


def _rate(readings: Sequence[Reading] | None) -> float | None:
    return statistics.median(reading.rate for reading in readings) if readings else None


def _undecided(readings: Sequence[Reading] | None) -> float | None:
    """Of all rounds."""
    return sum(reading.undecided + reading.failed for reading in readings) if readings else None
