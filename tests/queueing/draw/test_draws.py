"""A draw from the gathering to the last place, on a real database."""

import asyncio
from hashlib import sha256

import pytest

from queueing.draw.document import Beacon, Published
from queueing.draw.draws import Draws
from queueing.draw.entry import entry_of
from queueing.draw.permutation import places
from queueing.draw.postgres import PostgresDraws
from queueing.draw.store import Refused, TooLate
from queueing.draw.verification import faults_of_draw, faults_of_list, faults_of_proof
from queueing.store import StoreUnavailable
from sadd.postgres.pool import AWAY, Pool, open_pool
from tests.queueing.draw.chain import OURS, signature
from tests.queueing.draw.scene import REFUSED, ROOM, Scene, next_round


async def test_a_draw_from_the_gathering_to_the_last_place_is_confirmed_from_public_data(
    scene: Scene,
) -> None:
    """A draw from the gathering to the last place is confirmed from public data."""
    await scene.announce()
    receipts = await scene.enter(40)
    await scene.start()
    frozen = await scene.draws.freeze(ROOM)
    assert frozen is not None
    assert (frozen.stage, frozen.count) == ("frozen", 40)

    drawn = await scene.draws.draw(ROOM, signature(frozen.beacon.round).hex())

    archive = scene.draws.archive
    entries = await archive.entries(ROOM, 1, 0, 100)
    assert entries == [receipt.entry for receipt in receipts]
    assert faults_of_list(Published(drawn, entries), OURS) == []
    numbers = [await archive.number(receipt) for receipt in receipts]
    assert numbers == [drawn.base + 1 + place for place in places(bytes.fromhex(drawn.seed), 40).tolist()]
    for receipt, number in zip(receipts[::7], numbers[::7], strict=True):
        proof = await archive.proof(ROOM, 1, receipt.entry)
        assert proof is not None
        assert (faults_of_proof(proof, OURS), proof.number) == ([], number)


async def test_an_entry_names_nobody_and_is_one_for_each_holder(scene: Scene) -> None:
    """An entry names nobody and is one for each holder."""
    await scene.announce()
    holder = b"h" * 16

    first = await scene.draws.enter(ROOM, holder)
    again = await scene.draws.enter(ROOM, holder)
    anyone, another = await scene.draws.enter(ROOM), await scene.draws.enter(ROOM)

    assert again == first
    assert first.entry == entry_of(ROOM, 1, holder)
    assert sorted((first.index, anyone.index, another.index)) == [0, 1, 2]


async def test_a_thousand_at_once_get_indices_without_gaps_in_few_commits(scene: Scene) -> None:
    """A thousand at once get indices without gaps in few commits."""
    await scene.announce()

    receipts = await asyncio.gather(*(scene.draws.enter(ROOM) for _ in range(1_000)))

    assert sorted(receipt.index for receipt in receipts) == list(range(1_000))
    assert scene.draws.stats().commits < 20


async def test_workers_gather_together_and_one_of_them_freezes(scene: Scene, pool: Pool) -> None:
    """Workers gather together and one of them freezes."""
    other = Draws(PostgresDraws(pool, AWAY, REFUSED, OURS), chain=OURS)
    await scene.announce()
    await other.refresh()
    both = await asyncio.gather(
        *(
            draws.enter(ROOM, sha256(bytes((n,))).digest()[:16])
            for n in range(100)
            for draws in (scene.draws, other)
        )
    )
    assert sorted({receipt.index for receipt in both}) == list(range(100))
    await scene.start()
    await other.refresh()

    done = await asyncio.gather(scene.draws.freeze(ROOM), other.freeze(ROOM))

    assert sum(draw is not None for draw in done) == 1
    assert scene.draws.stats().frozen + other.stats().frozen == 1


async def test_workers_announce_one_draw_at_the_same_moment(scene: Scene, pool: Pool) -> None:
    """None of them is refused, and all of them mean the same."""
    workers = [Draws(PostgresDraws(pool, AWAY, REFUSED, OURS), chain=OURS) for _ in range(4)]
    opens_at_ms = scene.draws.now_ms() + 60_000
    for worker in workers:
        await worker.refresh()

    announced = await asyncio.gather(*(worker.announce(ROOM, opens_at_ms) for worker in workers))

    assert announced == [announced[0]] * 4
    assert await pool.fetchval("SELECT count(*) FROM audit WHERE action LIKE 'draws.%'") == 1


async def test_who_comes_after_the_start_is_behind_the_draw(scene: Scene) -> None:
    """Who comes after the start is behind the draw."""
    await scene.announce()
    early = await scene.draws.enter(ROOM, b"e" * 16)
    await scene.start()

    with pytest.raises(TooLate):
        await scene.draws.enter(ROOM, b"l" * 16)
    assert await scene.draws.enter(ROOM, b"e" * 16) == early  # who asks again is still in
    await scene.draws.freeze(ROOM)
    with pytest.raises(TooLate):
        await scene.draws.enter(ROOM, b"m" * 16)


async def test_the_drawn_have_the_next_numbers_of_the_line_and_its_state_begins_anew(scene: Scene) -> None:
    """Numbers that the line gave out before stay before; who would hand out the drawn ones is fenced."""
    await scene.pool.execute(
        "INSERT INTO queue_life VALUES ('results', 4, 'a', now(), now() + interval '1 hour')"
    )
    await scene.pool.execute("INSERT INTO queue_line (room, lane, reserved) VALUES ('results', '', 96)")

    draw = await scene.frozen(5)

    assert draw.base == 96
    assert await scene.pool.fetchval("SELECT reserved FROM queue_line WHERE room = 'results'") == 101
    assert scene.draws.seat(ROOM) == (5, 1)
    row = await scene.pool.fetchrow("SELECT life, server, restoring_until < now() AS free FROM queue_life")
    assert row is not None
    assert (row["life"], row["server"], row["free"]) == (5, "", True)


async def test_a_freeze_that_would_come_after_the_named_round_names_a_later_one_first(scene: Scene) -> None:
    """A freeze that would come after the named round names a later one first."""
    await scene.announce()
    await scene.enter(3)
    await scene.unguarded(
        "UPDATE queue_draw SET closes_at = now() - interval '1 hour', beacon_at = now() - interval '50 min', "
        "beacon_round = 7"
    )
    await scene.draws.refresh()

    draw = await scene.draws.freeze(ROOM)

    assert draw is not None
    assert draw.beacon.round > 7
    assert draw.frozen_at_ms < draw.beacon.at_ms == OURS.at_ms(draw.beacon.round)
    assert faults_of_draw(await scene.draws.draw(ROOM, signature(draw.beacon.round).hex()), OURS) == []


@pytest.mark.parametrize("value", ["", "no hex", "00" * 48, signature(3).hex()])
async def test_only_the_signature_of_the_named_round_draws(scene: Scene, value: str) -> None:
    """Only the signature of the named round draws."""
    await scene.frozen()

    with pytest.raises(Refused):
        await scene.draws.draw(ROOM, value)
    assert scene.draws.pending(ROOM)


async def test_a_draw_is_made_once(scene: Scene) -> None:
    """A draw is made once."""
    drawn = await scene.drawn()

    assert await scene.draws.draw(ROOM, drawn.beacon.signature) == drawn
    assert not scene.draws.pending(ROOM)


async def test_a_statement_draws_once_its_moment_has_come(scene: Scene) -> None:
    """A statement draws once its moment has come."""
    source = Beacon("statement", scene.draws.now_ms() + 120_000, source="Lottery 88, first prize, as printed")
    await scene.announce(beacon=source)
    await scene.enter(4)
    await scene.start()
    assert await scene.draws.freeze(ROOM) is not None

    with pytest.raises(Refused, match="before the moment"):
        await scene.draws.draw(ROOM, "07 11 23")

    await scene.unguarded(
        "UPDATE queue_draw SET closes_at = now() - interval '3 h', frozen_at = now() - interval '2 h', "
        "beacon_at = now() - interval '1 h'"
    )
    await scene.draws.refresh()
    with pytest.raises(Refused, match="has 1 to"):
        await scene.draws.draw(ROOM, " ")
    drawn = await scene.draws.draw(ROOM, "07 11 23")
    assert drawn.beacon.text == "07 11 23"
    assert faults_of_draw(drawn, OURS) == []


async def test_a_statement_whose_moment_passed_before_the_freeze_needs_another_source(scene: Scene) -> None:
    """A statement whose moment passed before the freeze needs another source."""
    source = Beacon("statement", scene.draws.now_ms() + 120_000, source="Lottery 88")
    await scene.announce(beacon=source)
    await scene.enter(1)
    await scene.unguarded("UPDATE queue_draw SET closes_at = now() - interval '1 s', beacon_at = now()")
    await scene.draws.refresh()

    with pytest.raises(Refused, match="name another source"):
        await scene.draws.freeze(ROOM)

    await scene.draws.name(ROOM, next_round(scene.draws, 60_000))
    assert await scene.draws.freeze(ROOM) is not None


async def test_the_start_may_be_moved_while_people_gather_and_the_entries_stay(scene: Scene) -> None:
    """The start may be moved while people gather and the entries stay."""
    await scene.announce()
    [receipt] = await scene.enter(1)

    moved = await scene.announce(in_ms=300_000)

    assert moved.draw == 1
    assert moved.beacon.at_ms > moved.closes_at_ms
    assert await scene.draws.enter(ROOM, b"\0" * 16) == receipt
    assert await scene.draws.announce(ROOM, moved.closes_at_ms) == moved


async def test_the_next_event_has_a_draw_of_its_own_and_the_last_one_stays_readable(scene: Scene) -> None:
    """The next event has a draw of its own and the last one stays readable."""
    first = await scene.drawn()
    proof = await scene.draws.archive.proof(ROOM, 1, entry_of(ROOM, 1, b"\0" * 16))

    second = await scene.announce()

    assert second.draw == 2
    assert scene.draws.gathers(ROOM)
    assert await scene.draws.archive.one(ROOM, 1) == first
    assert await scene.draws.archive.proof(ROOM, 1, entry_of(ROOM, 1, b"\0" * 16)) == proof
    assert await scene.draws.archive.one(ROOM, 3) is None
    assert await scene.draws.archive.proof(ROOM, 1, b"?" * 32) is None


async def test_nothing_is_shown_of_the_list_while_people_gather(scene: Scene) -> None:
    """Nothing is shown of the list while people gather."""
    await scene.announce()
    [receipt] = await scene.enter(1)

    assert await scene.draws.archive.entries(ROOM, 1, 0, 10) == []
    assert await scene.draws.archive.proof(ROOM, 1, receipt.entry) is None
    assert await scene.draws.archive.number(receipt) is None


async def test_the_count_that_is_shown_is_a_second_old_at_most(pool: Pool) -> None:
    """The count that is shown is a second old at most."""
    now = [100.0]
    draws = Draws(PostgresDraws(pool, AWAY, REFUSED, OURS), chain=OURS, clock=lambda: now[0])
    await draws.refresh()
    await draws.announce(ROOM, draws.now_ms() + 60_000)
    await draws.enter(ROOM)

    assert (draw := await draws.current(ROOM)) is not None
    assert draw.count == 0
    now[0] += 1.1
    assert (draw := await draws.current(ROOM)) is not None
    assert draw.count == 1


async def test_with_the_database_away_nobody_enters(migrated_database_url: str) -> None:
    """With the database away nobody enters."""
    pool = await open_pool(migrated_database_url, pool_max=2, deadline_seconds=5)
    draws = Draws(PostgresDraws(pool, AWAY, REFUSED, OURS), chain=OURS)
    await draws.refresh()
    await draws.announce(ROOM, draws.now_ms() + 60_000)
    await pool.close()

    with pytest.raises(StoreUnavailable):
        await draws.enter(ROOM)
    with pytest.raises(StoreUnavailable):
        await draws.refresh()
    assert draws.gathers(ROOM)
