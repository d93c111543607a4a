"""The history of a room: bounded, one for all, whoever writes it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueing.history import SAMPLE_MS, SAMPLES_MAX, History, Sample, packed, unpacked
from tests.stores import connected

FIRST = Sample(1_700_000_000_000, 3, 900, 400, 12, 350, 20, 40, 600, 120, 550.0, 640.0, 0.8, 1.0)


@pytest.fixture
async def history(valkey_url: str) -> AsyncIterator[History]:
    async with connected(valkey_url) as client:
        yield History(client)


def after(count: int) -> Sample:
    return replace(FIRST, at_ms=FIRST.at_ms + count * SAMPLE_MS, serving=400 + count)


@given(
    st.builds(
        Sample,
        at_ms=st.integers(0, 2**48),
        epoch=st.integers(0, 2**40),
        issued=st.integers(0, 2**63),
        active=st.integers(0, 10_000_000),
        target_per_minute=st.integers(0, 1_000_000),
        cases=st.integers(0, 2**32 - 1),
        covered_share=st.floats(-1, 1),
        show_rate=st.floats(0, 1),
        paused=st.booleans(),
        **dict.fromkeys(("serving", "expired", "claimed", "missed"), st.integers(0, 2**63)),
        **dict.fromkeys(("low_per_minute", "high_per_minute", "factor"), st.floats(0, 1e9)),
    )
)
def test_a_sample_is_read_as_it_was_written(sample: Sample) -> None:
    """Whatever its numbers."""
    assert unpacked(packed(sample)) == sample


def test_another_releases_sample_is_a_gap() -> None:
    """Its form is not ours, by its version or its length."""
    raw = bytearray(packed(FIRST))
    assert unpacked(bytes(raw[:-1])) is None
    raw[8] = 7 << 1
    assert unpacked(bytes(raw)) is None


async def test_the_oldest_come_first_and_no_more_than_an_hour(history: History) -> None:
    """Older samples fall out."""
    for count in range(SAMPLES_MAX + 3):
        assert await history.append("results", after(count))
    kept = await history.read("results")
    assert [kept[0], kept[-1]] == [after(3), after(SAMPLES_MAX + 2)]
    assert len(kept) == SAMPLES_MAX
    assert await history.read("results", 1) == [after(SAMPLES_MAX + 2)]


async def test_two_leaders_write_one_history(history: History) -> None:
    """The second one's sample of the same five seconds, or of earlier ones, is not kept."""
    assert await history.append("results", after(1))
    assert not await history.append("results", replace(after(1), at_ms=after(1).at_ms + 10, epoch=4))
    assert not await history.append("results", after(0))
    assert await history.append("results", replace(after(2), epoch=4))
    assert [sample.epoch for sample in await history.read("results")] == [3, 4]


async def test_rooms_have_their_own(history: History) -> None:
    """And one that never was has none."""
    await history.append("results", FIRST)
    assert await history.read("other") == []


async def test_the_rooms_in_use_are_known(history: History) -> None:
    """The latest first, no more than asked for; a room that was quiet for two hours is forgotten."""
    await history.note_live(["old"], 1_000)
    await history.note_live(["results", "clinic"], 10_000_000)
    await history.note_live(["clinic"], 10_005_000)
    assert await history.live(10) == ["clinic", "results"]
    assert await history.live(1) == ["clinic"]
