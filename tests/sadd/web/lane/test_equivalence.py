"""Whatever is sent, the fast lane and aiohttp's path give the same answers."""

import asyncio

import pytest

from tests.sadd.web.lane.corpus import CASES, OPEN_ENDED, SPLIT
from tests.sadd.web.lane.scene import END, Answered, Engine, both, exchange, server
from tests.sadd.web.served import Served


async def test_both_ways_answer_alike() -> None:
    """Status, fields and body of every answer, and whether the connection stays open."""
    differences = {}
    async with both() as (lane, plain):
        for name, case in CASES.items():
            pieces = [case + END] if isinstance(case, bytes) else [case[0], case[1] + END]
            expected = await exchange(plain, pieces)
            for sent in (pieces, [b"".join(pieces)]):
                if (found := await exchange(lane, sent)) != expected:
                    differences[name] = (found, expected)
    assert differences == {}


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
    case = CASES[name]
    assert isinstance(case, bytes), "one that is cut anywhere"
    async with server(Engine()) as lane:
        sent = case + END
        whole = await exchange(lane, [sent])
        for cut in range(1, len(case)):
            assert await exchange(lane, [sent[:cut], sent[cut:]]) == whole, f"cut at {cut}"
