"""What is left of sessions where others may look: no usable id and no clear data, in no store and no log."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.sadd.session.test_secrecy import dump
from tests.sadd.web.callers import MOEHE
from tests.sadd.web.receiving import receiving
from tests.sadd.web.scene import RESULTS
from tests.sadd.web.sessions_scene import CURRENT, SESSIONS, SignedIn, signed_in
from tests.waiting import eventually

SUBJECT = "28412345678"
SECRET = "what-only-the-service-may-read"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'signing_keys'"


@pytest.fixture
async def signed(valkey_url: str, migrated_database_url: str) -> AsyncIterator[SignedIn]:
    async with signed_in(valkey_url, migrated_database_url) as scene:
        yield scene


async def test_a_dump_signs_nobody_in_and_tells_nothing(
    signed: SignedIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """Signed in, rotated, stepped up, reused, refused, ended, told to a receiver: then everything that was
    stored or logged is searched (ASVS 14.2.1, 16.2.5)."""
    ids = await _a_life(signed)
    places = {
        "logs": "".join(capsys.readouterr()),
        "store": (await dump(signed.valkey)).decode("latin-1"),
        "database": await _database(signed),
    }
    assert "request" in places["logs"]
    assert "session:" in places["store"]
    assert "session_revocation" in places["database"]
    for place, text in places.items():
        for shown in (*ids, *(one[11:] for one in ids), SECRET, SUBJECT):
            assert shown not in text, f"{shown} is in the {place}"


async def _a_life(signed: SignedIn) -> list[str]:
    """The ids that there were."""
    async with receiving() as receiver:
        body = {"url": receiver.url}
        assert (await signed.ask("POST", f"{SESSIONS}/logout/receivers", body=body))[0] == 201
        made = await signed.sign_in(SUBJECT, data={"secret": SECRET}, device=SECRET, place=SECRET)
        ids = [made["session"]]
        for verb, wanted in (("rotate", {}), ("step-up", {"level": 2})):
            _, renewed = await signed.ask("POST", f"{CURRENT}/{verb}", ids[-1], wanted)
            ids.append(renewed["session"])
        await signed.ask("POST", f"{CURRENT}/touch", ids[-1])
        await signed.ask("PATCH", CURRENT, ids[-1], {"data": {"more": SECRET}})
        await signed.ask("GET", CURRENT, ids[0])
        await signed.ask("GET", CURRENT, ids[-1], Sadd_Service="moehe-bare")
        headers = {**MOEHE, "Cookie": f"__Host-sadd_session={ids[-1]}; __Host-sadd_session={ids[-1]}"}
        async with signed.server.client.get(CURRENT, headers=headers) as answer:
            assert answer.status == 400
        async with signed.server.client.get(f"{CURRENT}?session={ids[-1]}", headers=MOEHE) as answer:
            assert answer.status == 422
        await signed.sign_in(SUBJECT, RESULTS)
        assert (await signed.ask("DELETE", CURRENT, ids[-1]))[0] == 204
        await signed.ask("POST", f"{SESSIONS}/revoke-all", body={"subject": SUBJECT})
        await eventually(lambda: len(receiver.got) == 2)
    return ids


async def _database(signed: SignedIn) -> str:
    found: list[str] = []
    for row in await signed.pool.fetch(TABLES):
        table = row["tablename"]
        rows = await signed.pool.fetch(f"SELECT * FROM {table}")
        found += [table, json.dumps([[*map(repr, one)] for one in rows])]
    return "\n".join(found)
