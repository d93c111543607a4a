"""The platform's signing keys: one set for all workers, whatever the order of their start."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from sadd.signing import CHANNEL, PURPOSES, NoSigningKey, SigningKeys, load_signing_keys, rotate, signer
from tests.waiting import eventually


async def test_workers_that_start_at_once_agree(migrated_database_url: str) -> None:
    """Ten loads at the same time make one key for each purpose, and all get that one."""
    async with asyncpg.create_pool(migrated_database_url, min_size=10, max_size=10) as pool:
        loaded = await asyncio.gather(*(load_signing_keys(pool) for _ in range(10)))
        made = await pool.fetchval("SELECT count(*) FROM signing_keys")
    assert made == len(PURPOSES)
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


NOW = datetime(2027, 8, 1, 10, tzinfo=UTC)


async def test_a_rotation_overlaps(migrated_database_url: str) -> None:
    """The next key is known at once and signs later; the one before goes on to be accepted for a while."""
    now = datetime.now(UTC)
    async with asyncpg.create_pool(migrated_database_url, min_size=1, max_size=1) as pool:
        (old,) = (await load_signing_keys(pool)).queue_pass
        done = await rotate(
            pool,
            "queue-pass",
            now=now,
            signs_in=timedelta(minutes=10),
            keep=timedelta(days=1),
            actor="cli:me",
        )
        new, still = (await load_signing_keys(pool)).queue_pass
        audited = await pool.fetchrow("SELECT actor, action, subject, after FROM audit")
        retired = await pool.fetchval("SELECT retired_at FROM signing_keys WHERE key_id = $1", old.id)
    assert (new.id, still.id) == (done.key_id, old.id)
    assert signer([new, still], now.timestamp()) == still
    assert signer([new, still], now.timestamp() + 601) == new
    assert retired == now + timedelta(days=1, minutes=10)
    assert audited is not None
    assert (audited["actor"], audited["action"], audited["subject"]) == (
        "cli:me",
        "signing_keys.rotate",
        "queue-pass",
    )
    assert new.secret.hex() not in audited["after"]


async def test_two_rotations_at_once_are_two(migrated_database_url: str) -> None:
    """One after the other: no serial is taken twice."""
    async with asyncpg.create_pool(migrated_database_url, min_size=4, max_size=4) as pool:
        await load_signing_keys(pool)
        now = datetime.now(UTC)
        await asyncio.gather(
            *(
                rotate(pool, "queue-ticket", now=now, signs_in=timedelta(0), keep=timedelta(days=1))
                for _ in range(4)
            )
        )
        assert len((await load_signing_keys(pool)).queue_ticket) == 5


async def test_what_is_not_rotated(migrated_database_url: str) -> None:
    """A purpose that is none; and keys that nobody has made yet."""
    async with asyncpg.create_pool(migrated_database_url, min_size=1, max_size=1) as pool:
        for purpose, error in (
            ("queue-tickets", ValueError),
            ("session-pepper", NoSigningKey),
            ("seal", NoSigningKey),
        ):
            with pytest.raises(error):
                await rotate(pool, purpose, now=NOW, signs_in=timedelta(0), keep=timedelta(0))


async def test_workers_are_told(migrated_database_url: str) -> None:
    """At commit, on a channel of its own, also of what is typed by hand."""
    told = asyncio.Event()
    listening = await asyncpg.connect(migrated_database_url)
    try:
        await listening.add_listener(CHANNEL, lambda *_: told.set())
        async with asyncpg.create_pool(migrated_database_url, min_size=1, max_size=1) as pool:
            await load_signing_keys(pool)
        await asyncio.wait_for(told.wait(), 30)
    finally:
        await listening.close()


async def test_only_a_change_is_announced(migrated_database_url: str) -> None:
    """Not a worker's start: each start would make all workers read, and they each other, for ever."""
    told: list[str] = []
    listening = await asyncpg.connect(migrated_database_url)
    try:
        await listening.add_listener(CHANNEL, lambda *_: told.append(CHANNEL))
        async with asyncpg.create_pool(migrated_database_url, min_size=1, max_size=1) as pool:
            await load_signing_keys(pool)
            await eventually(lambda: len(told) == len(PURPOSES))
            await load_signing_keys(pool)
            await pool.execute("UPDATE signing_keys SET retired_at = NULL WHERE purpose = 'queue-pass'")
            await eventually(lambda: len(told) > len(PURPOSES))
        assert len(told) == len(PURPOSES) + 1, "the change, and nothing of the load before it"
    finally:
        await listening.close()
