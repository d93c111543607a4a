"""The cache's store is away: answers come from the origin, which has no more at once than its cap."""

import asyncio
from pathlib import Path

import pytest

from tests.shield.origin import ok, origin
from tests.shield.scene import shielded
from tests.stores import stoppable_valkey

pytestmark = pytest.mark.asyncio


async def test_pages_come_from_the_origin(tmp_path: Path) -> None:
    """Before, while and after: nobody sees an error; a change is passed on too."""
    with stoppable_valkey(tmp_path) as store:
        async with origin(store.url) as site, shielded(site, cap=4, deadline_ms=2_000) as shield:
            site.says["/"] = ok(b"page", "Cache-Control: max-age=60")
            assert (await shield.ask("/a")).status == 200
            store.stop()
            answers = await asyncio.gather(*(shield.ask(f"/b{number % 20}") for number in range(100)))
            changed = await shield.ask("/a", method="POST")
            store.start()
            after = await shield.ask("/c")

    assert {one.body for one in answers} == {b"page"}
    assert (changed.status, after.body) == (200, b"page")
    assert site.busy_max <= 4
