"""A worker's view follows the database: whole states, one after the other, and none missed."""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from sadd.catalogue import store
from sadd.catalogue.importing import import_catalogue
from sadd.catalogue.model import Catalogue
from sadd.catalogue.view import CatalogueView
from sadd.postgres.pool import Pool, open_pool
from tests.sadd.catalogue.scene import service, small
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]


def numbered(number: int) -> Catalogue:
    """A catalogue in which both services say the same number: two numbers would be half a change."""
    return small(
        service("moehe-a", yearly_volume=number),
        service("moehe-b", yearly_volume=number, category=f"turn-{number}"),
    )


async def test_a_view_begins_empty(pool: Pool) -> None:
    """Before the first refresh it has nothing, and the index has neither."""
    view = CatalogueView(pool)
    assert (view.current.version, dict(view.current.services), view.state.index.search("x")) == (0, {}, [])


async def test_a_refresh_brings_the_whole_state(pool: Pool) -> None:
    """Every kind of entry is there, in the order of ids, and can be searched."""
    await import_catalogue(pool, small(), "tester")
    view = CatalogueView(pool)
    assert await view.refresh()
    assert msgspec.structs.replace(view.current, version=0) == small()
    assert view.state.order["agencies"] == ("moehe", "moph")
    assert view.state.index.search("تطعيمات")[0].id == "moph-vaccines"


async def test_the_same_version_is_not_read_again(pool: Pool) -> None:
    """A refresh without a change leaves the very same state in place."""
    await import_catalogue(pool, small(), "tester")
    view = CatalogueView(pool)
    await view.refresh()
    state = view.state
    assert not await view.refresh()
    assert view.state is state


async def test_no_reader_sees_half_a_change(pool: Pool) -> None:
    """While one import follows another, whoever looks at any moment sees two services that agree."""
    view = CatalogueView(pool)
    done = asyncio.Event()
    seen = set()

    async def change() -> None:
        for number in range(1, 25):
            await import_catalogue(pool, numbered(number), "tester")
        done.set()

    async def refresh() -> None:
        while not done.is_set():
            await view.refresh()

    async def look() -> None:
        while not done.is_set():
            state = view.state
            found = {s.yearly_volume for s in state.catalogue.services.values()}
            assert len(found) <= 1
            for number in found:
                # The index belongs to the same state: it knows the word that only this one has.
                assert {hit.id for hit in state.index.search(f"turn {number}")} >= {"moehe-b"}
            seen.update(found)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for task in (change(), refresh(), look()):
            group.create_task(task)
    assert len(seen) > 3


async def test_versions_never_go_back(pool: Pool) -> None:
    """Refreshes that run at once end with the newest state, whichever of them is the slowest."""
    view = CatalogueView(pool)
    versions = []
    for number in range(1, 8):
        await import_catalogue(pool, numbered(number), "tester")
        await asyncio.gather(*(view.refresh() for _ in range(4)))
        versions.append(view.current.version)
    assert versions == list(range(1, 8))


async def test_building_lets_others_run(pool: Pool) -> None:
    """With a clock by which each service takes a slice, the event loop runs between any two of them."""
    await import_catalogue(pool, small(), "tester")
    clock = itertools.count()
    view = CatalogueView(pool, clock=lambda: float(next(clock)))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while not view.current.version:
            turns += 1
            await asyncio.sleep(0)

    await asyncio.gather(count(), view.refresh())
    assert turns >= len(small().services)


async def test_a_database_that_is_away_leaves_the_state(migrated_database_url: str) -> None:
    """StoreUnavailable is raised, and requests are answered from the last state."""
    async with await open_pool(migrated_database_url, pool_max=1, deadline_seconds=5.0) as pool:
        await import_catalogue(pool, small(), "tester")
        view = CatalogueView(pool)
        await view.refresh()
    with pytest.raises(store.StoreUnavailable):
        await view.refresh()
    assert len(view.current.services) == 4


async def test_what_this_release_cannot_read_leaves_the_state(pool: Pool) -> None:
    """A newer release's field fails the refresh; the last state stays."""
    await import_catalogue(pool, small(), "tester")
    view = CatalogueView(pool)
    await view.refresh()
    await pool.execute("UPDATE catalogue_entry SET body = body || '{\"novel\": 1}' WHERE kind = 'services'")
    await pool.execute("UPDATE catalogue_version SET version = 2")
    with pytest.raises(msgspec.ValidationError):
        await view.refresh()
    assert view.current.version == 1


@asynccontextmanager
async def follower(url: str) -> AsyncIterator[asyncio.StreamReader]:
    """A second process that prints ``version services`` for each state that it sees."""
    words = (sys.executable, "-m", "tests.sadd.catalogue.follower", url)
    process = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.communicate()


async def line(of: asyncio.StreamReader) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return (await of.readline()).decode().strip()


async def test_another_process_sees_a_change(pool: Pool, migrated_database_url: str) -> None:
    """A worker elsewhere is told of each import."""
    await import_catalogue(pool, numbered(1), "tester")
    async with follower(migrated_database_url) as printed:
        assert await line(printed) == "1 2"
        for number in range(2, 6):
            await import_catalogue(pool, numbered(number), "tester")
            assert await line(printed) == f"{number} 2"


async def test_a_lost_notification_is_made_good(pool: Pool, migrated_database_url: str) -> None:
    """A change that was never announced is seen once the cut connection is made again."""
    await import_catalogue(pool, numbered(1), "tester")
    async with follower(migrated_database_url) as printed:
        assert await line(printed) == "1 2"
        # Written, and nobody told: as if the notification had been lost.
        await pool.execute("UPDATE catalogue_version SET version = version + 1")
        cut = await pool.fetchval(
            """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND query ILIKE 'LISTEN%'"""
        )
        assert cut == 1
        assert await line(printed) == "2 2"
        await import_catalogue(pool, numbered(2), "tester")
        assert await line(printed) == "3 2"
