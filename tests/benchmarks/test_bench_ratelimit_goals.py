"""What the limiter must reach, from readings by hand."""

import random

import pytest

from benchmarks.bench_ratelimit_goals import (
    BATCH,
    CLIENT,
    GRPC,
    LANE,
    PIPELINED,
    SINGLE,
    Apart,
    behind_envoy,
    goals,
    p99,
    ratios,
)
from benchmarks.drivers.turn import Reading
from benchmarks.harness import Goal
from benchmarks.peers.others import MINIMAL, RATELIMIT


def rates(*found: float, undecided: int = 0) -> list[Reading]:
    return [Reading(rate, cores={"Envoy": 0.9}, undecided=undecided) for rate in found]


def judged(samples: dict[str, list[Reading]], apart: Apart | None = None) -> dict[str, Goal]:
    found = ratios(samples, random.Random(1))
    return {goal.name: goal for goal in goals(samples, found, apart or Apart())}


def test_a_goal_is_the_median_of_the_rounds_own_ratios() -> None:
    """A machine that halved in one round halves both, and the ratio stays."""
    samples = {
        LANE: rates(90, 45, 90),
        MINIMAL: rates(9, 4.5, 9),
        SINGLE: rates(110, 55, 110),
        BATCH: rates(300, 150, 300),
        PIPELINED: rates(200, 100, 200),
    }
    found = judged(samples)
    assert found[f"HTTP single checks against {MINIMAL}"].met is True
    single = found["HTTP single checks against unpipelined redis-benchmark"]
    assert (single.measured, single.met) == (0.818, False)
    assert found["decisions by batch checks against redis-benchmark -P 16"].measured == 1.5


def test_what_was_absent_is_neither_met_nor_missed() -> None:
    """Without redis-benchmark, Go or Envoy the goals stand there, not measured."""
    found = judged({LANE: rates(1.0)})
    assert len(found) == 15
    assert {goal.met for goal in found.values()} == {None}


@pytest.mark.parametrize(("undecided", "met"), [(0, True), (1, False)])
def test_one_request_let_through_undecided_misses_the_goal(undecided: int, met: bool) -> None:
    """Behind Envoy every request is decided within its 20 ms, in all rounds."""
    samples = {
        behind_envoy(GRPC): rates(15, 15, undecided=undecided),
        behind_envoy(RATELIMIT): rates(5, 5),
    }
    found = judged(samples)
    assert found["behind Envoy: let through undecided at 20 ms"].met is met
    assert found["behind Envoy against the best peer there"].measured == 3.0


def test_what_is_measured_apart_has_its_limits() -> None:
    """Milliseconds and bytes from above, leases from below."""
    apart = Apart(http_p99_ms=5.1, grpc_p99_ms=4.9, bytes_a_key=110)
    found = judged({CLIENT: rates(0.9e6, 1.2e6, 1.3e6)}, apart)
    met = {name: goal.met for name, goal in found.items() if goal.met is not None}
    assert met == {
        "HTTP p99 at 70 % of its own saturation": False,
        "gRPC p99 at 70 % of its own saturation": True,
        "leased decisions in the SDK, one process": True,
        "store memory per live key of 29 characters": True,
    }


def test_processor_time_is_compared_over_all_processes() -> None:
    """What the store and the driver spend counts too: 10 against 40 microseconds is four times cheaper."""
    samples = {
        LANE: [Reading(1.0, cpu_us={"server": 6.0, "store": 3.0, "generator": 1.0})],
        MINIMAL: [Reading(1.0, cpu_us={"server": 30.0, "store": 9.0, "generator": 1.0})],
    }
    found = ratios(samples, random.Random(1))
    assert found[f"processor time a decision: {MINIMAL} / {LANE}"].median == 4.0


def test_a_pump_that_was_late_itself_measures_nothing() -> None:
    """Of three turns the one with a late pump is left out; with no timely one there is no number."""
    late = Reading(1.0, p99_ms=90.0, lag_ms=2.1)
    assert p99([Reading(1.0, p99_ms=3.0, lag_ms=1.1), late, Reading(1.0, p99_ms=4.0, lag_ms=2.0)]) == 3.5
    assert p99([late]) is None
    assert p99(None) is None
