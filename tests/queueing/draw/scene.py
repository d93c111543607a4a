"""A draw on a real database, whose start and beacon are moments away."""

import asyncio
from dataclasses import dataclass

import asyncpg

from queueing.draw.document import Beacon, Draw
from queueing.draw.draws import Draws
from queueing.draw.receipt import Receipt
from sadd.postgres.pool import Pool
from tests.queueing.draw.chain import OURS, signature

REFUSED = (asyncpg.RaiseError, asyncpg.IntegrityConstraintViolationError)
ROOM = "results"


@dataclass(frozen=True, slots=True)
class Scene:
    pool: Pool
    draws: Draws

    async def announce(self, in_ms: int = 60_000, beacon: Beacon | None = None) -> Draw:
        return await self.draws.announce(ROOM, self.draws.now_ms() + in_ms, beacon)

    async def enter(self, count: int) -> list[Receipt]:
        """In order of their indices."""
        entering = (self.draws.enter(ROOM, number.to_bytes(16, "big")) for number in range(count))
        return sorted(await asyncio.gather(*entering), key=lambda receipt: receipt.index)

    async def start(self) -> None:
        """The start is over, without waiting for it: only a test may move it under the triggers' feet."""
        await self.unguarded("UPDATE queue_draw SET closes_at = clock_timestamp() - interval '10 ms'")
        await self.draws.refresh()

    async def frozen(self, count: int = 5) -> Draw:
        await self.announce()
        await self.enter(count)
        await self.start()
        draw = await self.draws.freeze(ROOM)
        assert draw is not None
        return draw

    async def drawn(self, count: int = 5) -> Draw:
        draw = await self.frozen(count)
        return await self.draws.draw(ROOM, signature(draw.beacon.round).hex())

    async def unguarded(self, statement: str) -> None:
        """What who owns the tables can do, and nobody else."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(statement)

    async def refused(self, statement: str) -> str:
        """What the database says to a statement that breaks a promise."""
        try:
            await self.pool.execute(statement)
        except REFUSED as refused:
            return str(refused)
        raise AssertionError(f"the database did it: {statement}")


def next_round(draws: Draws, in_ms: int) -> Beacon:
    number = OURS.first_round(draws.now_ms() + in_ms)
    return Beacon("drand", OURS.at_ms(number), OURS.id, number)
