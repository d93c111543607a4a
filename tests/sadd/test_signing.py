"""The platform's signing keys: one set for all workers, whatever the order of their start."""

import asyncio

import asyncpg
import pytest

from sadd.signing import NoSigningKey, SigningKeys, load_signing_keys


async def test_workers_that_start_at_once_agree(migrated_database_url: str) -> None:
    """Ten loads at the same time make one key for each purpose, and all get that one."""
    async with asyncpg.create_pool(migrated_database_url, min_size=10, max_size=10) as pool:
        loaded = await asyncio.gather(*(load_signing_keys(pool) for _ in range(10)))
        made = await pool.fetchval("SELECT count(*) FROM signing_keys")
    assert made == 3
    assert loaded.count(loaded[0]) == 10
    assert all(
        len(keys) == 1 for keys in (loaded[0].queue_pass, loaded[0].queue_ticket, loaded[0].session_pepper)
    )


async def test_the_newest_key_signs_and_a_retired_one_is_gone(migrated_database_url: str) -> None:
    """A rotation adds a serial; the old key stays accepted until it is retired."""
    async with asyncpg.create_pool(migrated_database_url, min_size=1, max_size=1) as pool:
        first = (await load_signing_keys(pool)).queue_pass
        await pool.execute(
            "INSERT INTO signing_keys (purpose, serial, key_id, secret) "
            "VALUES ('queue-pass', 2, 'ffffffff', $1)",
            bytes(32),
        )
        both = (await load_signing_keys(pool)).queue_pass
        await pool.execute("UPDATE signing_keys SET retired_at = now() WHERE serial = 1")
        with pytest.raises(NoSigningKey, match="queue-ticket"):
            await load_signing_keys(pool)
    assert [key.id for key in both] == ["ffffffff", first[0].id]


def test_secrets_are_not_in_a_repr(migrated_database_url: str) -> None:
    """A key set in a log line shows no secret."""

    async def load() -> SigningKeys:
        async with asyncpg.create_pool(migrated_database_url, min_size=1, max_size=1) as pool:
            return await load_signing_keys(pool)

    keys = asyncio.run(load())
    assert repr(keys.queue_ticket[0].secret) not in repr(keys)
