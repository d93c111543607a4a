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
from queueing.recorder import Recorder
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
        async with connected(server.url, deadline_ms=200) as client:
            recorder = Recorder(History(client))
            server.stop()
            recorder.note(room, SEEN, STEP, None, 7)
            await recorder.write()
            assert (recorder.stats().samples, recorder.stats().lost) == (0, 1)
