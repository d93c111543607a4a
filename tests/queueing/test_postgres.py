"""The journal on PostgreSQL: as the plain one, step by step; and its fences under real concurrency."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from queueing.policy import Lane, Room
from queueing.postgres import KEPT_MS, PostgresLedger
from queueing.store import Claim, Hold, Move, Stale, StoreUnavailable
from sadd.postgres.pool import AWAY, Pool, open_pool
from tests.queueing.ledger import PlainLedger
from tests.waiting import eventually

ROOM = Room("results", 60, 3, 60_000, 600_000, lanes=(Lane("vip", 0.1),))


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(migrated_database_url, pool_max=8, deadline_seconds=5)
    yield pool
    await pool.close()


@pytest.fixture
def ledger(pool: Pool) -> PostgresLedger:
    return PostgresLedger(pool, AWAY)


def claim(number: int, life: int = 1, start: int = 1_000, ends: int = 9_000, *, left: bool = False) -> Claim:
    return Claim("results", "", number, life, start, ends, left)


def move(life: int, serving: int, expired: int = 0) -> tuple[str, Move, dict[str, int]]:
    step = Move(life, 0, 0, {"": serving, "vip": 0}, {"": expired, "vip": 0})
    return "results", step, {"": serving + 5, "vip": 0}


async def test_it_keeps_what_the_plain_one_keeps(ledger: PostgresLedger) -> None:
    """400 random writes of several lives, stale ones too: answers, and what a new life finds, are alike."""
    plain, dice = PlainLedger(), random.Random(5)
    for each in (ledger, plain):
        assert (await each.begin(ROOM, "server")) is not None
        await each.finish("results", 1)
    life = 1
    for step in range(400):
        stale = life - (dice.random() < 0.2)
        match dice.choice(["write", "write", "write", "reserve", "hold", "tick", "begin"]):
            case "write":
                numbers = dice.sample(range(1, 12), dice.randint(1, 5))
                claims = [
                    claim(n, stale, dice.randint(1, 5), dice.randint(6, 30), left=dice.random() < 0.3)
                    for n in numbers
                ]
                assert await ledger.write(claims) == await plain.write(claims), step
            case "reserve":
                after, many = dice.randint(0, 60), dice.randint(1, 40)
                answers = []
                for each in (ledger, plain):
                    try:
                        answers.append(await each.reserve("results", "", stale, after, many))
                    except Stale:
                        answers.append(-1)
                assert answers[0] == answers[1]
            case "hold":
                holders = [bytes(15) + bytes([n]) for n in dice.sample(range(5), 3)]
                holds = [
                    Hold(
                        "results",
                        holder,
                        ("", dice.randint(1, 9)),
                        dice.choice([None, ("", dice.randint(1, 9))]),
                    )
                    for holder in holders
                ]
                assert await ledger.hold(holds) == await plain.hold(holds)
                asked = [("results", bytes(15) + bytes([n])) for n in range(6)]
                assert await ledger.held(asked) == await plain.held(asked)
            case "tick":
                epochs = [await each.lead("me", 60) for each in (ledger, plain)]
                assert epochs == [1, 1]
                step_ = move(stale, dice.randint(0, 30), dice.randint(0, 20))
                assert await ledger.tick(1, [step_]) == await plain.tick(1, [step_])
            case "begin" if step % 5 == 0:
                legacies = [await each.begin(ROOM, f"server-{step}") for each in (ledger, plain)]
                assert legacies[0] == legacies[1]
                life += 1
                here, there = [await each.claims("results", life, ("", 0)) for each in (ledger, plain)]
                assert [replace(row, life=0) for row in here] == [replace(row, life=0) for row in there]
                await ledger.finish("results", life)


async def test_no_claim_slips_past_a_restoration(ledger: PostgresLedger) -> None:
    """While claims of a life are written as fast as can be, a new life begins: it sees each that was kept."""
    await ledger.begin(ROOM, "old")
    await ledger.finish("results", 1)
    kept: set[int] = set()
    stopped = asyncio.Event()
    numbers = itertools.count(1)

    async def write() -> None:
        while not stopped.is_set():
            number = next(numbers)
            if await ledger.write([claim(number)]):
                kept.add(number)
            else:
                return

    writing = [asyncio.create_task(write()) for _ in range(6)]
    await eventually(lambda: len(kept) > 100)
    legacy = await ledger.begin(ROOM, "new")
    assert legacy is not None
    seen = {each.number for each in await ledger.claims("results", legacy.life, ("", 0))}
    await asyncio.gather(*writing)
    assert kept == seen
    assert legacy.claimed == len(kept)


async def test_no_number_is_reserved_for_two_lives(ledger: PostgresLedger) -> None:
    """Blocks reserved while a new life begins are below its first number, or were refused."""
    await ledger.begin(ROOM, "old")
    await ledger.finish("results", 1)
    top = 0

    async def reserve() -> None:
        nonlocal top
        while True:
            try:
                reserved = await ledger.reserve("results", "", 1, top, 32)
                top = max(top, reserved)
            except Stale:
                return

    reserving = [asyncio.create_task(reserve()) for _ in range(6)]
    await eventually(lambda: top > 2_000)
    legacy = await ledger.begin(ROOM, "new")
    assert legacy is not None
    await asyncio.gather(*reserving)
    assert legacy.lines[""].reserved == top


async def test_one_restores_at_a_time(ledger: PostgresLedger) -> None:
    """Of ten that find the store foreign one begins a new life; the next may when that is finished."""
    begun = await asyncio.gather(*(ledger.begin(ROOM, f"server-{i}") for i in range(10)))
    assert sum(legacy is not None for legacy in begun) == 1
    await ledger.finish("results", 1)
    second = await ledger.begin(ROOM, "server")
    assert second is not None
    assert second.life == 2


async def test_one_leads_and_the_epoch_fences_the_one_before(ledger: PostgresLedger, pool: Pool) -> None:
    """Ten ask at once: one leads. When its lease is over, its ticks are refused though nobody follows yet."""
    await ledger.begin(ROOM, "server")
    epochs = await asyncio.gather(*(ledger.lead(f"worker-{i}", 60) for i in range(10)))
    assert sorted(epochs, key=str) == [1, *[None] * 9]
    assert await ledger.tick(1, [move(1, 3)]) == {"results"}
    assert await ledger.tick(0, [move(1, 4)]) == set()
    await pool.execute("UPDATE queue_leader SET until = now()")
    assert await ledger.tick(1, [move(1, 5)]) == set()
    assert await ledger.lead("worker-next", 60) == 2
    assert await ledger.tick(1, [move(1, 6)]) == set()
    assert await ledger.tick(2, [move(1, 7)]) == {"results"}
    assert await pool.fetchval("SELECT serving FROM queue_line WHERE lane = ''") == 7


async def test_a_clock_that_goes_back_stops_no_election(ledger: PostgresLedger, pool: Pool) -> None:
    """A lease that ends in an hour is nobody's, and whoever held it moves nothing any more."""
    assert await ledger.lead("one", 2.0) == 1
    assert await ledger.lead("two", 2.0) is None
    await pool.execute("UPDATE queue_leader SET until = until + interval '1 hour'")
    assert await ledger.lead("two", 2.0) == 2
    assert await ledger.lead("one", 2.0) is None
    assert await ledger.tick(1, [move(1, 6)]) == set()


async def test_old_claims_are_forgotten_and_counted(ledger: PostgresLedger) -> None:
    """An hour after the pass ended; the stock still counts them, and their numbers get no second chance.

    Not while a window is held over them: after a loss of the store they would have another turn.
    """
    await ledger.begin(ROOM, "server")
    await ledger.write([claim(1), claim(2), claim(3, ends=10_000_000)])
    await ledger.sweep("results", 9_001 + KEPT_MS)
    assert [each.number for each in await ledger.claims("results", 1, ("", 0))] == [1, 2, 3]
    assert await ledger.lead("one", 60.0) == 1
    assert await ledger.tick(1, [move(1, 3, expired=3)]) == {"results"}
    await ledger.sweep("results", 9_000 + KEPT_MS)
    await ledger.finish("results", 1)
    before = await ledger.begin(ROOM, "server")
    assert before is not None
    assert (before.claimed, before.lines[""].swept) == (3, 0)
    await ledger.sweep("results", 9_001 + KEPT_MS)
    await ledger.finish("results", 2)
    after = await ledger.begin(ROOM, "server")
    assert after is not None
    assert (after.claimed, after.lines[""].swept, after.lines[""].serving) == (3, 2, 3)
    assert [each.number for each in await ledger.claims("results", 3, ("", 0))] == [3]


async def test_a_database_that_is_away_is_unavailable(ledger: PostgresLedger, pool: Pool) -> None:
    """Whatever the driver raises."""
    await pool.close()
    for call in (ledger.write([claim(1)]), ledger.lead("me", 2), ledger.latest("results")):
        with pytest.raises(StoreUnavailable):
            await call
