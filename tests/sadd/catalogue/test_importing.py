"""An import brings the database to what the files say: all of it or nothing."""

import asyncio
import json
from pathlib import Path

import asyncpg
import msgspec
import pytest

from sadd.catalogue import kinds, store
from sadd.catalogue.importing import import_catalogue, import_first
from sadd.catalogue.model import Capacity, Catalogue, Name
from sadd.catalogue.reading import read_folder
from sadd.catalogue.writing import write_folder
from sadd.postgres.pool import Pool
from tests.sadd.catalogue.scene import TODAY, agency, service, small
from tests.waiting import eventually

LATER = "2027-06-01"


async def stored(pool: Pool) -> Catalogue:
    async with store.snapshot(pool) as connection:
        return kinds.assemble(0, await store.read_entries(connection))


async def audit(pool: Pool) -> list[tuple[str, str, str]]:
    rows = await pool.fetch("SELECT actor, action, subject FROM audit ORDER BY id")
    return [tuple(row) for row in rows]


async def test_the_first_import_adds_everything(pool: Pool) -> None:
    """An empty database has afterwards what the files say, and the version is 1."""
    imported = await import_catalogue(pool, small(), "tester")
    assert (imported.version, imported.count("add")) == (1, 11)
    assert imported.ids["add"]["agencies"] == ("moehe", "moph")
    assert await stored(pool) == small()


async def test_the_same_again_changes_nothing(pool: Pool) -> None:
    """A second import writes no row, no audit and no version, and wakes no worker."""
    await import_catalogue(pool, small(), "tester")
    before = await audit(pool)
    imported = await import_catalogue(pool, small(), "tester")
    assert imported.version == 1
    assert not any(imported.count(verb) for verb in imported.ids)
    assert await audit(pool) == before


async def test_what_changed_is_told_and_audited(pool: Pool) -> None:
    """The audit has who, what, and the entry before and after, as JSON."""
    await import_catalogue(pool, small(service("moehe-a"), service("moehe-b")), "tester")
    renamed = service("moehe-a", name=Name("اسم جديد", "New name"))
    imported = await import_catalogue(pool, small(renamed, service("moehe-b")), "second tester")
    assert imported.ids["change"]["services"] == ("moehe-a",)
    row = await pool.fetchrow("SELECT * FROM audit ORDER BY id DESC LIMIT 1")
    assert row is not None
    assert (row["actor"], row["action"], row["subject"]) == (
        "second tester",
        "catalogue.change",
        "services/moehe-a",
    )
    assert json.loads(row["before"])["name"]["en"] == "Results moehe-a"
    assert json.loads(row["after"])["name"] == {"ar": "اسم جديد", "en": "New name"}


async def test_what_vanished_is_retired_and_never_deleted(pool: Pool) -> None:
    """A service that the files no longer have stays in the database, retired, with its audit row."""
    await import_catalogue(pool, small(service("moehe-a"), service("moehe-b"), service("moehe-c")), "tester")
    imported = await import_catalogue(pool, small(service("moehe-a"), service("moehe-b")), "tester")
    assert imported.ids["retire"]["services"] == ("moehe-c",)
    assert (await stored(pool)).services["moehe-c"].status == "retired"
    assert (await audit(pool))[-1] == ("tester", "catalogue.retire", "services/moehe-c")


async def test_a_retired_entry_is_not_retired_again(pool: Pool) -> None:
    """Every later import of the same files changes nothing."""
    await import_catalogue(pool, small(service("moehe-a"), service("moehe-b"), service("moehe-c")), "tester")
    fewer = small(service("moehe-a"), service("moehe-b"))
    await import_catalogue(pool, fewer, "tester")
    assert (await import_catalogue(pool, fewer, "tester")).version == 2


async def test_an_agency_and_a_class_can_vanish(pool: Pool) -> None:
    """They are retired as services are."""
    whole = small()
    more = msgspec.structs.replace(
        whole, agencies={**whole.agencies, "mom": agency("mom", "وزارة البلدية", "Ministry of Municipality")}
    )
    await import_catalogue(pool, more, "tester")
    assert (await import_catalogue(pool, whole, "tester")).ids["retire"]["agencies"] == ("mom",)
    assert (await stored(pool)).agencies["mom"].status == "retired"


async def test_what_returns_to_the_files_lives_again(pool: Pool) -> None:
    """A retirement is undone by putting the entry back."""
    whole = small(service("moehe-a"), service("moehe-b"), service("moehe-c"))
    await import_catalogue(pool, whole, "tester")
    await import_catalogue(pool, small(service("moehe-a"), service("moehe-b")), "tester")
    assert (await import_catalogue(pool, whole, "tester")).ids["change"]["services"] == ("moehe-c",)
    assert await stored(pool) == whole


async def test_what_is_retired_breaks_no_rule(pool: Pool, tmp_path: Path) -> None:
    """A service under a new id, one retired before it began, one whose room's class moved on: what the
    database has afterwards can be exported, checked and imported without a change."""
    tiny = service("moehe-b", capacity=Capacity(1, 2))
    before = small(service("moehe-a"), tiny, service("moehe-c", status="planned", since=LATER))
    await import_catalogue(pool, before, "tester")
    renamed = service("moehe-z", name=before.services["moehe-a"].name)
    after = small(renamed, service("moehe-y"))
    slow = msgspec.structs.replace(after.classes.queues["surge"], active_share=0.1)
    classes = msgspec.structs.replace(after.classes, queues={"surge": slow})
    await import_catalogue(pool, msgspec.structs.replace(after, classes=classes), "tester")

    held = await stored(pool)
    write_folder(held, tmp_path)
    reading = read_folder(tmp_path, TODAY)
    assert reading.faults == ()
    assert reading.catalogue == held


async def test_imports_at_once_come_one_after_the_other(pool: Pool) -> None:
    """Of eight imports of the same files one adds everything, the others find nothing to do."""
    imports = await asyncio.gather(*(import_catalogue(pool, small(), f"tester {n}") for n in range(8)))
    assert sorted(imported.count("add") for imported in imports) == [0] * 7 + [11]
    assert {imported.version for imported in imports} == {1}


async def test_different_imports_at_once_leave_one_of_them(pool: Pool) -> None:
    """Whatever the order, the database says what one of them said, not a mixture."""
    these = [small(service(f"moehe-{n}"), service(f"moehe-{n}-b")) for n in range(4)]
    await asyncio.gather(*(import_catalogue(pool, catalogue, "tester") for catalogue in these))
    services = (await stored(pool)).services.values()
    live = {s.id for s in services if s.status == "live"}
    assert live in [set(catalogue.services) for catalogue in these]
    assert len(services) == 8


async def test_an_import_that_fails_leaves_nothing(pool: Pool) -> None:
    """When a statement late in the transaction fails, no entry, audit row or version is there."""
    await pool.execute("ALTER TABLE audit ADD CONSTRAINT broken CHECK (subject <> 'apps/school-app')")
    with pytest.raises(asyncpg.CheckViolationError):
        await import_catalogue(pool, small(), "tester")
    assert await stored(pool) == kinds.assemble(0, {})
    assert await audit(pool) == []
    assert await pool.fetchval("SELECT version FROM catalogue_version") == 0


async def test_a_first_start_imports_and_a_later_one_does_not(pool: Pool) -> None:
    """What administrators wrote since the first start is not taken back by the next one."""
    assert await import_first(pool, small(), "up") is not None
    assert await import_first(pool, small(service("moehe-a"), service("moehe-b")), "up") is None
    assert await stored(pool) == small()


async def test_first_starts_at_once_import_once(pool: Pool) -> None:
    """Of ten starts one imports."""
    imports = await asyncio.gather(*(import_first(pool, small(), "up") for _ in range(10)))
    assert sum(imported is not None for imported in imports) == 1


async def test_a_connection_cut_in_the_middle_leaves_nothing(pool: Pool) -> None:
    """StoreUnavailable, whatever the driver called it; and nothing was imported."""
    async with store.changing(pool, "holder"):
        waiting = asyncio.create_task(import_catalogue(pool, small(), "tester"))
        cut = """SELECT bool_or(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'"""
        await eventually(lambda: pool.fetchval(cut))
        with pytest.raises(store.StoreUnavailable):
            await waiting
    assert await stored(pool) == kinds.assemble(0, {})
