import asyncio
import hmac
import timeit
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TypeAlias

import asyncpg
import pytest

from sadd.identity.caller import Caller
from sadd.identity.key import Key, mint
from sadd.identity.record import KeyWish
from sadd.identity.ring import LOOK_UPS_PER_SECOND_MAX, KeyRing, KeyRingStats
from sadd.identity.store import KeyStore

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
NOW = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
WISH = KeyWish("moi", frozenset({"limits:check"}))


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(clock: Clock) -> KeyRing:
    return KeyRing(clock)


def _bearer(key: Key) -> str:
    return f"Bearer {key.text}"


def _wrong(key: Key) -> Key:
    """The same prefix with a secret that differs in its first letter."""
    return replace(key, secret=("b" if key.secret[0] == "a" else "a") + key.secret[1:])


async def test_live_key(store: KeyStore, ring: KeyRing, pool: Pool) -> None:
    """A live key is its agency with its scopes, every time."""
    key, _ = await store.create(WISH, NOW)
    await ring.load(pool)

    callers = {ring.authenticate(_bearer(key)) for _ in range(3)}

    assert callers == {Caller(key.prefix, "moi", frozenset({"limits:check"}))}


async def test_scheme_is_of_either_case(store: KeyStore, ring: KeyRing, pool: Pool) -> None:
    """RFC 9110: the scheme's case does not count, nor the number of spaces behind it."""
    key, _ = await store.create(WISH, NOW)
    await ring.load(pool)

    assert ring.authenticate(f"bearer {key.text}")
    assert ring.authenticate(f"BEARER   {key.text}")


async def test_nobody(store: KeyStore, ring: KeyRing, pool: Pool) -> None:
    """Missing, malformed, unknown, wrong, expired and revoked keys get the same answer: None."""
    live, _ = await store.create(WISH, NOW)
    revoked, _ = await store.create(WISH, NOW)
    expired, _ = await store.create(replace(WISH, expires_at=NOW), NOW - timedelta(days=1))
    await store.revoke(revoked.prefix, NOW)
    await ring.load(pool)
    headers = [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {live.text}",
        live.text,
        f"Bearer {live.text} ",
        f"Bearer {live.text}\n",
        f"Bearer {live.text.upper()}",
        f"Bearer sadd_{live.prefix}_",
        f"Bearer sadd_{live.prefix}_{'٣' * 32}",
        f"Bearer  sadd_{live.prefix}_{live.secret}a",
        _bearer(mint()),
        _bearer(_wrong(live)),
        _bearer(expired),
        _bearer(revoked),
    ]

    assert ring.authenticate(_bearer(live)) is not None
    assert [ring.authenticate(header) for header in headers] == [None] * len(headers)


async def test_every_letter_of_the_secret_counts(store: KeyStore, ring: KeyRing, pool: Pool) -> None:
    """A secret that differs in any one letter opens nothing."""
    key, _ = await store.create(WISH, NOW)
    await ring.load(pool)

    for place, letter in enumerate(key.secret):
        other = "b" if letter == "a" else "a"
        secret = key.secret[:place] + other + key.secret[place + 1 :]
        assert ring.authenticate(_bearer(replace(key, secret=secret))) is None


async def test_prefix_of_one_secret_of_another(store: KeyStore, ring: KeyRing, pool: Pool) -> None:
    """The secret of one key does not open another."""
    one, _ = await store.create(WISH, NOW)
    other, _ = await store.create(replace(WISH, agency="moe"), NOW)
    await ring.load(pool)

    assert ring.authenticate(_bearer(replace(one, secret=other.secret))) is None


async def test_same_work_for_unknown_and_wrong(
    store: KeyStore, ring: KeyRing, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown prefix takes the same steps as a wrong secret: one hash, one comparison of 32 bytes."""
    live, _ = await store.create(WISH, NOW)
    await ring.load(pool)
    compared: list[tuple[int, int]] = []

    def compare_digest(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr("sadd.identity.ring.hmac", SimpleNamespace(compare_digest=compare_digest))
    for key in (_wrong(live), mint()):
        assert ring.authenticate(_bearer(key)) is None

    assert compared == [(32, 32), (32, 32)]


async def test_cost(store: KeyStore, ring: KeyRing, pool: Pool) -> None:
    """A look at a header is microseconds: 1.2 where docs/identity.md measured it, 10 anywhere."""
    key, _ = await store.create(WISH, NOW)
    await ring.load(pool)
    header = _bearer(key)

    best = min(timeit.repeat(lambda: ring.authenticate(header), number=1000, repeat=9)) / 1000

    assert best < 10e-6


async def test_several_live_keys(store: KeyStore, ring: KeyRing, pool: Pool) -> None:
    """While an agency rotates its key, the old and the new one are both that agency."""
    old, _ = await store.create(WISH, NOW)
    new, _ = await store.create(WISH, NOW)
    await ring.load(pool)

    callers = [ring.authenticate(_bearer(key)) for key in (old, new)]

    assert [caller and caller.agency for caller in callers] == ["moi", "moi"]


async def test_expiry_at_once(store: KeyStore, ring: KeyRing, pool: Pool, clock: Clock) -> None:
    """A key that was in use a moment ago is nobody from its very end on, without a load."""
    key, _ = await store.create(replace(WISH, expires_at=NOW + timedelta(seconds=10)), NOW)
    await ring.load(pool)

    clock.now += 9.999
    before = ring.authenticate(_bearer(key))
    clock.now += 0.001

    assert before is not None
    assert ring.authenticate(_bearer(key)) is None


async def test_revocation_at_the_swap(store: KeyStore, ring: KeyRing, pool: Pool) -> None:
    """A key that was in use a moment ago is nobody from the load on; the other keys stay."""
    key, _ = await store.create(WISH, NOW)
    other, _ = await store.create(WISH, NOW)
    await ring.load(pool)
    assert ring.authenticate(_bearer(key))

    await store.revoke(key.prefix, NOW)
    await ring.load(pool)

    assert ring.authenticate(_bearer(key)) is None
    assert ring.authenticate(_bearer(other)) is not None


async def test_in_force(store: KeyStore, ring: KeyRing, pool: Pool, clock: Clock) -> None:
    """A prefix alone says whose key it is, until the key expires or is revoked; of no key it is nobody's."""
    key, _ = await store.create(replace(WISH, expires_at=NOW + timedelta(seconds=5)), NOW)
    kept, _ = await store.create(WISH, NOW)
    await ring.load(pool)

    assert ring.in_force(key.prefix) == Caller(key.prefix, "moi", WISH.scopes)
    assert ring.in_force("unknown") is None

    clock.now += 5
    assert ring.in_force(key.prefix) is None
    await store.revoke(kept.prefix, NOW)
    await ring.load(pool)
    assert ring.in_force(kept.prefix) is None


async def test_failed_load(store: KeyStore, ring: KeyRing, pool: Pool) -> None:
    """A load that fails leaves the keys as they were."""
    key, _ = await store.create(WISH, NOW)
    await ring.load(pool)
    await pool.execute("ALTER TABLE api_key RENAME TO elsewhere")

    with pytest.raises(asyncpg.UndefinedTableError):
        await ring.load(pool)

    assert ring.authenticate(_bearer(key)) is not None


async def test_loads_one_after_the_other(store: KeyStore, ring: KeyRing, pool: Pool) -> None:
    """Of loads at the same time, a slow older one never undoes what a newer one saw."""
    key, _ = await store.create(WISH, NOW)
    async with pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute("LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE")
            slow = asyncio.create_task(ring.load(pool))
            await asyncio.sleep(0)
            new = asyncio.create_task(ring.load(pool))
            await connection.execute("UPDATE api_key SET revoked_at = $1", NOW)
        await asyncio.gather(slow, new)

    assert ring.authenticate(_bearer(key)) is None
    assert ring.stats().loads == 2


async def test_last_used(store: KeyStore, ring: KeyRing, pool: Pool, clock: Clock) -> None:
    """Uses are written when asked, the last one of each key, and each only once."""
    used, _ = await store.create(WISH, NOW)
    unused, _ = await store.create(WISH, NOW)
    await ring.load(pool)
    ring.authenticate(_bearer(used))
    clock.now += 5
    ring.authenticate(_bearer(used))
    ring.authenticate(_bearer(_wrong(unused)))

    written = [await ring.write_last_used(pool), await ring.write_last_used(pool)]

    last_used = {record.prefix: record.last_used_at for record in await store.records()}
    assert written == [1, 0]
    assert last_used == {used.prefix: NOW + timedelta(seconds=5), unused.prefix: None}


async def test_last_used_never_goes_back(store: KeyStore, pool: Pool) -> None:
    """A worker that writes late does not put an older use over a newer one."""
    key, _ = await store.create(WISH, NOW)
    early, late = Clock(), Clock()
    late.now += 60
    rings = [KeyRing(late), KeyRing(early)]
    for ring in rings:
        await ring.load(pool)
        ring.authenticate(_bearer(key))
        await ring.write_last_used(pool)

    assert (await store.records())[0].last_used_at == NOW + timedelta(seconds=60)


async def test_last_used_is_kept(store: KeyStore, ring: KeyRing, pool: Pool, clock: Clock) -> None:
    """What could not be written is written the next time, unless there was a later use."""
    one, _ = await store.create(WISH, NOW)
    two, _ = await store.create(WISH, NOW)
    await ring.load(pool)
    for key in (one, two):
        ring.authenticate(_bearer(key))
    await pool.execute("ALTER TABLE api_key RENAME TO elsewhere")
    with pytest.raises(asyncpg.UndefinedTableError):
        await ring.write_last_used(pool)
    await pool.execute("ALTER TABLE elsewhere RENAME TO api_key")
    clock.now += 5
    ring.authenticate(_bearer(two))

    assert await ring.write_last_used(pool) == 2
    last_used = {record.prefix: record.last_used_at for record in await store.records()}
    assert last_used == {one.prefix: NOW, two.prefix: NOW + timedelta(seconds=5)}


async def test_last_used_by_many_workers(store: KeyStore, pool: Pool) -> None:
    """Workers that write the same keys in different orders at once do not lock each other up."""
    keys = [(await store.create(WISH, NOW))[0] for _ in range(50)]
    rings = [KeyRing(Clock()) for _ in range(4)]
    for turn in range(5):
        for number, ring in enumerate(rings):
            ring._clock.now += turn  # type: ignore[attr-defined]  # it is a Clock
            await ring.load(pool)
            for key in keys if number % 2 else reversed(keys):
                ring.authenticate(_bearer(key))
        written = await asyncio.gather(*(ring.write_last_used(pool) for ring in rings))
        assert written == [50] * 4


async def test_stats(store: KeyStore, ring: KeyRing, pool: Pool) -> None:
    """The ring counts its keys, its loads, and the headers that were nobody's."""
    key, _ = await store.create(WISH, NOW)
    await ring.load(pool)
    for header in (None, _bearer(key), _bearer(mint()), "Bearer x"):
        ring.authenticate(header)

    assert ring.stats() == KeyRingStats(keys=1, loads=1, look_ups=0, refusals=2)


async def test_database_away(ring: KeyRing) -> None:
    """A ring that never loaded knows nobody."""
    assert ring.authenticate(_bearer(mint())) is None


async def test_a_key_that_was_made_a_moment_ago_is_looked_up(
    store: KeyStore, clock: Clock, pool: Pool
) -> None:
    """Before its announcement has come; a wrong secret, and a revoked key, stay unknown."""
    ring = KeyRing(clock, pool=pool)
    await ring.load(pool)
    key, _ = await store.create(WISH, NOW)
    revoked, _ = await store.create(WISH, NOW)
    await store.revoke(revoked.prefix, NOW)

    headers = [_bearer(key), _bearer(_wrong(key)), _bearer(revoked)]
    assert [ring.is_stranger(header) for header in headers] == [True, True, True]
    for header in headers:
        await ring.look_up(header)

    assert [ring.authenticate(header) is not None for header in headers] == [True, False, False]
    assert not ring.is_stranger(_bearer(key))


async def test_invented_keys_do_not_keep_the_database_busy(store: KeyStore, clock: Clock, pool: Pool) -> None:
    """A few look-ups in a second of the clock, whoever asks; then more in the next."""
    ring = KeyRing(clock, pool=pool)
    for _ in range(100):
        await ring.look_up(_bearer(mint()))
    assert ring.stats().look_ups == LOOK_UPS_PER_SECOND_MAX
    key, _ = await store.create(WISH, NOW)
    await ring.look_up(_bearer(key))
    assert ring.authenticate(_bearer(key)) is None
    clock.now += 1
    await ring.look_up(_bearer(key))
    assert ring.authenticate(_bearer(key)) is not None
