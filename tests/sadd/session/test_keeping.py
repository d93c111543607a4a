"""Over both stores: what is acknowledged is in the database first, and a loss of the store undoes nothing."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import pytest

from sadd.postgres.pool import Pool
from sadd.sealing import Sealer
from sadd.session.ids import Ids
from sadd.session.policy import SessionPolicy
from sadd.session.postgres import PostgresLedger
from sadd.session.sessions import Sessions, UnknownSession
from sadd.session.store import Ending, StoreUnavailable, VersionConflict
from sadd.session.valkey import ValkeyStore
from tests.sadd.session.conftest import PEPPER, SEAL
from tests.stores import StoppableValkey, connected
from tests.waiting import eventually

HOT = SessionPolicy(600_000, 3_600_000)
DURABLE = SessionPolicy(600_000, 3_600_000, durable=True)


@asynccontextmanager
async def sessions_on(url: str, ledger: PostgresLedger) -> AsyncIterator[Sessions]:
    async with connected(url, deadline_ms=5_000) as client:
        yield Sessions(ValkeyStore(client), Ids(PEPPER), Sealer([SEAL]), ledger)


async def alive(sessions: Sessions, session_id: str) -> bool:
    """Waits out the time in which the client looks for a store that was started anew."""

    async def look() -> str:
        try:
            await sessions.get("moi", session_id)
        except UnknownSession:
            return "no"
        except StoreUnavailable:
            return ""
        return "yes"

    return await eventually(look, 10) == "yes"


def data_of(payload: bytes) -> object:
    return msgspec.json.decode(payload)


async def test_durable_sessions_survive_the_total_loss_of_the_store(
    own_valkey: StoppableValkey, ledger: PostgresLedger
) -> None:
    """kill -9, and the store begins with nothing: each acknowledged durable session is there as it was last
    acknowledged, under its last id; those that were ended stay ended; hot ones are gone."""
    async with sessions_on(own_valkey.url, ledger) as sessions:
        hot, _ = await sessions.create("moi", "portal", "one", HOT, {})
        plain, _ = await sessions.create("moi", "portal", "one", DURABLE, {"a": 1})
        changed, _ = await sessions.create("moi", "portal", "two", DURABLE, {"a": 1}, device="phone")
        await sessions.patch("moi", changed, None, {"b": 2})
        old, _ = await sessions.create("moi", "portal", "three", DURABLE, {"a": 1})
        rotated, before = await sessions.rotate("moi", old, level=2, level_ms=60_000)
        ended, _ = await sessions.create("moi", "portal", "one", DURABLE, {})
        await sessions.revoke("moi", ended)
        swept, _ = await sessions.create("moi", "portal", "four", DURABLE, {})
        await sessions.revoke_all("moi", "four")
        after, _ = await sessions.create("moi", "portal", "four", DURABLE, {"new": True})

        own_valkey.stop()
        own_valkey.start()

        assert await alive(sessions, plain)
        assert not await alive(sessions, hot)
        found = await sessions.touch("moi", changed)
        assert (data_of(found.payload), found.version, found.device) == ({"a": 1, "b": 2}, 2, "phone")
        again = await sessions.touch("moi", rotated)
        assert (again.subject, again.level_now, again.absolute_ms) == ("three", 2, before.absolute_ms)
        for gone in (old, ended, swept):
            assert not await alive(sessions, gone)
        assert await alive(sessions, after)
        assert {one.ref for one in await sessions.listed("moi", "one")} == {
            (await sessions.get("moi", plain)).ref
        }
        patched = await sessions.patch("moi", changed, 2, {"c": 3})
        assert data_of(patched.payload) == {"a": 1, "b": 2, "c": 3}


async def test_no_revocation_is_undone_by_an_older_store(
    own_valkey: StoppableValkey, ledger: PostgresLedger
) -> None:
    """The store comes back as it was before the sign-outs (a lagging replica, an older file): sessions that
    were signed out are out, one by one, all of a subject, and all but one; the others live."""
    async with sessions_on(own_valkey.url, ledger) as sessions:
        one, _ = await sessions.create("moi", "portal", "a", HOT, {})
        other, _ = await sessions.create("moi", "portal", "a", HOT, {})
        all_of, _ = await sessions.create("moi", "portal", "b", HOT, {})
        but, _ = await sessions.create("moi", "portal", "c", HOT, {})
        kept, _ = await sessions.create("moi", "portal", "c", HOT, {})
        durable, _ = await sessions.create("moi", "portal", "d", DURABLE, {"at": 1})
        older = await dumped(own_valkey.url)
        await sessions.revoke("moi", one)
        await sessions.revoke_all("moi", "b")
        await sessions.revoke_all("moi", "c", except_id=kept)
        await sessions.patch("moi", durable, None, {"at": 2})

        own_valkey.stop()
        own_valkey.start()
        await restored(own_valkey.url, older)

        for gone in (one, all_of, but):
            assert not await alive(sessions, gone)
        for lives in (other, kept):
            assert await alive(sessions, lives)
        assert data_of((await sessions.get("moi", durable)).payload) == {"at": 2}
        assert sessions.stats().completed >= 4


async def test_a_wiped_store_of_the_same_run_is_seen(
    own_valkey: StoppableValkey, ledger: PostgresLedger
) -> None:
    """FLUSHALL by somebody's hand: durable sessions are back at once, and ended ones are not."""
    async with sessions_on(own_valkey.url, ledger) as sessions:
        lives, _ = await sessions.create("moi", "portal", "a", DURABLE, {})
        ended, _ = await sessions.create("moi", "portal", "a", DURABLE, {})
        await sessions.revoke("moi", ended)
        async with connected(own_valkey.url) as client:
            await client.command("FLUSHALL")
        assert await alive(sessions, lives)
        assert not await alive(sessions, ended)


async def test_random_stories_with_losses_lose_nothing(
    own_valkey: StoppableValkey, ledger: PostgresLedger
) -> None:
    """Durable sessions are begun, changed, rotated and ended by two workers while the store is killed, and
    begins empty or as it was some time ago: after every loss what was acknowledged is there, and no more."""
    dice = random.Random(7)
    async with (
        sessions_on(own_valkey.url, ledger) as first,
        sessions_on(own_valkey.url, ledger) as second,
    ):
        held: dict[str, dict[str, int]] = {}
        ended: list[str] = []
        older = await dumped(own_valkey.url)
        for round_ in range(6):
            for step in range(12):
                sessions = dice.choice((first, second))
                await one_step(sessions, dice, held, ended, f"{round_}-{step}")
                if dice.random() < 0.15:
                    older = await dumped(own_valkey.url)
            own_valkey.stop()
            own_valkey.start()
            if dice.random() < 0.6:
                await restored(own_valkey.url, older)
            for sessions in (first, second):
                assert not await alive(sessions, Ids(PEPPER).new("moi", "nobody")), "both see the store again"
            for session_id, fields in held.items():
                assert await alive(first, session_id)
                assert await alive(second, session_id)
                assert data_of((await second.get("moi", session_id)).payload) == fields
            for session_id in ended:
                assert not await alive(first, session_id)


async def one_step(
    sessions: Sessions, dice: random.Random, held: dict[str, dict[str, int]], ended: list[str], name: str
) -> None:
    deed = dice.choice(("begin", "begin", "change", "change", "rotate", "end", "end all"))
    subject = dice.choice("abc")
    if deed == "begin" or not held:
        session_id, _ = await sessions.create("moi", "portal", subject, DURABLE, {})
        held[session_id] = {}
        return
    session_id = dice.choice(sorted(held))
    if deed == "change":
        await sessions.patch("moi", session_id, None, {name: 1})
        held[session_id][name] = 1
    elif deed == "rotate":
        renewed, _ = await sessions.rotate("moi", session_id)
        held[renewed] = held.pop(session_id)
        ended.append(session_id)
    elif deed == "end":
        await sessions.revoke("moi", session_id)
        del held[session_id]
        ended.append(session_id)
    else:
        subject = (await sessions.get("moi", session_id)).subject
        gone = [each for each in held if (await sessions.get("moi", each)).subject == subject]
        await sessions.revoke_all("moi", subject)
        ended += gone
        for each in gone:
            del held[each]


async def dumped(url: str) -> dict[bytes, tuple[bytes, int]]:
    """All keys, as DUMP gives them, and when they expire."""
    async with connected(url) as client:
        found: dict[bytes, tuple[bytes, int]] = {}
        keys = await client.command("KEYS", "*")
        assert isinstance(keys, list)
        for key in keys:
            assert isinstance(key, bytes)
            value, until = await client.command("DUMP", key), await client.command("PEXPIRETIME", key)
            if isinstance(value, bytes) and isinstance(until, int):
                found[key] = value, until
    return found


async def restored(url: str, keys: dict[bytes, tuple[bytes, int]]) -> None:
    async with connected(url) as client:
        for key, (value, until) in keys.items():
            await client.command("RESTORE", key, max(until, 0), value, "ABSTTL", "REPLACE")


async def test_nobody_is_told_of_a_sign_out_that_the_database_does_not_know(
    store: ValkeyStore, ids: Ids, pool: Pool, ledger: PostgresLedger
) -> None:
    """The database away: a sign-out is answered "nobody knows", and the session lives on in both stores."""
    sessions = Sessions(store, ids, Sealer([SEAL]), ledger)
    session_id, _ = await sessions.create("moi", "portal", "a", HOT, {})
    durable, _ = await sessions.create("moi", "portal", "a", DURABLE, {})
    await pool.close()
    for call in (
        sessions.revoke("moi", session_id),
        sessions.revoke_all("moi", "a"),
        sessions.patch("moi", durable, None, {"x": 1}),
        sessions.rotate("moi", durable),
        sessions.create("moi", "portal", "a", DURABLE, {}),
        sessions.create("moi", "portal", "never seen", HOT, {}),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    assert await alive(sessions, session_id)
    assert (await sessions.touch("moi", durable)).version == 1
    assert (await sessions.patch("moi", session_id, None, {"x": 1})).version == 2


async def test_what_the_store_did_not_take_is_done_when_it_is_back(
    own_valkey: StoppableValkey, ledger: PostgresLedger
) -> None:
    """The store goes between the commit and its own part: the caller is told that nobody knows, and the
    sign-out is in force as soon as the store is back, though nobody asks again."""
    async with sessions_on(own_valkey.url, ledger) as sessions:
        session_id, _ = await sessions.create("moi", "portal", "a", DURABLE, {})
        work = asyncio.create_task(sessions.work())
        own_valkey.stop()
        with pytest.raises(StoreUnavailable):
            await sessions.revoke_all("moi", "a")
        assert sessions.stats().owed == 1
        own_valkey.start()
        await eventually(lambda: sessions.stats().owed == 0, 10)
        assert not await alive(sessions, session_id)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_a_worker_that_dies_between_the_stores_leaves_nobody_signed_in(
    kept: Sessions, ledger: PostgresLedger
) -> None:
    """The revocation is committed and the worker dies before the store hears of it: the next worker tells it,
    and who signed in since then stays so."""
    one, session = await kept.create("moi", "portal", "a", HOT, {})
    two, other = await kept.create("moi", "portal", "b", HOT, {})
    three, _ = await kept.create("moi", "portal", "c", HOT, {})
    until = session.absolute_ms
    await ledger.revoke(
        [
            Ending("moi", "portal", session.ref[:11], session.ref[11:], b"", "signed-out", until_ms=until),
            Ending("moi", "", other.ref[:11], "", b"", "signed-out-everywhere"),
        ]
    )
    await kept.revoke_all("moi", "c")
    again, _ = await kept.create("moi", "portal", "c", HOT, {})
    assert await alive(kept, one)
    work = asyncio.create_task(kept.work())
    for gone in (one, two):
        await eventually(partial(ended, kept, gone), 10)
    assert not await alive(kept, three)
    assert await alive(kept, again)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def ended(sessions: Sessions, session_id: str) -> bool:
    return not await alive(sessions, session_id)


async def test_a_database_that_was_put_back_ends_sessions_all_the_same(kept: Sessions, pool: Pool) -> None:
    """It forgot all revocations and counts from nothing; the store knows a higher generation, and a sign-out
    everywhere still ends what there is."""
    await kept.create("moi", "portal", "a", HOT, {})
    await kept.revoke_all("moi", "a")
    session_id, session = await kept.create("moi", "portal", "a", HOT, {})
    await pool.execute("DELETE FROM session_revocation")
    await pool.execute("UPDATE session_feed SET seq = 0, generation = 0")
    await eventually(lambda: later(kept, session_id, session.created_ms))
    await kept.revoke_all("moi", "a")
    assert not await alive(kept, session_id)
    assert (await kept.revocations(0)).last == 1


async def later(sessions: Sessions, session_id: str, than_ms: int) -> bool:
    """By more than the first revocation may have been ahead of the clock."""
    return (await sessions.get("moi", session_id)).read_ms > than_ms + 10


async def test_a_store_that_is_behind_the_journal_catches_up(kept: Sessions, valkey_url: str) -> None:
    """A change is in the journal and is not in the store: who changes the older version is told of a
    conflict, and whoever merges does so into what was committed."""
    session_id, _ = await kept.create("moi", "portal", "a", DURABLE, {"a": 1})
    older = await dumped(valkey_url)
    await kept.patch("moi", session_id, 1, {"b": 2})
    await restored(valkey_url, older)
    with pytest.raises(VersionConflict) as conflict:
        await kept.patch("moi", session_id, 1, {"c": 3})
    assert conflict.value.version == 2
    await restored(valkey_url, older)
    merged = await kept.patch("moi", session_id, None, {"c": 3})
    assert data_of(merged.payload) == {"a": 1, "b": 2, "c": 3}


async def test_idleness_goes_on_over_a_loss(
    own_valkey: StoppableValkey, ledger: PostgresLedger, pool: Pool
) -> None:
    """A durable session that was not used for longer than its idle time does not come back with a loss; and
    the last use is known to a quarter of the idle time, never early."""
    async with sessions_on(own_valkey.url, ledger) as sessions:
        idle, session = await sessions.create("moi", "portal", "a", DURABLE, {})
        used, _ = await sessions.create("moi", "portal", "b", DURABLE, {})
        long_ago = session.created_ms - 800_000
        await pool.execute(
            "UPDATE session_journal SET used_ms = $1 WHERE ref = $2", long_ago, session.ref[11:]
        )
        own_valkey.stop()
        own_valkey.start()
        assert not await alive(sessions, idle)
        assert await alive(sessions, used)
        again = await sessions.get("moi", used)
        assert again.used_ms <= again.read_ms


async def test_the_journal_forgets_what_ended(kept: Sessions, ledger: PostgresLedger, pool: Pool) -> None:
    """A sign-out leaves it at once; what ended by time, with the next sweep, an hour later; revocations when
    nothing that they ended could live. Who resumes below the forgotten is told of a gap."""
    for subject in "abc":
        session_id, _ = await kept.create("moi", "portal", subject, DURABLE, {})
    await kept.revoke("moi", session_id)
    assert await pool.fetchval("SELECT count(*) FROM session_journal") == 2
    assert await ledger.sweep() == 0
    await pool.execute("UPDATE session_journal SET absolute_ms = absolute_ms - 10000000")
    await pool.execute("UPDATE session_revocation SET until = now() - interval '1 s'")
    assert await ledger.sweep() == 3
    feed = await kept.revocations(0)
    assert (feed.revocations, feed.last, feed.gap) == ((), 1, True)
    assert not (await kept.revocations(1)).gap


async def test_everything_in_the_store_has_an_end(kept: Sessions, valkey_url: str) -> None:
    """Begun, changed, rotated, ended, listed, asked for and never begun: each key that is left goes by
    itself, no later than the longest session and a minute or two."""
    for policy in (HOT, DURABLE):
        held = [(await kept.create("moi", "portal", s, policy, {}, network="n"))[0] for s in "aabbcc"]
        await kept.patch("moi", held[0], None, {"x": 1})
        await kept.rotate("moi", held[1])
        await kept.revoke("moi", held[2])
        await kept.revoke_all("moi", "c", except_id=held[4])
        for subject in ("a", "nobody"):
            await kept.listed("moi", subject)
            await kept.revoke_all("moi", f"never-{subject}")
    async with connected(valkey_url) as client:
        keys = await client.command("KEYS", "*")
        assert isinstance(keys, list)
        lives = [await client.command("PTTL", key) for key in keys if isinstance(key, bytes)]
    assert len(lives) > 10
    assert all(isinstance(left, int) and 0 < left <= HOT.absolute_ms + 120_000 for left in lives)
