"""The queue's benchmark: each goal of the issue is in its list, with the value that was measured."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench_queue import QUICK
from benchmarks.bench_queue_goals import (
    BARE,
    FIRST,
    JOIN,
    JUDGED,
    POLL,
    SEEN,
    Apart,
    Drawn,
    Kept,
    LetIn,
    goals,
    ratios,
)
from benchmarks.bench_queue_keeping import kept
from benchmarks.bench_queue_passes import passes
from benchmarks.bench_ratelimit_goals import LANE, LANE_BARE
from benchmarks.bench_ratelimit_report import RateReport
from benchmarks.drivers.asked import ADDRESS, address, fill
from benchmarks.drivers.turn import Reading

RATES = {
    LANE: 100.0,
    LANE_BARE: 200.0,
    JOIN: 60.0,
    JUDGED: 40.0,
    POLL: 180.0,
    BARE: 26_000.0,
    FIRST: 20_000.0,
    SEEN: 300_000.0,
}
APART = Apart(
    waiting=1_000_000,
    drawn=1_000_000,
    kept=Kept(8, 0, 0.0, 154.0, 20_000.0),
    let_in=LetIn(0.99, 1.03, 0.96, 0),
    take_over_s=[2.0, 2.4, 2.1],
    draw=Drawn(4.0, 3.0, 3.9, 2.9),
)


def report(apart: Apart = APART) -> RateReport:
    samples = {name: [Reading(rate=rate)] * 3 for name, rate in RATES.items()}
    found = ratios(samples, random.Random(1))
    return RateReport("sadd bench queue", samples, found, goals(samples, found, apart), apart.facts(), [])


def test_each_goal_has_its_value() -> None:
    """In JSON too; the exit code is 1 when one is missed."""
    told: dict[str, Any] = json.loads(report().as_json())
    by_name = {goal["name"]: (goal["goal"], goal["measured"], goal["met"]) for goal in told["goals"]}
    assert by_name == {
        "room status polls against the lane's bare answer": (0.85, 0.9, True),
        "joins against the lane's single decision": (0.5, 0.6, True),
        "a pass verified for the first time against bare Ed25519": (0.8, 0.769, False),
        "a pass seen before": (200_000, 300_000, True),
        "stored for 1,000,000 waiting": (512, 8, True),
        "written for 1,000,000 waiting": (0, 0, True),
        "outflow of any minute: the least": (0.98, 0.99, True),
        "outflow of any minute: the most": (1.02, 1.03, False),
        "busy with 30% no-shows": (0.95, 0.96, True),
        "active above the cap": (0, 0, True),
        "another leader after kill -9, the slowest": (3, 2.4, True),
        "a draw of 1,000,000 verified in full": (10, 4.0, True),
        "one place with its inclusion proof": (5, 3.0, True),
    }
    assert report().exit_code() == 1
    assert told["facts"]["take-over, median seconds"] == 2.1


async def test_passes_are_really_verified() -> None:
    """Bare, first and seen are three different rates of the same passes."""
    bare, first, seen = [await subject.turn() for subject in passes(random.Random(1))]
    assert bare.rate > first.rate * 0.5
    assert seen.rate > first.rate * 5


def test_a_crowd_that_waits_is_not_stored(tmp_path: Path) -> None:
    """The real engine on real stores, with a small crowd: nothing grows but where identities are held."""
    found = kept(tmp_path, 3_000)
    assert (found.valkey <= 512, found.rows) == (True, 0)
    assert found.identity_postgres > 50
    assert found.joins_per_second > 100


def test_a_visitor_has_an_address_of_its_own() -> None:
    """As long as its slot, never a proxy's or anybody's on this machine."""
    chance = random.Random(1)
    drawn = {address(chance) for _ in range(1_000)}
    assert len(drawn) > 990
    assert {len(one) for one in drawn} == {len(ADDRESS)}
    assert not any(one.startswith((b"127.", b"10.")) for one in drawn)
    assert ADDRESS not in fill(b"X-Forwarded-For: " + ADDRESS, chance)


@pytest.mark.parametrize("name", ["waiting", "drawn"])
def test_a_quick_run_is_small(name: str) -> None:
    """It shows that everything runs, and nothing else."""
    assert getattr(QUICK, name) <= 20_000
