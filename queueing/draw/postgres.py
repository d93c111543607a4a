"""Draws on PostgreSQL: the order of the steps.

What a draw promises is kept by the tables' own triggers and constraints, whoever writes (0008_draws.sql).

The freeze is one transaction: it holds the draw's row, reads the list, and gives the entries the next numbers
of the room's line. It begins a new life of the room's hot state, so that no worker hands these numbers out.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from queueing.draw import merkle
from queueing.draw.beacon import Chain
from queueing.draw.document import Beacon, encode
from queueing.draw.rows import columns, cut, kept_of, ms_of, value_of
from queueing.draw.seed import seed_of
from queueing.draw.store import Found, Kept, Refused
from queueing.draw.verification import randomness_of
from queueing.store import StoreUnavailable

ACQUIRE_SECONDS = 5.0
PAGE = 65_536
FREEZE_MS = 5_000
"""A freeze of few entries is done long before; 1,000,000 take 10 s more than that at worst."""
FREEZE_ENTRIES_PER_MS = 100

_COLUMNS = """
id, room, serial, closes_at, beacon_kind, beacon_chain, beacon_round, beacon_source, beacon_at, count,
frozen_at, root, base, life, beacon_value, seed, drawn_at, clock_timestamp() >= closes_at AS closed
"""
_LAST = "SELECT DISTINCT ON (room)" + _COLUMNS + "FROM queue_draw ORDER BY room, serial DESC"
_OF = "SELECT" + _COLUMNS + "FROM queue_draw WHERE room = $1 AND serial = $2"
_ONE = "SELECT" + _COLUMNS + "FROM queue_draw WHERE id = $1"
_NOW = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_GATHER = "SELECT entry, index FROM queue_draw_gather($1, $2, $3::bytea[])"
# All workers announce at the same moment: one after the other, and the others find it done.
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('sadd draw ' || $1, 0))"
_GATHERING = """
SELECT id, closes_at FROM queue_draw WHERE room = $1 AND frozen_at IS NULL AND clock_timestamp() < closes_at
ORDER BY serial DESC LIMIT 1 FOR UPDATE
"""
_INSERT = """
INSERT INTO queue_draw
    (room, serial, closes_at, beacon_at, beacon_kind, beacon_chain, beacon_round, beacon_source)
SELECT $1, coalesce(max(serial), 0) + 1, to_timestamp($2::bigint / 1000.0),
       to_timestamp($3::bigint / 1000.0), $4, $5, $6, $7
FROM queue_draw WHERE room = $1
RETURNING id
"""
_MOVE = """
UPDATE queue_draw SET closes_at = to_timestamp($2::bigint / 1000.0),
    beacon_at = to_timestamp($3::bigint / 1000.0), beacon_kind = $4,
    beacon_chain = $5, beacon_round = $6, beacon_source = $7
WHERE id = $1
"""
_NAME = """
UPDATE queue_draw SET beacon_at = to_timestamp($2::bigint / 1000.0),
    beacon_kind = $3, beacon_chain = $4, beacon_round = $5, beacon_source = $6
WHERE id = $1
"""
_TO_FREEZE = """
SELECT *, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms FROM queue_draw
WHERE id = $1 AND frozen_at IS NULL AND clock_timestamp() >= closes_at FOR UPDATE SKIP LOCKED
"""
_LIST = "SELECT entry FROM queue_draw_entry WHERE draw = $1 AND index >= $2 AND index < $3 ORDER BY index"
# A life of no server, quiet for an hour: whoever is refused by it begins the next one at once.
_NEW_LIFE = """
INSERT INTO queue_life AS f (room, life, server, restored_at, restoring_until)
VALUES ($1, 1, '', now() - interval '1 hour', '-infinity')
ON CONFLICT (room) DO UPDATE SET life = f.life + 1, server = '', restored_at = excluded.restored_at,
    restoring_until = '-infinity'
RETURNING life
"""
_QUIET = "UPDATE queue_line SET ticked_at = now() - interval '1 hour' WHERE room = $1"
_RESERVE = """
INSERT INTO queue_line AS l (room, lane, reserved, issued) VALUES ($1, '', $2, $2)
ON CONFLICT (room, lane) DO UPDATE SET reserved = l.reserved + $2, issued = l.reserved + $2, doubts = CASE
    WHEN l.reserved > GREATEST(l.issued, l.serving)
    THEN l.doubts || ARRAY[GREATEST(l.issued, l.serving) + 1, l.reserved] ELSE l.doubts END
RETURNING reserved - $2
"""
_FREEZE = """
UPDATE queue_draw SET frozen_at = clock_timestamp(), root = $2, chunk_nodes = $3, base = $4, life = $5
WHERE id = $1
"""
_DRAW = """
UPDATE queue_draw SET beacon_value = $2, randomness = $3, seed = $4, drawn_at = clock_timestamp()
WHERE id = $1 AND (drawn_at IS NULL OR beacon_value <> $2)
"""
_AUDIT = "INSERT INTO audit (actor, action, subject, after) VALUES ($1, $2, $3, $4::text::jsonb)"
_FIND = "SELECT index FROM queue_draw_entry WHERE draw = $1 AND entry = $2"
_NODES = "SELECT chunk_nodes FROM queue_draw WHERE id = $1"


class Pool(Protocol):
    """What is asked of the database."""

    def acquire(self, *, timeout: float | None = None) -> Any: ...


class PostgresDraws:
    """``queueing.draw.store.Store``. ``away`` and ``refused`` are what the pool raises then.

    ``chain`` names the round that comes next where a freeze is late for the one that was named.
    """

    def __init__(
        self,
        pool: Pool,
        away: tuple[type[Exception], ...],
        refused: tuple[type[Exception], ...],
        chain: Chain,
    ) -> None:
        self._pool = pool
        self._away = away
        self._refused = refused
        self._chain = chain

    async def last(self) -> list[Kept]:
        async with self._connection() as connection:
            return [kept_of(row) for row in await connection.fetch(_LAST)]

    async def one(self, room: str, draw: int) -> Kept | None:
        async with self._connection() as connection:
            row = await connection.fetchrow(_OF, room, draw)
        return None if row is None else kept_of(row)

    async def now_ms(self) -> int:
        async with self._connection() as connection:
            return int(await connection.fetchval(_NOW))

    async def gather(self, room: str, draw: int, entries: Sequence[bytes]) -> dict[bytes, int]:
        async with self._connection() as connection:
            rows = await connection.fetch(_GATHER, room, draw, entries)
        return {bytes(row["entry"]): int(row["index"]) for row in rows}

    async def announce(self, room: str, closes_at_ms: int, beacon: Beacon, by: str) -> Kept:
        async with self._transaction() as connection:
            await connection.execute(_ALONE, room)
            gathering = await connection.fetchrow(_GATHERING, room)
            if gathering is None:
                named = await connection.fetchval(_INSERT, room, closes_at_ms, *columns(beacon))
                return await _noted(connection, named, by, "announce")
            if ms_of(gathering["closes_at"]) != closes_at_ms:
                await connection.execute(_MOVE, gathering["id"], closes_at_ms, *columns(beacon))
                return await _noted(connection, gathering["id"], by, "move")
            return kept_of(await connection.fetchrow(_ONE, gathering["id"]))

    async def name(self, kept: Kept, beacon: Beacon, by: str) -> Kept:
        async with self._transaction() as connection:
            await connection.execute(_NAME, kept.id, *columns(beacon))
            return await _noted(connection, kept.id, by, "name-beacon")

    async def freeze(self, kept: Kept, by: str) -> Kept | None:
        async with self._transaction() as connection:
            row = await connection.fetchrow(_TO_FREEZE, kept.id)
            if row is None:
                return None
            await self._in_time(connection, row)
            entries = await _list(connection, kept.id, 0, row["count"])
            nodes = await asyncio.to_thread(merkle.chunk_nodes, entries)
            life = await connection.fetchval(_NEW_LIFE, row["room"])
            base = await connection.fetchval(_RESERVE, row["room"], row["count"])
            await connection.execute(_QUIET, row["room"])
            await connection.execute(_FREEZE, kept.id, merkle.top(nodes), b"".join(nodes), base, life)
            return await _noted(connection, kept.id, by, "freeze")

    async def draw(self, kept: Kept, beacon: Beacon, by: str) -> Kept:
        draw, chance = kept.draw, randomness_of(beacon)
        seed = seed_of(draw.room, draw.draw, draw.count, bytes.fromhex(draw.root), chance)
        async with self._transaction() as connection:
            if await connection.execute(_DRAW, kept.id, value_of(beacon), chance, seed) == "UPDATE 0":
                return kept_of(await connection.fetchrow(_ONE, kept.id))  # the same value was there already
            return await _noted(connection, kept.id, by, "draw")

    async def entries(self, kept: Kept, first: int, count: int) -> list[bytes]:
        async with self._connection() as connection:
            return await _list(connection, kept.id, first, first + count)

    async def index(self, kept: Kept, entry: bytes) -> int | None:
        async with self._connection() as connection:
            index = await connection.fetchval(_FIND, kept.id, entry)
        return None if index is None else int(index)

    async def find(self, kept: Kept, entry: bytes) -> Found | None:
        async with self._connection() as connection:
            index = await connection.fetchval(_FIND, kept.id, entry)
            if index is None:
                return None
            first = index - index % merkle.CHUNK
            chunk = await _list(connection, kept.id, first, first + merkle.CHUNK)
            nodes = bytes(await connection.fetchval(_NODES, kept.id) or b"")
        return Found(index, chunk, cut(nodes))

    async def _in_time(self, connection: Any, row: Mapping[str, Any]) -> None:
        """Name the next round where the freeze would come after the one that was named, or hardly before."""
        done_ms = row["now_ms"] + FREEZE_MS + row["count"] // FREEZE_ENTRIES_PER_MS
        if ms_of(row["beacon_at"]) > done_ms:
            return
        if row["beacon_kind"] != "drand":
            raise Refused("the statement that was named is known already, or nearly: name another source")
        number = self._chain.first_round(done_ms + FREEZE_MS)
        beacon = Beacon("drand", self._chain.at_ms(number), self._chain.id, number)
        await connection.execute(_NAME, row["id"], *columns(beacon))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                yield connection
        except self._away as gone:
            raise StoreUnavailable(f"draws: {type(gone).__name__}") from gone
        except self._refused as refused:
            raise Refused(str(refused).partition("\n")[0]) from refused

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with self._connection() as connection, connection.transaction():
            yield connection


async def _noted(connection: Any, draw: int, by: str, action: str) -> Kept:
    """The draw as it is now, and the note that says who did what of it."""
    kept = kept_of(await connection.fetchrow(_ONE, draw))
    subject = f"draws/{kept.draw.room}/{kept.draw.draw}"
    await connection.execute(_AUDIT, by, f"draws.{action}", subject, encode(kept.draw).decode())
    return kept


async def _list(connection: Any, draw: int, first: int, end: int) -> list[bytes]:
    found: list[bytes] = []
    for start in range(first, end, PAGE):
        rows = await connection.fetch(_LIST, draw, start, min(start + PAGE, end))
        found.extend(row[0] for row in rows)
    return found
