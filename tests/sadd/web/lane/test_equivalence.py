"""Whatever is sent, the fast lane and aiohttp's path give the same answers."""

import asyncio
import random
from collections.abc import Callable

import pytest
import uvloop

from tests.sadd.web.lane.corpus import CASES, MIXED, OPEN_ENDED, SPLIT
from tests.sadd.web.lane.scene import END, PATIENT, Answered, Engine, both, exchange, server
from tests.sadd.web.served import Served

AT_ONCE = 8


@pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_both_ways_answer_alike(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Status, fields and body of every answer, and whether the connection stays open."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(_differences()) == {}


async def _differences() -> dict[str, object]:
    differences: dict[str, object] = {}
    cases = iter(CASES.items())

    async def compare(lane: Served, plain: Served) -> None:
        for name, case in cases:
            pieces = [case + END] if isinstance(case, bytes) else [case[0], case[1] + END]
            expected = await exchange(plain, pieces)
            for sent in (pieces, [b"".join(pieces)]):
                if (found := await exchange(lane, sent)) != expected:
                    differences[name] = (found, expected)

    async with both() as (lane, plain):
        # Side by side: some wait a second for a time-out of theirs.
        await asyncio.gather(*(compare(lane, plain) for _ in range(AT_ONCE)))
    return differences


async def test_a_mix_is_answered_part_by_part() -> None:
    """Requests of all kinds on one connection, cut anywhere: each answer is that of its request alone."""
    chance = random.Random(4)
    async with both() as (lane, plain):
        alone = {name: await exchange(plain, [_case(name) + END]) for name in MIXED}
        for _ in range(60):
            names = chance.choices(MIXED, k=chance.randint(2, 12))
            sent = b"".join(map(_case, names)) + END
            cuts = sorted(chance.sample(range(1, len(sent)), chance.randint(0, 4)))
            pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
            expected = [one for name in names for one in alone[name][:-1]] + alone[names[0]][-1:]
            assert await exchange(lane, pieces) == expected, (names, cuts)


def _case(name: str) -> bytes:
    case = CASES[name]
    assert isinstance(case, bytes), "one that can be sent at once"
    return case


async def test_both_ways_wait_alike() -> None:
    """What never comes to its end gets the same answer, or the same silence, and a close."""
    async with both() as (lane, plain):
        with_lane, without = await asyncio.gather(_all(lane), _all(plain))
    assert with_lane == without


async def _all(site: Served) -> dict[str, list[Answered]]:
    found = await asyncio.gather(*(exchange(site, [sent]) for sent in OPEN_ENDED.values()))
    return dict(zip(OPEN_ENDED, found, strict=True))


@pytest.mark.parametrize("name", SPLIT)
async def test_any_cut_is_answered_alike(name: str) -> None:
    """In two pieces, cut at each byte: the answers are those of the whole."""
    case = _case(name)
    async with server(Engine(), PATIENT) as lane:
        sent = case + END
        whole = await exchange(lane, [sent])
        for first in range(1, len(case), 8):
            cuts = range(first, min(first + 8, len(case)))
            found = await asyncio.gather(*(exchange(lane, [sent[:cut], sent[cut:]]) for cut in cuts))
            assert [cut for cut, one in zip(cuts, found, strict=True) if one != whole] == []
