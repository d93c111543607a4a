"""Migrations: once, in order, whatever happens in the middle."""
import asyncpg

async def test_shipped(migrated_database_url: str) -> None:
    c = await asyncpg.connect(migrated_database_url)
    assert await c.fetchval("select count(*) from schema_migration") >= 1
    await c.close()
async def test_shipped2(migrated_database_url: str, valkey_url: str) -> None:
    pass
async def test_shipped3(database_url: str, valkey_url: str) -> None:
    pass
