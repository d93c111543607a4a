"""What a crowd that waits is stored as: nothing, save where each identity has one place."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from benchmarks.bench_queue_goals import Kept
from queueing.passes import PassKey, PassOffice
from queueing.policy import Room
from queueing.postgres import PostgresLedger
from queueing.rooms import Rooms
from queueing.ticket import TicketKeys, TicketOffice
from queueing.valkey import ValkeyStore
from sadd.embedded.stores import open_stores
from sadd.postgres.migrate import migrate
from sadd.postgres.pool import AWAY, Pool, open_pool
from sadd.valkey.client import ValkeyClient
from sadd.valkey.topology import open_client

FIRST = 1_000
"""Whoever comes first pays for the room's own keys: constants."""
IN_FLIGHT = 2_000
IDENTITIES_MAX = 5_000
HOLDER_BYTES = 16

FIFO = Room("bench-fifo", 60, 10, 120_000, 600_000)
IDENTIFIED = Room("bench-identified", 60, 10, 120_000, 600_000)

_TABLES = "SELECT relname FROM pg_stat_user_tables WHERE relname LIKE 'queue%'"


def kept(folder: Path, count: int) -> Kept:
    """On stores of its own."""
    return uvloop.run(_kept(folder, count))


async def _kept(folder: Path, count: int) -> Kept:
    async with _engine(folder) as (rooms, pool, valkey):
        await _join(rooms, FIFO, FIRST)
        rows, before = await _rows(pool), await _bytes(valkey, FIFO)
        began_s = time.perf_counter()
        await _join(rooms, FIFO, count - FIRST)
        per_second = (count - FIRST) / (time.perf_counter() - began_s)
        grown, written = await _bytes(valkey, FIFO) - before, await _rows(pool) - rows
        many = min(count, IDENTITIES_MAX)
        await _join(rooms, IDENTIFIED, FIRST, identified=True)
        disk, held = await _disk(pool), await _bytes(valkey, IDENTIFIED)
        await _join(rooms, IDENTIFIED, many, identified=True)
        return Kept(
            valkey=grown,
            rows=written,
            identity_valkey=(await _bytes(valkey, IDENTIFIED) - held) / many,
            identity_postgres=(await _disk(pool) - disk) / many,
            joins_per_second=per_second,
        )


@asynccontextmanager
async def _engine(folder: Path) -> AsyncIterator[tuple[Rooms, Pool, ValkeyClient]]:
    async with open_stores(folder) as stores:
        await migrate(stores.database_url)
        pool = await open_pool(stores.database_url, pool_max=4, deadline_seconds=60)
        valkey = await open_client(stores.valkey_url, deadline_ms=5_000, max_in_flight=20_000)
        try:
            tickets = TicketOffice(TicketKeys("0000000a", {"0000000a": b"t" * 32}))
            passes = PassOffice([PassKey("0000000b", b"p" * 32)])
            yield Rooms(ValkeyStore(valkey), tickets, passes, PostgresLedger(pool, AWAY)), pool, valkey
        finally:
            await valkey.aclose()
            await pool.close()


async def _join(rooms: Rooms, room: Room, count: int, *, identified: bool = False) -> None:
    for first in range(0, count, IN_FLIGHT):
        many = min(IN_FLIGHT, count - first)
        await asyncio.gather(
            *(rooms.join(room, holder=os.urandom(HOLDER_BYTES) if identified else None) for _ in range(many))
        )


async def _bytes(valkey: ValkeyClient, room: Room) -> int:
    """Of all keys of the room."""
    found = await valkey.command("KEYS", f"queue:{{{room.id}}}*")
    assert isinstance(found, list)
    total = 0
    for key in found:
        assert isinstance(key, bytes)
        size = await valkey.command("MEMORY", "USAGE", key, "SAMPLES", 0, key=key)
        assert isinstance(size, int)
        total += size
    return total


async def _rows(pool: Pool) -> int:
    """In all tables of the queues: blocks of numbers change rows, they add none."""
    tables = [record["relname"] for record in await pool.fetch(_TABLES)]
    return sum([int(await pool.fetchval(f"SELECT count(*) FROM {name}")) for name in tables])  # noqa: S608


async def _disk(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT pg_total_relation_size('queue_holder')"))
