"""The sessions' benchmark: each goal of the issue is in its list, with the value that was measured."""

import json
import random
from pathlib import Path
from typing import Any

from benchmarks.bench_ratelimit_goals import LANE, LANE_BARE
from benchmarks.bench_ratelimit_report import RateReport
from benchmarks.bench_session_goals import PATCH, READ, TOUCH, Apart, Ended, Stored, goals, ratios
from benchmarks.bench_session_store import ended_ms, fill, stored
from benchmarks.drivers.asked import CHOICE, Http
from benchmarks.drivers.turn import Reading
from benchmarks.drivers.wrk import _script
from benchmarks.servers import Server, free_ports

RATES = {TOUCH: 90.0, READ: 95.0, PATCH: 10.0, LANE: 100.0, LANE_BARE: 200.0}
APART = Apart(Stored(590.0, 448.0, 10_000), Ended(1_000_000, 50, [0.1, 0.3], [1.0] * 99 + [40.0]))


def report(apart: Apart) -> RateReport:
    samples = {name: [Reading(rate=rate)] * 3 for name, rate in RATES.items()}
    found = ratios(samples, random.Random(1))
    return RateReport("sadd bench session", samples, found, goals(found, apart), apart.facts(), [])


def test_each_goal_has_its_value() -> None:
    """In JSON too; the exit code is 1 when one is missed."""
    told: dict[str, Any] = json.loads(report(APART).as_json())
    measured = [goal["measured"] for goal in told["goals"]]

    assert measured == [0.9, 590.0, 0.3, 40.0]
    assert all(goal["met"] for goal in told["goals"])
    assert report(APART).exit_code() == 0
    assert report(Apart(Stored(700.0, 448.0, 10), APART.ended)).exit_code() == 1


def test_what_a_session_takes_is_weighed(tmp_path: Path) -> None:
    """More than its payload, and no whole page."""
    weighed = stored(tmp_path / "store", 300)
    assert 200 < weighed.key < weighed.growth < 2_000


def test_a_store_is_filled_and_a_subject_ended(tmp_path: Path) -> None:
    """As many copies as were asked for; ending a subject among them takes the store some time, not none."""
    with Server(tmp_path / "store", free_ports(1)[0]) as server:
        ended_ms(server, 1, 2)
        with server.client() as client:
            client.set("one", "x" * 500)
            before = client.dbsize()
            fill(server, 3_000)
            assert client.dbsize() == before + 3_000
        assert all(ms > 0 for ms in ended_ms(server, 2, 3))


def test_requests_are_drawn_from_choices() -> None:
    """Each of them is in the driver's script; a driver that draws none asks for the first."""
    asked = Http(b"GET / HTTP/1.1\r\nSadd-Session: " + CHOICE + b"\r\n\r\n", choices=(b"one", b"two"))

    assert "{'one', 'two'}" in _script(asked, 7)
    assert b"Sadd-Session: one\r\n" in asked.plain
