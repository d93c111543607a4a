"""The pool: bounded, honest about a database that is away, whole again afterwards."""

import asyncpg
import pytest

from sadd.postgres.pool import AWAY, open_pool
from tests.conftest import free_port
from tests.waiting import eventually


async def test_a_statement_ends_at_the_deadline(database_url: str) -> None:
    """A slow statement raises TimeoutError, and the pool serves the next."""
    async with await open_pool(database_url, pool_max=1, deadline_seconds=0.2) as pool:
        with pytest.raises(TimeoutError):
            await pool.fetchval("SELECT pg_sleep(5)")
        assert await pool.fetchval("SELECT 1") == 1


async def test_a_database_that_is_away_is_told_at_once() -> None:
    """Waiting is the caller's decision."""
    with pytest.raises(AWAY):
        await open_pool(f"postgresql://sadd@127.0.0.1:{free_port()}/x", pool_max=1, deadline_seconds=1)


async def test_a_full_database_counts_as_away(database_url: str) -> None:
    """A full disk is no defect of a statement: services say what they say when the database is away."""
    async with await open_pool(database_url, pool_max=1, deadline_seconds=5.0) as pool:
        with pytest.raises(AWAY):
            await pool.execute("DO $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$")


async def test_broken_connections_are_replaced(database_url: str) -> None:
    """Calls fail with one of AWAY while connections break, and then succeed again."""
    async with await open_pool(database_url, pool_max=2, deadline_seconds=2) as pool:
        other = await asyncpg.connect(database_url)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'sadd' AND datname = current_database()"
        )
        await other.close()

        async def serves() -> bool:
            try:
                return bool(await pool.fetchval("SELECT 1"))
            except AWAY as error:
                raise ConnectionError from error

        assert await eventually(serves)
