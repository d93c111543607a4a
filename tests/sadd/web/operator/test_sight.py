"""What the page says of a room follows from its status and its history; it says where it does not know."""

from dataclasses import replace

import pytest

from queueing.history import SAMPLE_MS
from queueing.pace import Pace
from queueing.standing import RoomStatus
from sadd.rooms.resolving import default_of
from sadd.rooms.spec import RoomSpec
from sadd.web.operator.sight import LATE_MS, hour, sight
from tests.sadd.catalogue.scene import service, small
from tests.sadd.web.operator.scene import CAPACITY, RESULTS, samples

NOW = 1_800_000_000_000
STATUS = RoomStatus(RESULTS, "queueing", serving=1_000, issued=3_000, active=300, outflow_per_minute=360)


@pytest.fixture(scope="module")
def spec() -> RoomSpec:
    catalogue = small(service(RESULTS, capacity=CAPACITY))
    found = default_of(catalogue, catalogue.services[RESULTS])
    assert found is not None
    return found


def test_what_is_let_in_is_counted_over_a_minute(spec: RoomSpec) -> None:
    """25 in five seconds are 300 a minute; where the samples have a gap nobody knows."""
    assert sight(spec, STATUS, samples(NOW, 13), NOW).measured_per_minute == 300
    assert sight(spec, STATUS, samples(NOW, 1), NOW).measured_per_minute is None
    late = [replace(one, at_ms=one.at_ms - 200_000) for one in samples(NOW, 12)]
    assert sight(spec, STATUS, [*late, samples(NOW, 1)[0]], NOW).measured_per_minute is None


def test_the_wait_of_the_last_in_line_is_an_interval(spec: RoomSpec) -> None:
    """By the pace that the public is told; else by what the leader wrote; in minutes."""
    told = sight(spec, replace(STATUS, pace=Pace(200, 400)), samples(NOW), NOW)
    assert told.wait is not None
    assert (told.wait.low, told.wait.high) == (5, 10)
    written = sight(spec, STATUS, samples(NOW), NOW)
    assert written.wait is not None
    assert (round(written.wait.low, 2), round(written.wait.high, 2)) == (6.25, 7.14)


@pytest.mark.parametrize("state", ["paused", "closed", "ended"])
def test_no_wait_is_promised_where_nobody_is_called(spec: RoomSpec, state: str) -> None:
    """The state says why."""
    seen = sight(spec, replace(STATUS, state=state), samples(NOW), NOW)  # type: ignore[arg-type]  # one of them
    assert (seen.wait, seen.state) == (None, state)


def test_without_the_store_nothing_is_known(spec: RoomSpec) -> None:
    """And no zero is shown for it."""
    seen = sight(spec, None, [], NOW)
    assert (seen.state, seen.waiting, seen.active, seen.wait) == ("unknown", None, None, None)
    assert (seen.no_show_share, seen.covered_share, seen.factor, seen.epoch) == (None, None, None, None)


def test_what_nobody_told_is_not_known(spec: RoomSpec) -> None:
    """An origin that says nothing of itself, and estimates that none could be judged of yet."""
    last = replace(samples(NOW)[-1], failed_share=-1.0, latency_ms=-1.0, covered_share=-1.0)
    seen = sight(spec, STATUS, [last], NOW)
    assert (seen.failed_share, seen.latency_ms, seen.covered_share) == (None, None, None)


def test_a_leader_that_writes_nothing_while_people_wait_is_late(spec: RoomSpec) -> None:
    """After fifteen seconds; in a room where nobody waits nothing is to be written."""
    old = [replace(one, at_ms=one.at_ms - LATE_MS - 1) for one in samples(NOW)]
    assert sight(spec, STATUS, old, NOW).leader_is_late
    assert not sight(spec, STATUS, samples(NOW), NOW).leader_is_late
    assert not sight(spec, replace(STATUS, issued=1_000), old, NOW).leader_is_late


def test_the_hour_is_told_three_times_alike(spec: RoomSpec) -> None:
    """Each series is in the data, in the picture, and minute by minute in the table; nothing older is."""
    told = hour(spec, samples(NOW, 720), NOW)
    assert len(told.times_ms) == 720
    assert [chart.name for chart in told.charts] == ["waiting", "outflow", "active", "shares"]
    for chart in told.charts:
        assert len(chart.labels) == len(chart.values) == len(chart.drawn.paths)
        assert {len(line) for line in chart.values} == {720}
    assert [ago for ago, _ in told.rows] == list(range(60))
    assert {len(values) for _, values in told.rows} == {7}
    old = [replace(one, at_ms=one.at_ms - 3_600_001) for one in samples(NOW, 3)]
    assert hour(spec, [*old, *samples(NOW, 2)], NOW).times_ms == (NOW - SAMPLE_MS, NOW)
