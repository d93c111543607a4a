"""The database itself keeps what a draw promises, whoever writes and in whatever order."""

import pytest

from tests.queueing.draw.scene import ROOM, Scene

LATE_ENTRY = "INSERT INTO queue_draw_entry SELECT id, count, sha256('late') FROM queue_draw"
OTHER = "'\\x" + "07" * 32 + "'"


async def test_no_entry_is_added_after_the_start(scene: Scene) -> None:
    """No entry is added after the start."""
    await scene.announce()
    await scene.enter(2)
    await scene.start()

    assert "takes no more entries" in await scene.refused(LATE_ENTRY)
    assert await scene.pool.fetch("SELECT * FROM queue_draw_gather($1, 1, $2)", ROOM, [b"l" * 32]) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM queue_draw_entry WHERE index = 1",
        "UPDATE queue_draw_entry SET entry = sha256('mine') WHERE index = 1",
        "TRUNCATE queue_draw_entry",
        "DELETE FROM queue_draw",
        "TRUNCATE queue_draw",
    ],
)
async def test_no_entry_is_ever_taken_out_or_exchanged(scene: Scene, statement: str) -> None:
    """No entry is ever taken out or exchanged."""
    await scene.announce()
    await scene.enter(3)

    assert "never" in await scene.refused(statement)


@pytest.mark.parametrize(
    "change",
    [
        f"root = {OTHER}",
        "count = count - 1",
        "base = base + 100",
        "frozen_at = NULL, root = NULL, chunk_nodes = NULL, base = NULL, life = NULL",
        "closes_at = closes_at - interval '1 s'",
        "beacon_round = beacon_round + 1, beacon_at = beacon_at + interval '3 s'",
        "beacon_kind = 'statement', beacon_source = 'my own dice'",
        "room = 'other'",
        "serial = 9",
    ],
)
async def test_nothing_is_changed_after_the_freeze(scene: Scene, change: str) -> None:
    """Nothing is changed after the freeze."""
    await scene.frozen(3)

    assert await scene.refused(f"UPDATE queue_draw SET {change}")
    assert "no more entries" in await scene.refused(LATE_ENTRY)


@pytest.mark.parametrize(
    "change",
    [
        f"seed = {OTHER}",
        f"randomness = {OTHER}",
        "beacon_value = 'other'",
        "beacon_value = NULL, randomness = NULL, seed = NULL, drawn_at = NULL",
    ],
)
async def test_nothing_is_drawn_again(scene: Scene, change: str) -> None:
    """Nothing is drawn again."""
    await scene.drawn(3)

    assert "the draw is over" in await scene.refused(f"UPDATE queue_draw SET {change}")


async def test_no_other_seed_is_taken_than_that_of_room_root_and_beacon(scene: Scene) -> None:
    """No other seed is taken than that of room, root and beacon."""
    await scene.frozen(3)

    told = await scene.refused(
        f"UPDATE queue_draw SET beacon_value = 'v', randomness = {OTHER}, seed = {OTHER}, drawn_at = now()"
    )
    assert "the_seed_is_of_room_root_and_beacon" in told


async def test_a_freeze_is_refused_before_the_start_after_the_beacon_and_with_another_count(
    scene: Scene,
) -> None:
    """A freeze is refused before the start, after the beacon, and with another count."""
    freeze = f"UPDATE queue_draw SET frozen_at = now(), root = {OTHER}, chunk_nodes = '', base = 0, life = 1"
    await scene.announce()
    await scene.enter(2)

    assert "check constraint" in await scene.refused(freeze)
    await scene.start()
    assert "the count is 3, and there are 2" in await scene.refused(f"{freeze}, count = 3")
    await scene.unguarded("UPDATE queue_draw SET count = 3")
    assert "the count is 3, and there are 2" in await scene.refused(freeze)
    await scene.unguarded("UPDATE queue_draw SET count = 2, beacon_at = now() - interval '1 ms'")
    assert "check constraint" in await scene.refused(freeze)


async def test_a_beacon_that_is_known_cannot_be_named(scene: Scene) -> None:
    """A beacon that is known cannot be named."""
    await scene.announce()
    await scene.start()

    known = "UPDATE queue_draw SET beacon_round = 3, beacon_at = clock_timestamp()"
    assert "before its value is known" in await scene.refused(known)


async def test_the_start_is_not_moved_once_it_was(scene: Scene) -> None:
    """The start is not moved once it was."""
    await scene.announce()
    await scene.start()

    assert "the start is over" in await scene.refused(
        "UPDATE queue_draw SET closes_at = now() + interval '5 s'"
    )


async def test_entries_are_not_drawn_a_second_time_by_another_draw_beside(scene: Scene) -> None:
    """Who dislikes how a draw goes cannot begin another one of the room before it is over."""
    begin = (
        "INSERT INTO queue_draw (room, serial, closes_at, beacon_at, beacon_kind, beacon_source) "
        "VALUES ('results', 2, now() + interval '1 min', now() + interval '2 min', 'statement', 's')"
    )
    await scene.frozen(3)

    assert "not over" in await scene.refused(begin)
