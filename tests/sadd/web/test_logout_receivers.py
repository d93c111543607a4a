"""Who is told of ended sessions: by signed webhooks, and by logout tokens; each until it is taken."""

import asyncio
import hmac
import json
import time
from base64 import b64decode, b64encode
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest

from sadd.logout.token import Pinned, key_id_of, read
from sadd.web.webhook_sender import EACH_AT_ONCE_MAX
from tests.sadd.web.callers import MOPH, READER
from tests.sadd.web.receiving import Receiver, receiving
from tests.sadd.web.scene import CLINIC, RESULTS
from tests.sadd.web.sessions_scene import CURRENT, ISSUER, SESSIONS, SignedIn, signed_in
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = f"{SESSIONS}/logout/receivers"


async def register(signed: SignedIn, receiver: Receiver, **more: Any) -> dict[str, Any]:
    status, made = await signed.ask("POST", ROOT, body={"url": receiver.url, **more})
    assert status == 201, made
    found: dict[str, Any] = made
    return found


async def forget(signed: SignedIn, made: dict[str, Any]) -> None:
    assert (await signed.ask("DELETE", f"{ROOT}/{made['id']}"))[0] == 204


async def end(signed: SignedIn, subject: str) -> dict[str, Any]:
    made = await signed.sign_in(subject)
    assert (await signed.ask("DELETE", CURRENT, made["session"]))[0] == 204
    return made


def verified(secret: str, fields: dict[str, str], body: bytes) -> bool:
    """As any library of Standard Webhooks does it."""
    key = b64decode(secret.removeprefix("whsec_"))
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + body
    wanted = "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
    return hmac.compare_digest(wanted, fields["webhook-signature"])


async def try_now(signed: SignedIn, receiver: dict[str, Any], error: str) -> None:
    """Once it is noted how the last attempt failed, end the pause before the next one."""
    failed = "UPDATE logout_delivery SET due_at = now() WHERE receiver = $1 AND last_error = $2 RETURNING id"
    await eventually(lambda: signed.pool.fetchval(failed, receiver["id"], error))
    signed.ways.sender.wake()


def token_of(body: bytes) -> str:
    (token,) = parse_qs(body.decode())["logout_token"]
    return token


async def test_a_webhook_is_told_who_was_signed_out(signed: SignedIn) -> None:
    """Signed; with the session's ref and the feed's number, and never with an id."""
    async with receiving() as receiver:
        hook = await register(signed, receiver)
        made = await end(signed, "hooked")
        await eventually(lambda: receiver.got)
        fields, body = receiver.got[0]
        assert verified(hook["secret"], fields, body)
        told = json.loads(body)
        assert told["type"] == "session.revoked"
        assert (told["data"]["session"], told["data"]["subject"]) == (made["ref"], "hooked")
        assert fields["webhook-id"] == f"rev_{told['data']['seq']}_{hook['id']}"
        assert made["session"].encode() not in body
        await forget(signed, hook)


async def test_what_is_not_taken_is_sent_again(signed: SignedIn) -> None:
    """The same id at each attempt, so that it counts once; what was taken is not sent again."""
    async with receiving() as receiver:
        receiver.answers = [500, 302]
        hook = await register(signed, receiver)
        await end(signed, "again")
        for status in (500, 302):
            await try_now(signed, hook, f"status {status}")
        await eventually(lambda: len(receiver.got) == 3)
        assert len({fields["webhook-id"] for fields, _ in receiver.got}) == 1
        assert len({body for _, body in receiver.got}) == 1
        await eventually(lambda: signed.pool.fetchval("SELECT count(*) = 0 FROM logout_delivery"))
        await forget(signed, hook)


async def test_who_is_gone_is_told_no_more(signed: SignedIn) -> None:
    """410 ends the receiver; the message stays to be looked at."""
    async with receiving() as receiver:
        receiver.status = 410
        hook = await register(signed, receiver)
        await end(signed, "gone")

        async def given_up() -> bool:
            _, body = await signed.ask("GET", ROOT)
            (one,) = [each for each in body["receivers"] if each["id"] == hook["id"]]
            return bool(one["disabled_at"] and one["given_up"] == 1 and one["last_error"] == "status 410")

        await eventually(given_up)
        await end(signed, "gone")
        assert len(receiver.got) == 1
        await forget(signed, hook)


async def test_a_relying_party_gets_a_logout_token(signed: SignedIn) -> None:
    """As Back-Channel Logout 1.0 has it: verified by the published keys, for its audience; ``sid`` where one
    session ended, ``sub`` alone where all did."""
    async with receiving() as receiver:
        party = await register(signed, receiver, kind="oidc", audience="portal")
        assert (party["secret"], party["issuer"]) == (None, ISSUER)
        made = await end(signed, "token")
        await signed.ask("POST", f"{SESSIONS}/revoke-all", body={"subject": "token"})
        await eventually(lambda: len(receiver.got) == 2)
        async with signed.server.client.get(f"{SESSIONS}/logout/jwks.json") as answer:
            assert answer.status == 200
            keys = jwt.PyJWKSet.from_dict(await answer.json())
        told = []
        for fields, body in receiver.got:
            assert fields["content-type"] == "application/x-www-form-urlencoded"
            token = token_of(body)
            told.append(read(token, keys[str(key_id_of(token))], Pinned(ISSUER, "portal"), time.time()))
        assert {(one.subject, one.session) for one in told} == {("token", made["ref"]), ("token", None)}
        await forget(signed, party)


async def test_a_token_is_made_anew_at_each_attempt(signed: SignedIn) -> None:
    """It is good for two minutes, so one that waited for an hour would be refused; its ``jti`` stays."""
    async with receiving() as receiver:
        receiver.answers = [503]
        party = await register(signed, receiver, kind="oidc", audience="portal")
        await end(signed, "anew")
        await try_now(signed, party, "status 503")
        await eventually(lambda: len(receiver.got) == 2)
        claims = [jwt.decode(token_of(body), options={"verify_signature": False}) for _, body in receiver.got]
        assert claims[0]["jti"] == claims[1]["jti"]
        assert claims[0]["iat"] <= claims[1]["iat"]
        await forget(signed, party)


async def test_who_does_not_answer_holds_up_nobody(signed: SignedIn) -> None:
    """Forty messages wait for one that takes them and says nothing; another one is told of each meanwhile."""
    async with receiving() as silent, receiving() as other:
        silent.hold = asyncio.Event()
        held, told = await register(signed, silent), await register(signed, other)
        for number in range(40):
            await signed.ask("POST", f"{SESSIONS}/revoke-all", body={"subject": f"holding-{number}"})
        await eventually(lambda: len(other.got) == 40)
        assert signed.ways.sender._under_way[held["id"]] <= 2 * EACH_AT_ONCE_MAX
        silent.hold.set()
        for made in (held, told):
            await forget(signed, made)


async def test_only_who_wants_it_is_told(signed: SignedIn) -> None:
    """Of his agency, and of his service where he named one."""
    async with receiving() as all_of_them, receiving() as one_service, receiving() as other_agency:
        every = await register(signed, all_of_them)
        own = await register(signed, one_service, service="moehe-bare")
        body = {"url": other_agency.url}
        assert (await signed.ask("POST", ROOT, body=body, key=MOPH))[0] == 201
        await end(signed, "wanted")
        await signed.ask("POST", f"{SESSIONS}/revoke-all", body={"subject": "wanted"})
        await eventually(lambda: len(all_of_them.got) == 2)
        await eventually(lambda: len(one_service.got) == 1)
        assert json.loads(one_service.got[0][1])["data"]["service"] is None
        assert other_agency.got == []
        for made in (every, own):
            await forget(signed, made)


async def test_a_trial_is_sent(signed: SignedIn) -> None:
    """``session.test``, signed; to webhooks only."""
    async with receiving() as receiver:
        hook = await register(signed, receiver)
        party = await register(signed, receiver, kind="oidc", audience="portal")
        assert (await signed.ask("POST", f"{ROOT}/{hook['id']}/test"))[0] == 202
        await eventually(lambda: receiver.got)
        assert verified(hook["secret"], *receiver.got[0])
        assert json.loads(receiver.got[0][1])["type"] == "session.test"
        assert (await signed.ask("POST", f"{ROOT}/{party['id']}/test"))[0] == 404
        assert (await signed.ask("POST", f"{ROOT}/{hook['id']}/test", key=MOPH))[0] == 404
        for made in (hook, party):
            await forget(signed, made)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"url": "http://hooks.example.com/"}, 422),
        ({"url": "https://10.0.0.1/"}, 422),
        ({"url": "https://169.254.169.254/latest"}, 422),
        ({"url": "https://h.example.com/", "kind": "oidc"}, 422),
        ({"url": "https://h.example.com/", "audience": "x"}, 422),
        ({"url": "https://h.example.com/", "kind": "mail"}, 422),
        ({"url": "https://h.example.com/", "service": CLINIC}, 404),
        ({"url": "https://h.example.com/", "service": RESULTS, "more": 1}, 422),
    ],
)
async def test_bad_input_makes_no_receiver(signed: SignedIn, body: dict[str, Any], status: int) -> None:
    """Into networks behind us nothing is ever sent."""
    before = await signed.pool.fetchval("SELECT count(*) FROM logout_receiver")
    assert (await signed.ask("POST", ROOT, body=body))[0] == status
    assert await signed.pool.fetchval("SELECT count(*) FROM logout_receiver") == before


async def test_receivers_are_an_agencys_own_business(signed: SignedIn) -> None:
    """Another agency sees and deletes none; a key that may only read makes none; who did what is noted."""
    async with receiving() as receiver:
        made = await register(signed, receiver)
        assert (await signed.ask("DELETE", f"{ROOT}/{made['id']}", key=MOPH))[0] == 404
        _, body = await signed.ask("GET", ROOT, key=MOPH)
        assert made["id"] not in {one["id"] for one in body["receivers"]}
        assert (await signed.ask("POST", ROOT, body={"url": receiver.url}, key=READER))[0] == 403
        await forget(signed, made)
        rows = await signed.pool.fetch("SELECT actor, action FROM audit WHERE subject = $1", made["id"])
        assert [tuple(row) for row in rows] == [
            ("moehe", "logout.receiver.add"),
            ("moehe", "logout.receiver.remove"),
        ]


async def test_an_agency_has_so_many_receivers(signed: SignedIn) -> None:
    """The one too many is refused and says so."""
    await signed.pool.execute(
        "INSERT INTO logout_receiver (id, agency, kind, url, audience) "
        "SELECT 'lr_' || repeat(chr(97 + n / 26), 15) || chr(97 + n % 26), 'moph', 'oidc', 'https://x.y/', "
        "'a' FROM generate_series(0, 50) AS n"
    )
    body = {"url": "https://hooks.example.com/"}
    status, problem = await signed.ask("POST", ROOT, body=body, key=MOPH)
    assert (status, problem["type"].rpartition("/")[2]) == (409, "too-many-receivers")
    await signed.pool.execute("DELETE FROM logout_receiver WHERE agency = 'moph'")


async def test_without_an_issuer_there_are_no_tokens(
    _valkey_server: str,  # noqa: PT019  # emptying it, as ``valkey_url`` does, would sign the module's people out
    migrated_database_url: str,
) -> None:
    """Nobody could tell whose they are."""
    async with signed_in(_valkey_server, migrated_database_url, issuer="") as signed:
        body = {"url": "https://party.example.com/", "kind": "oidc", "audience": "x"}
        status, problem = await signed.ask("POST", ROOT, body=body)
        assert (status, problem["type"].rpartition("/")[2]) == (409, "no-issuer")


async def test_what_is_forgotten_is_not_told(signed: SignedIn) -> None:
    """A message whose revocation is over in any case is given up, and holds up no other."""
    async with receiving() as receiver:
        hook = await register(signed, receiver)
        insert = "INSERT INTO logout_delivery (receiver, revocation) VALUES ($1, 999999)"
        await signed.pool.execute(insert, hook["id"])
        await end(signed, "told")
        await eventually(lambda: receiver.got)
        await eventually(
            lambda: signed.pool.fetchval("SELECT gave_up_at IS NOT NULL FROM logout_delivery LIMIT 1")
        )
        assert len(receiver.got) == 1
        await forget(signed, hook)


async def test_too_many_messages_do_not_pile_up(signed: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that wait beyond the bound the oldest are given up."""
    monkeypatch.setattr("sadd.logout.outbox.WAITING_MAX", 3)
    async with receiving() as receiver:
        hook = await register(signed, receiver)
        await signed.pool.execute(
            "INSERT INTO logout_delivery (receiver, revocation, due_at) "
            "SELECT $1, 0, now() + interval '1 hour' FROM generate_series(1, 5)",
            hook["id"],
        )
        await signed.ways.sender._outbox.forget(signed.pool)
        given_up = "SELECT count(*) FROM logout_delivery WHERE gave_up_at IS NOT NULL AND receiver = $1"
        assert await signed.pool.fetchval(given_up, hook["id"]) == 2
        await forget(signed, hook)
