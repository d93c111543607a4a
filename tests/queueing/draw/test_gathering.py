"""Whatever becomes of a commit of entries, each visitor is answered."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from queueing.draw.gathering import Gathering
from queueing.draw.store import Refused, Store
from queueing.store import StoreUnavailable


class Refusing:
    """The start comes while the first entries are committed; then it is known that it is too late."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    async def gather(self, room: str, draw: int, entries: Sequence[bytes]) -> dict[bytes, int]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.asked == 1:
            raise self.error
        return {entry: index for index, entry in enumerate(entries)}


@pytest.mark.parametrize("error", [Refused("the draw takes no more entries"), StoreUnavailable("away")])
async def test_a_commit_that_fails_keeps_nobody_waiting(error: Exception) -> None:
    """Neither whose entry was in it nor who came meanwhile; and later ones find no trace of it."""
    gathering = Gathering(cast("Store", Refusing(error)))
    first = asyncio.create_task(gathering.enter("results", 1, b"first"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        second = await gathering.enter("results", 1, b"second")
        with pytest.raises(StoreUnavailable):
            await first
        assert await gathering.enter("results", 1, b"third") == second == 0


async def test_a_fault_keeps_nobody_waiting_either() -> None:
    """Those behind it are told to ask again, and are not counted as waiting for ever."""
    gathering = Gathering(cast("Store", Refusing(ZeroDivisionError("a fault of ours"))))
    first = asyncio.create_task(gathering.enter("results", 1, b"first"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        for late in (gathering.enter("results", 1, b"second"), first):
            with pytest.raises(StoreUnavailable):
                await late
    assert gathering._count == 0
