"""What a leader's steps leave in the history."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from queueing.coverage import Covered
from queueing.health import Health
from queueing.history import SAMPLE_MS, History
from queueing.outflow import Observed, Step
from queueing.pace import Pace
from queueing.policy import Room
from queueing.recorder import SHOWN_MAX, SHOWN_S, Recorder
from tests.stores import connected, stoppable_valkey

T = 1_700_000_000_000
SEEN = Observed(
    T, issued=900, serving=400, expired=380, active=90, to_claim=10, claimed=350, missed=30, left=0
)
STEP = Step(call=2, pace=Pace(500, 600), show_rate=0.9, factor=0.7, coverage=Covered(0.81, 40))
QUIET = Observed(
    T, issued=400, serving=400, expired=400, active=0, to_claim=0, claimed=350, missed=50, left=0
)


@pytest.fixture
async def history(valkey_url: str) -> AsyncIterator[History]:
    async with connected(valkey_url) as client:
        yield History(client)


async def test_a_step_is_told_as_it_was(history: History, room: Room) -> None:
    """What was seen, what was called, and what is known by then."""
    recorder = Recorder(history)
    recorder.note(room, SEEN, STEP, Health(ok=98, failed=2, latency_ms=35.0), epoch=7)
    await recorder.write()
    [sample] = await history.read(room.id)
    assert (sample.at_ms, sample.epoch, sample.waiting, sample.serving) == (T, 7, 498, 402)
    assert (sample.active, sample.target_per_minute, sample.missed) == (90, room.outflow_per_minute, 30)
    assert (sample.show_rate, sample.factor, sample.covered_share, sample.cases) == (0.9, 0.7, 0.81, 40)
    assert (sample.failed_share, sample.latency_ms) == (0.02, 35.0)
    assert await history.live(5) == [room.id]


async def test_five_steps_a_second_are_one_sample_in_five(history: History, room: Room) -> None:
    """The first of each five seconds, however many are noted before they are written."""
    recorder = Recorder(history)
    for tick in range(100):
        recorder.note(room, replace(SEEN, now_ms=T + tick * 200), STEP, None, 7)
        await recorder.write()
    assert [sample.at_ms - T for sample in await history.read(room.id)] == [0, 5_000, 10_000, 15_000]
    assert recorder.stats().samples == 4


async def test_a_quiet_room_is_not_written(history: History, room: Room) -> None:
    """Until somebody comes, and once after the last has left: rooms that nobody uses cost nothing."""
    recorder = Recorder(history)
    still = replace(STEP, call=0)
    for slot, seen in enumerate((QUIET, QUIET, replace(QUIET, active=1), QUIET, QUIET)):
        recorder.note(room, replace(seen, now_ms=T + slot * SAMPLE_MS), still, None, 7)
        await recorder.write()
    assert [sample.at_ms - T for sample in await history.read(room.id)] == [2 * SAMPLE_MS, 3 * SAMPLE_MS]


async def test_a_store_that_is_away_costs_samples_only(tmp_path: Path, room: Room) -> None:
    """They are counted; the recorder goes on."""
    with stoppable_valkey(tmp_path) as server:
        async with connected(server.url, deadline_ms=2_000) as client:
            recorder = Recorder(History(client))
            server.stop()
            recorder.note(room, SEEN, STEP, None, 7)
            await recorder.write()
            assert (recorder.stats().samples, recorder.stats().lost) == (0, 1)


async def test_only_who_leads_shows_rooms(history: History, room: Room) -> None:
    """Those in use, with what is known of them; no more once no step came for a while."""
    now = [100.0]
    recorder = Recorder(history, clock=lambda: now[0])
    recorder.note(room, SEEN, STEP, None, 7)
    recorder.note(replace(room, id="quiet"), QUIET, replace(STEP, call=0), None, 7)
    shown = recorder.rooms()
    assert (shown.waiting, shown.active_cap) == ({"results": 498}, {"results": room.active_cap})
    assert (shown.covered_share, shown.failed_share) == ({"results": 0.81}, {})
    now[0] += SHOWN_S + 1
    assert recorder.rooms().waiting == {}


async def test_so_many_rooms_are_shown_and_no_more(history: History, room: Room) -> None:
    """Those with most people, so that the number of time series is bounded."""
    recorder = Recorder(history)
    for n in range(SHOWN_MAX + 50):
        recorder.note(replace(room, id=str(n)), replace(SEEN, issued=SEEN.issued + n), STEP, None, 7)
    shown = recorder.rooms().waiting
    assert len(shown) == SHOWN_MAX
    assert "49" not in shown
    assert str(SHOWN_MAX + 49) in shown
