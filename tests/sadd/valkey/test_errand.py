"""Questions outlive their askers, and no longer than allowed."""

import asyncio

import pytest

from sadd.valkey.errand import Errands


async def test_a_question_goes_on_when_its_asker_is_cancelled() -> None:
    """finish() waits for it; its fault, which nobody heard, is no noise."""
    errands, gate, ended = Errands(), asyncio.Event(), []

    async def question() -> None:
        await gate.wait()
        ended.append(True)
        raise OSError("unheard")

    asker = asyncio.create_task(errands.run(question()))
    await asyncio.sleep(0)
    asker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asker
    gate.set()
    await errands.finish()
    assert ended == [True]
