"""A worker's view of the rooms: the catalogue's and those that were set."""

import asyncio
from dataclasses import dataclass

import msgspec

from queueing.activation import Always, Scheduled
from queueing.policy import Lane
from sadd.catalogue.model import Catalogue, Name, QueueClass
from sadd.postgres.listen import Listener
from sadd.postgres.pool import Pool
from sadd.rooms import store
from sadd.rooms.view import RoomsView
from sadd.rooms.written import Activation, LaneSettings
from tests.sadd.catalogue.scene import service, small
from tests.sadd.rooms.scene import CLINIC, REGISTER, RESULTS, room, shared
from tests.waiting import eventually


@dataclass
class Held:
    current: Catalogue


async def refreshed(pool: "Pool | None", catalogue: Catalogue | None = None) -> tuple[RoomsView, Held]:
    held = Held(catalogue or small())
    view = RoomsView(pool, held)
    await view.refresh()
    return view, held


async def test_every_service_with_a_queue_class_has_its_room() -> None:
    """Without a word set: its id, its name, and the class's shares of what its origin bears."""
    view, _ = await refreshed(None)
    assert set(view.current) == {RESULTS, REGISTER, CLINIC, "moph-vaccines"}
    spec = view.current[RESULTS]
    assert (spec.room.outflow_per_minute, spec.room.active_cap) == (360, 360)
    assert (spec.room.claim_window_ms, spec.room.pass_ms) == (120_000, 300_000)
    assert (spec.agency, spec.services, spec.activation) == ("moehe", (RESULTS,), Always())
    assert view.of_service(RESULTS) is spec
    assert view.of_service("nothing") is None


async def test_what_an_agency_says_in_its_class_is_in_the_room() -> None:
    """Method, cap of renewals, grace, and the accessibility lane with its label in both languages."""
    queue = QueueClass(
        "surge", 0.15, 0.9, 120, 300, method="lottery", pass_cap_seconds=900, accessible_share=0.1
    )
    catalogue = small()
    classes = msgspec.structs.replace(catalogue.classes, queues={"surge": queue})
    view, _ = await refreshed(None, msgspec.structs.replace(catalogue, classes=classes))
    spec = view.current[RESULTS]
    assert (spec.room.method, spec.room.pass_cap_ms) == ("lottery", 900_000)
    assert spec.room.lanes == (Lane("accessible", 0.1),)
    assert spec.lanes[0].label.ar


async def test_settings_change_only_what_they_say(pool: Pool) -> None:
    """All else stays the catalogue's; taken away, the room is the catalogue's again."""
    await store.publish(
        pool,
        [room(outflow_per_minute=60, message=Name("مغلق", "Closed"), lanes=(LaneSettings("invited", 0.2),))],
        "tester",
    )
    view, _ = await refreshed(pool)
    spec = view.current[RESULTS]
    assert (spec.room.outflow_per_minute, spec.room.active_cap) == (60, 360)
    assert spec.message is not None
    assert spec.room.lanes == (Lane("invited", 0.2),)
    await store.publish(pool, [], "tester")
    assert await view.refresh()
    assert (view.current[RESULTS].room.outflow_per_minute, view.current[RESULTS].written) == (360, None)


async def test_services_share_a_room(pool: Pool) -> None:
    """It is the door of each; its numbers are the least of theirs; it has its own name."""
    await store.publish(pool, [shared(name=Name("صباح النتائج", "Results morning"))], "tester")
    view, _ = await refreshed(pool, small(service(RESULTS), service(REGISTER), service(CLINIC, "moph")))
    spec = view.current["moehe-morning"]
    assert spec.services == (RESULTS, REGISTER)
    assert view.of_service(RESULTS) is view.of_service(REGISTER) is spec
    assert spec.room.outflow_per_minute == 360
    assert RESULTS in view.current, "who waits in the old line keeps the place"


async def test_a_schedule_is_in_milliseconds(pool: Pool) -> None:
    """ISO 8601 with its offset, as the engine takes it."""
    said = Activation("scheduled", opens_at="2027-08-01T10:00:00+03:00", outside="closed")
    await store.publish(pool, [room(activation=said)], "tester")
    view, _ = await refreshed(pool)
    assert view.current[RESULTS].activation == Scheduled(1_817_103_600_000, outside="closed")


async def test_a_room_that_can_no_longer_be_kept_stays_as_it_was(pool: Pool) -> None:
    """A bad row (typed by hand, or of a newer release) is refused and told; the others are taken."""
    await store.publish(pool, [room(outflow_per_minute=60), room(CLINIC, stock=5)], "tester")
    view, _ = await refreshed(pool)
    await store.publish(pool, [room(outflow_per_minute=-1), room(CLINIC, stock=6)], "tester")
    await view.refresh()
    assert view.current[RESULTS].room.outflow_per_minute == 60
    assert view.current[CLINIC].room.stock == 6
    assert view.stats().refused == 1


async def test_a_version_of_a_newer_release_leaves_the_rooms_as_they_are(pool: Pool) -> None:
    """It cannot be read here: refused once, counted, and the rooms stay."""
    view, _ = await refreshed(pool)
    await pool.execute("INSERT INTO room_edition (version, actor) VALUES (1, 'newer')")
    await pool.execute("""INSERT INTO room_setting VALUES (1, 'x', '{"id": "x", "colour": "red"}')""")
    assert not await view.refresh()
    assert set(view.current) == {RESULTS, REGISTER, CLINIC, "moph-vaccines"}
    assert view.stats().refused == 1


async def test_a_change_of_the_catalogue_is_taken_in(pool: Pool) -> None:
    """A service that is retired has no room any more, nor has one that was set for it."""
    await store.publish(pool, [room(outflow_per_minute=60)], "tester")
    view, held = await refreshed(pool)
    held.current = small(service(RESULTS, status="retired"), service(CLINIC, "moph"))
    assert await view.refresh()
    assert set(view.current) == {CLINIC}


async def test_a_worker_is_told_of_a_change(pool: Pool, migrated_database_url: str) -> None:
    """By NOTIFY: nobody tells the view."""
    view, _ = await refreshed(pool)
    listener = Listener(migrated_database_url)

    async def refresh() -> None:
        await view.refresh()

    listener.watch(store.CHANNEL, refresh)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(listener.run())
        await eventually(lambda: listener.connected)
        await store.publish(pool, [room(suspended=True)], "tester")
        await eventually(lambda: view.current[RESULTS].room.suspended)
        running.cancel()
