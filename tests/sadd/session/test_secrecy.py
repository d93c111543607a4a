"""What somebody finds who has the stores and the logs; and that a rotation of keys harms nobody."""

import asyncio

import msgspec
import pytest

from sadd.postgres.pool import Pool
from sadd.sealing import Sealer, SealKey
from sadd.session.ids import Ids
from sadd.session.policy import SessionPolicy
from sadd.session.postgres import PostgresLedger
from sadd.session.sessions import Sessions, UnknownSession
from sadd.session.valkey import ValkeyStore
from sadd.valkey.client import ValkeyClient
from tests.sadd.session.conftest import PEPPER, SEAL
from tests.stores import connected
from tests.waiting import eventually

HOT = SessionPolicy(600_000, 3_600_000)
DURABLE = SessionPolicy(600_000, 3_600_000, durable=True)
SUBJECT = "28412345678"
DEVICE = "a telltale device"
SECRET = "a telltale secret"


async def dump(client: ValkeyClient) -> bytes:
    """Every key and value, as they are."""
    keys = await client.command("KEYS", "*")
    assert isinstance(keys, list)
    found = []
    for key in keys:
        assert isinstance(key, bytes)
        if "zset" in str(await client.command("TYPE", key)):
            found.append((key, await client.command("ZRANGE", key, 0, -1, "WITHSCORES")))
        else:
            found.append((key, await client.command("GET", key)))
    return repr(found).encode()


async def test_no_dump_holds_a_usable_id_or_clear_payload(
    kept: Sessions, valkey_url: str, pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sessions begun, changed, rotated, ended and shown again: neither store, nor a log line, nor what the
    engine tells of itself, has an id's random part, a payload, a subject or a device."""
    ids = []
    for policy in (HOT, DURABLE):
        for _ in range(4):
            session_id, _ = await kept.create(
                "moi", "portal", SUBJECT, policy, {"note": SECRET}, device=DEVICE
            )
            ids.append(session_id)
        await kept.patch("moi", ids[-1], None, {"more": SECRET})
        renewed, _ = await kept.rotate("moi", ids[-2])
        ids.append(renewed)
        with pytest.raises(UnknownSession):
            await kept.touch("moi", ids[-3])
        await kept.revoke("moi", ids[-5])
    await kept.revoke_all("moi", SUBJECT, except_id=ids[1])
    async with connected(valkey_url) as client:
        found = await dump(client)
    for table in ("session_journal", "session_revocation"):
        found += repr([dict(row) for row in await pool.fetch(f"SELECT * FROM {table}")]).encode()
    found += "".join(capsys.readouterr()).encode() + repr(kept.stats()).encode()
    assert len(found) > 2_000
    for session_id in ids:
        assert session_id[11:].encode() not in found
    for told in (SECRET, SUBJECT, DEVICE):
        assert told.encode() not in found


async def test_a_feed_tells_subjects_though_they_are_sealed(kept: Sessions) -> None:
    """Who ended, of which agency and service, by which ref and why; numbers without gaps."""
    session_id, session = await kept.create("moi", "portal", SUBJECT, HOT, {})
    await kept.revoke("moi", session_id, reason="signed-out")
    other, last = await kept.create("moi", "portal", SUBJECT, HOT, {})
    await kept.revoke_all("moi", SUBJECT, except_id=other)
    feed = await kept.revocations(0)
    one, everything = feed.revocations
    assert (one.seq, one.service, one.subject, one.ref, one.reason) == (
        1,
        "portal",
        SUBJECT,
        session.ref,
        "signed-out",
    )
    assert (everything.seq, everything.service, everything.ref, everything.kept) == (2, "", "", last.ref)
    assert (feed.last, feed.gap) == (2, False)
    assert (await kept.revocations(2)).revocations == ()


async def test_numbers_of_the_feed_are_gapless_and_in_the_order_of_commits(
    kept: Sessions, ledger: PostgresLedger, store: ValkeyStore
) -> None:
    """Forty sign-outs by two workers at once, read meanwhile: who resumes from what he saw misses none."""
    other = Sessions(store, Ids(PEPPER), Sealer([SEAL]), ledger)
    made = [(await kept.create("moi", "portal", f"s{i}", HOT, {}))[0] for i in range(40)]
    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < 40:
            feed = await kept.revocations(seen[-1] if seen else 0, 7)
            seen.extend(each.seq for each in feed.revocations)

    following = asyncio.create_task(follow())
    await asyncio.gather(*((kept, other)[i % 2].revoke("moi", each) for i, each in enumerate(made)))
    await asyncio.wait_for(following, 20)
    assert seen == list(range(1, 41))


async def test_a_session_of_200_bytes_costs_at_most_600_of_the_store(kept: Sessions, valkey_url: str) -> None:
    """Both of its keys, with all that the store adds to them."""
    await kept.create("moi", "traffic-fines", SUBJECT, HOT, {"data": "x" * 189})
    async with connected(valkey_url) as client:
        keys = await client.command("KEYS", "session:*")
        assert isinstance(keys, list)
        used = [await client.command("MEMORY", "USAGE", key) for key in keys if isinstance(key, bytes)]
    assert len(used) == 2
    assert sum(each for each in used if isinstance(each, int)) <= 600


async def test_keys_rotate_without_a_logout(
    store: ValkeyStore, ledger: PostgresLedger, valkey_url: str
) -> None:
    """Pepper and seal key are replaced while sessions are used by a worker that knows and one that does not
    yet: nobody is signed out, lists are whole, caps hold, and revoke-all reaches those from before."""
    new_pepper, new_seal = b"q" * 32, SealKey("0000000b", b"t" * 32)
    policy = SessionPolicy(600_000, 3_600_000, parallel_max=4)
    early = Sessions(store, Ids(PEPPER), Sealer([SEAL]), ledger)
    late = Sessions(store, Ids(PEPPER), Sealer([SEAL]), ledger)
    before = [(await early.create("moi", "portal", SUBJECT, policy, {"i": i}))[0] for i in range(3)]
    durable, _ = await early.create("moi", "portal", "other", DURABLE, {})
    late.renew([PEPPER, new_pepper], [SEAL, new_seal])  # accepted, and not yet used
    early.renew([new_pepper, PEPPER], [new_seal, SEAL])  # used
    for session_id in before:
        assert (await early.touch("moi", session_id)).subject == SUBJECT
    after, _ = await early.create("moi", "portal", SUBJECT, policy, {})
    assert (await late.patch("moi", after, None, {"x": 1})).version == 2
    assert (await early.patch("moi", before[0], None, {"x": 1})).version == 2
    assert (await late.touch("moi", before[0])).version == 2
    renewed, _ = await early.rotate("moi", before[1])
    assert (await late.touch("moi", renewed)).subject == SUBJECT
    assert (await early.patch("moi", durable, None, {"x": 1})).version == 2
    assert len(await early.listed("moi", SUBJECT)) == len(await late.listed("moi", SUBJECT)) == 4
    await early.create("moi", "portal", SUBJECT, policy, {})
    assert len(await early.listed("moi", SUBJECT)) == 4
    await early.revoke_all("moi", SUBJECT)
    assert await late.listed("moi", SUBJECT) == ()
    assert (await late.touch("moi", durable)).version == 2


async def test_a_record_moved_elsewhere_opens_nowhere(
    kept: Sessions, store: ValkeyStore, valkey_url: str
) -> None:
    """Copied in the store to another session of the same subject, it is unknown there, and logged."""
    one, first = await kept.create("moi", "portal", "a", HOT, {"role": "clerk"})
    two, second = await kept.create("moi", "portal", "a", HOT, {"role": "minister"})
    key = "session:{%s}:%s"
    async with connected(valkey_url) as client:
        higher = await client.command("GET", key % (second.ref[:11], second.ref[11:]))
        assert isinstance(higher, bytes)
        await client.command("SET", key % (first.ref[:11], first.ref[11:]), higher)
    with pytest.raises(UnknownSession):
        await kept.touch("moi", one)
    assert kept.stats().unsealable == 1
    assert (await kept.touch("moi", two)).subject == "a"


async def test_an_older_version_put_back_is_no_newer_one(kept: Sessions, valkey_url: str) -> None:
    """What was sealed for version 1 does not open as version 2."""
    session_id, session = await kept.create("moi", "portal", "a", HOT, {"limit": 10})
    key = f"session:{{{session.ref[:11]}}}:{session.ref[11:]}"
    async with connected(valkey_url) as client:
        old = await client.command("GET", key)
        await kept.patch("moi", session_id, None, {"limit": 1})
        new = await client.command("GET", key)
        assert isinstance(old, bytes)
        assert isinstance(new, bytes)
        await client.command("SET", key, new[:42] + old[42:])
    with pytest.raises(UnknownSession):
        await kept.touch("moi", session_id)


async def test_a_thousand_parallel_merges_lose_nothing(
    store: ValkeyStore, ledger: PostgresLedger, valkey_url: str
) -> None:
    """By two workers: each that was acknowledged is there, each that was not was told of a conflict."""
    async with connected(valkey_url) as client:
        workers = [
            Sessions(ValkeyStore(client), Ids(PEPPER), Sealer([SEAL]), ledger),
            Sessions(store, Ids(PEPPER), Sealer([SEAL]), ledger),
        ]
        session_id, _ = await workers[0].create("moi", "portal", "a", HOT, {})
        results = await asyncio.gather(
            *(workers[i % 2].patch("moi", session_id, None, {f"f{i}": i}) for i in range(1000)),
            return_exceptions=True,
        )
        told = {f"f{i}" for i, result in enumerate(results) if not isinstance(result, BaseException)}
        session = await workers[0].get("moi", session_id)
    assert set(kept_fields(session.payload)) == told
    assert session.version == len(told) + 1
    assert len(told) > 500


async def test_a_hundred_parallel_merges_into_a_durable_session_lose_nothing(kept: Sessions) -> None:
    """Within one worker each waits for its turn: all are made."""
    session_id, _ = await kept.create("moi", "portal", "a", DURABLE, {})
    await asyncio.gather(*(kept.patch("moi", session_id, None, {f"f{i}": i}) for i in range(100)))
    assert len(kept_fields((await kept.get("moi", session_id)).payload)) == 100


def kept_fields(payload: bytes) -> dict[str, int]:
    return msgspec.json.decode(payload, type=dict[str, int])


async def test_a_caller_that_is_gone_leaves_no_half_sign_out(kept: Sessions) -> None:
    """Cancelled at any moment, a sign-out is in both stores or in neither."""
    for steps in range(12):
        session_id, session = await kept.create("moi", "portal", "a", HOT, {})
        call = asyncio.create_task(kept.revoke("moi", session_id))
        for _ in range(steps):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

        async def agreed(session_id: str = session_id, ref: str = session.ref) -> bool:
            told = [each.ref for each in (await kept.revocations(0)).revocations]
            try:
                await kept.touch("moi", session_id)
            except UnknownSession:
                return ref in told
            return ref not in told

        await eventually(agreed)
