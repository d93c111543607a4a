"""The cache's benchmark: each goal of the issue is in its list, with the value that was measured."""

import json
import random
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench_cache_goals import (
    BARE_GET,
    COLLAPSED,
    CROWDED,
    FAR,
    KNOWN,
    LANE_HIT,
    LIBRARIES,
    PROXIES,
    SHIELD,
    WORDS,
    Apart,
    Rush,
    goals,
    hits_of,
    of,
    own,
    ratios,
)
from benchmarks.bench_cache_memory import Found, find
from benchmarks.bench_ratelimit_goals import LANE_BARE
from benchmarks.bench_ratelimit_report import RateReport
from benchmarks.drivers import crowd
from benchmarks.drivers.turn import Reading
from benchmarks.peers.process import Running
from benchmarks.peers.proxies import HAPROXY, NGINX, VARNISH
from benchmarks.servers import free_ports

RATES = {KNOWN: 3_500_000.0, LANE_HIT: 50_000.0, LANE_BARE: 60_000.0}
RATES |= {own(word): 100.0 for word in WORDS}
RATES |= {of(word, library): 50.0 for word in WORDS for library in LIBRARIES}
RATES |= {hits_of(SHIELD): 60.0, **{hits_of(proxy): 100.0 for proxy in PROXIES}}
LATE = {FAR: 1.4, BARE_GET: 1.0}
FOUND = Found(0.668, 0.582, 0.603, 0.588, 0.9999)
RUSHES = {
    (COLLAPSED, SHIELD): [Rush(1_000, 1, 0.55)],
    (COLLAPSED, NGINX): [Rush(1_000, 1, 1.0)],
    (COLLAPSED, VARNISH): [Rush(1_000, 1, 0.6)],
    (COLLAPSED, HAPROXY): [Rush(1_000, 1_000, 0.5)],
    (CROWDED, SHIELD): [Rush(50, 50, 0.42)],
    (CROWDED, NGINX): [Rush(50, 50, 5.2)],
    (CROWDED, HAPROXY): [Rush(50, 50, 0.21)],
}


def report(**changes: Any) -> RateReport:
    words: dict[str, Any] = {
        "found": FOUND,
        "fleet": Rush(10_000, 1, 2.0),
        "fleet_slow": Rush(10_000, 1, 7.0),
        "rushes": RUSHES,
        "crowd_origin_seconds": 0.2,
        "feed_ms": [1.0] * 98 + [20.0] * 2,
        "loads": {"sadd": 1.0, "aiocache": 3.0},
        **changes,
    }
    apart = Apart(**words)
    samples = {name: [Reading(rate=rate)] * 3 for name, rate in RATES.items()}
    samples |= {name: [Reading(rate=1.0, p99_ms=late)] * 3 for name, late in LATE.items()}
    found = ratios(samples, random.Random(1))
    return RateReport(
        "sadd bench cache", samples, found, goals(samples, found, apart), apart.facts(), ["a note"]
    )


def told(found: RateReport) -> dict[str, Any]:
    return {goal["name"]: goal for goal in json.loads(found.as_json())["goals"]}


def test_each_goal_has_its_value() -> None:
    """In JSON too, and only the crowd that HAProxy never collapses is lost to it."""
    goals_told = told(report())
    missed = [name for name, goal in goals_told.items() if not goal["met"]]

    assert len(goals_told) == 19
    assert missed == ["uncacheable crowd: time over the best proxy"]
    assert goals_told["uncacheable crowd of 50"]["measured"] == 2.1
    assert goals_told["1 KiB hits of the shield against nginx"]["measured"] == 0.6
    assert goals_told["p99 of a hit in the store against a bare GET"]["measured"] == 1.4
    assert report().exit_code() == 1


def test_who_does_not_collapse_is_no_rival() -> None:
    """HAProxy was quicker with a thousand calls; the origin paid for that."""
    goal = told(report())["collapsed misses: time over the best proxy that makes one call"]
    assert goal["measured"] == pytest.approx(0.55 / 0.6, abs=0.001)


def test_a_second_call_is_a_missed_goal() -> None:
    """One in ten thousand is one too many."""
    goals_told = told(report(fleet=Rush(10_000, 2, 2.0)))
    assert goals_told["origin calls of 10,000 misses at once, four workers"]["met"] is False


def test_a_crowd_that_got_no_answers_is_a_missed_goal() -> None:
    """One call of the origin is no merit then."""
    goals_told = told(report(fleet_slow=Rush(10_000, 1, 7.0, failed=3)))
    assert goals_told["answers of the shield's crowds that failed"]["measured"] == 3
    assert goals_told["answers of the shield's crowds that failed"]["met"] is False


def test_what_is_absent_is_not_measured() -> None:
    """Neither met nor missed."""
    goals_told = told(report(rushes={}, feed_ms=[], loads={}))
    unknown = {name for name, goal in goals_told.items() if goal["measured"] is None}

    assert "collapsed misses: origin calls" in unknown
    assert "an invalidation heard at every worker, under load, p99" in unknown
    assert all(goals_told[name]["met"] is None for name in unknown)


def test_the_trace_tells_the_memory_from_least_recent_use() -> None:
    """Ratios are exact: the same each time, and never more bytes than the bound."""
    found = find(60_000, 6_000, seed=7)

    assert found == find(60_000, 6_000, seed=7)
    assert found.steady > found.steady_lru + 0.05
    assert found.used_most <= 1.0


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[int]:
    port = free_ports(1)[0]
    with ExitStack() as stack:
        words = (sys.executable, "-m", "benchmarks.peers.slow_origin", str(port))
        stack.enter_context(Running(words, port, tmp_path / "log"))
        yield port


def test_a_crowd_asks_at_the_same_moment(origin: int) -> None:
    """All of it is within the origin at once, and each of it is answered."""
    seen = crowd.run(origin, b"GET /private/1500/a HTTP/1.1\r\nHost: a\r\n\r\n", 30)
    with urllib.request.urlopen(f"http://127.0.0.1:{origin}/most", timeout=10) as answer:
        most = int(answer.read())

    assert (seen.failed, most) == (0, 30)
    assert seen.seconds >= 1.5
