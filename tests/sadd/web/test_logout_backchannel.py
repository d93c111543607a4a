"""Back-Channel Logout received: a provider's token ends what it names, once, and nothing else does."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from sadd.logout.providers import Provider
from sadd.logout.token import EVENT, InvalidToken
from sadd.session.store import StoreUnavailable
from sadd.web.logout_keys import KeysAway, ProviderKeys
from tests.sadd.logout.scene import OTHER_SECRET, SECRET, public, token
from tests.sadd.web.callers import MOPH, READER
from tests.sadd.web.sessions_scene import CURRENT, SESSIONS, SignedIn
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = f"{SESSIONS}/logout/providers"
AUDIENCE = "moehe-portal"


@dataclass
class Issuer:
    """A provider's documents, and how often they were asked for."""

    port: int = 0
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public()])
    discovery: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    asked: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def document(self, request: web.Request) -> web.Response:
        told = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.discovery}
        return web.json_response(told, status=self.status)

    async def published(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response({"keys": self.keys}, status=self.status)


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.document)
    app.router.add_get("/keys", issuer.published)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer.port = runner.addresses[0][1]
    try:
        yield issuer
    finally:
        await runner.cleanup()


async def trusting(signed: SignedIn, issuer: Issuer, **more: Any) -> dict[str, Any]:
    """The provider, as the agency configured it, and as the worker knows it; the only one it has."""
    await signed.pool.execute("DELETE FROM logout_provider WHERE agency = 'moehe'")
    body = {"issuer": issuer.url, "audience": AUDIENCE, **more}
    status, made = await signed.ask("POST", ROOT, body=body)
    assert status == 201, made
    await eventually(lambda: made["id"] in signed.ways.known.current)
    found: dict[str, Any] = made
    return found


def said(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    """A good token's claims, of now."""
    now = int(time.time())
    good: dict[str, Any] = {
        "iss": issuer.url,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 110,
        "jti": f"{time.monotonic_ns()}",
        "events": {EVENT: {}},
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


async def tell(signed: SignedIn, provider: dict[str, Any], text: str) -> tuple[int, Any]:
    """As a provider does."""
    path = provider["backchannel_logout_path"]
    async with signed.server.client.post(path, data={"logout_token": text}) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        raw = await answer.read()
        return answer.status, await answer.json() if raw else None


async def test_a_subject_is_signed_out_everywhere(signed: SignedIn) -> None:
    """By ``sub``; the feed says that it was the provider. Keys come by discovery or from where they are said
    to be."""
    async with issuing() as issuer:
        for number, more in enumerate(({}, {"jwks_uri": f"{issuer.url}/keys"})):
            provider = await trusting(signed, issuer, audience=f"aud-{number}", **more)
            mine = [(await signed.sign_in("oidc-sub"))["session"] for _ in range(3)]
            other = (await signed.sign_in("oidc-other"))["session"]
            text = token(said(issuer, sub="oidc-sub", aud=f"aud-{number}"))
            assert (await tell(signed, provider, text))[0] == 200
            assert [await signed.lives(one) for one in mine] == [False] * 3
            assert await signed.lives(other)
            reason = "SELECT reason FROM session_revocation ORDER BY seq DESC LIMIT 1"
            assert await signed.pool.fetchval(reason) == "provider"


async def test_a_provider_session_ends_what_it_signed_in(signed: SignedIn) -> None:
    """By ``sid`` alone: who was signed in with it is known though no token says so. It ends what was begun
    with it, rotated meanwhile or not, and nothing else of the same person."""
    async with issuing() as issuer:
        provider = await trusting(signed, issuer)
        login = {"provider": provider["id"], "sid": "op-session-1"}
        first = (await signed.sign_in("oidc-sid", login=login))["session"]
        _, renewed = await signed.ask("POST", f"{CURRENT}/rotate", first)
        mine = renewed["session"]
        also = {"provider": provider["id"], "sid": "op-session-2"}
        other = (await signed.sign_in("oidc-sid", login=also))["session"]
        assert (await tell(signed, provider, token(said(issuer, sid="unknown"))))[0] == 200
        assert await signed.lives(mine)
        assert (await tell(signed, provider, token(said(issuer, sid="op-session-1"))))[0] == 200
        assert not await signed.lives(mine)
        assert await signed.lives(other)


async def test_a_token_counts_once(signed: SignedIn) -> None:
    """Whoever repeats it, at once or later, signs nobody out who signed in since."""
    async with issuing() as issuer:
        provider = await trusting(signed, issuer)
        text = token(said(issuer, sub="oidc-once"))
        statuses = [
            status for status, _ in await asyncio.gather(*(tell(signed, provider, text) for _ in range(8)))
        ]
        assert sorted(statuses) == [200] + [400] * 7
        since = (await signed.sign_in("oidc-once"))["session"]
        status, problem = await tell(signed, provider, text)
        assert (status, problem["error"]) == (400, "invalid_request")
        assert await signed.lives(since)


async def test_what_could_not_be_carried_out_may_be_sent_again(signed: SignedIn) -> None:
    """503 with Retry-After; the same token then does its work."""
    async with issuing() as issuer:
        provider = await trusting(signed, issuer)
        mine = (await signed.sign_in("oidc-away"))["session"]
        text = token(said(issuer, sub="oidc-away"))
        ending, backchannel = signed.ways.backchannel.ending, signed.ways.backchannel
        backchannel.ending = _Unable()
        status, _ = await tell(signed, provider, text)
        assert status == 503
        backchannel.ending = ending
        assert await signed.lives(mine)
        assert (await tell(signed, provider, text))[0] == 200
        assert not await signed.lives(mine)


class _Unable:
    async def of_subject(self, agency: str, subject: str) -> None:
        raise StoreUnavailable(f"{agency} {subject}")

    async def of_login(self, agency: str, subject: str, login: str) -> None: ...


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://127.0.0.1:1"},
        {"aud": "other"},
        {"exp": 4_000_000_000},
        {"iat": 1_000_000_000, "exp": 1_000_000_060},
        {"nonce": "n"},
        {"events": {}},
        {"jti": None},
        {"sub": None},
    ],
)
async def test_a_wrong_token_ends_nothing(signed: SignedIn, changes: dict[str, Any]) -> None:
    """400, in OAuth's words too; the reason tells nothing of anybody."""
    async with issuing() as issuer:
        provider = await trusting(signed, issuer)
        mine = (await signed.sign_in("oidc-wrong"))["session"]
        text = token(said(issuer, **{"sub": "oidc-wrong", **changes}))
        status, problem = await tell(signed, provider, text)
        assert (status, problem["error"]) == (400, "invalid_request")
        assert "oidc-wrong" not in str(problem)
        assert await signed.lives(mine)


async def test_only_the_issuers_keys_count(signed: SignedIn) -> None:
    """Not one that the token brings along or points at, nor another provider's."""
    async with issuing() as issuer, issuing() as stranger:
        provider = await trusting(signed, issuer)
        stranger.keys = [public(OTHER_SECRET, "two")]
        claims = said(issuer, sub="oidc-keys")
        for header in (
            {"kid": "two"},
            {"kid": "one"},
            {"kid": "one", "jku": f"{stranger.url}/keys"},
            {"kid": "two", "jwk": public(OTHER_SECRET, "two")},
            {"kid": "../keys"},
        ):
            assert (await tell(signed, provider, token(claims, secret=OTHER_SECRET, **header)))[0] == 400
        assert stranger.asked == 0


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"logout_token=a&logout_token=b", "application/x-www-form-urlencoded"),
        (b"token=a", "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b'{"logout_token": "a"}', "application/json"),
        (b"logout_token=a.b.c", "application/x-www-form-urlencoded"),
    ],
)
async def test_what_is_no_form_with_one_token_is_refused(
    signed: SignedIn, body: bytes, content_type: str
) -> None:
    """400."""
    async with issuing() as issuer:
        provider = await trusting(signed, issuer)
        path, headers = provider["backchannel_logout_path"], {"Content-Type": content_type}
        async with signed.server.client.post(path, data=body, headers=headers) as answer:
            assert answer.status == 400
        async with signed.server.client.post(path, data=b"x" * 20_000, headers=headers) as answer:
            assert answer.status == 413


async def test_providers_are_an_agencys_own_business(signed: SignedIn) -> None:
    """One that is deleted is believed no more; another agency's token ends nothing of this one."""
    async with issuing() as issuer:
        body: dict[str, Any] = {"issuer": issuer.url, "audience": AUDIENCE}
        assert (await signed.ask("POST", ROOT, body=body, key=READER))[0] == 403
        status, theirs = await signed.ask("POST", ROOT, body=body, key=MOPH)
        assert status == 201
        await eventually(lambda: theirs["id"] in signed.ways.known.current)
        mine = (await signed.sign_in("oidc-tenant"))["session"]
        assert (await tell(signed, theirs, token(said(issuer, sub="oidc-tenant"))))[0] == 200
        assert await signed.lives(mine)
        login = {"provider": theirs["id"], "sid": "s"}
        body = {"service": "moehe-results", "subject": "x", "login": login}
        assert (await signed.ask("POST", SESSIONS, body=body))[0] == 422
        assert (await signed.ask("DELETE", f"{ROOT}/{theirs['id']}"))[0] == 404
        assert (await signed.ask("DELETE", f"{ROOT}/{theirs['id']}", key=MOPH))[0] == 204
        await eventually(lambda: theirs["id"] not in signed.ways.known.current)
        assert (await tell(signed, theirs, token(said(issuer, sub="x"))))[0] == 404
        rows = await signed.pool.fetch(
            "SELECT action FROM audit WHERE subject = $1 ORDER BY id", theirs["id"]
        )
        assert [row["action"] for row in rows] == ["logout.provider.add", "logout.provider.remove"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"issuer": "http://login.example.com", "audience": "a"}, 422),
        ({"issuer": "https://192.168.0.1", "audience": "a"}, 422),
        ({"issuer": "https://l.example.com", "audience": "a", "jwks_uri": "https://10.0.0.1/k"}, 422),
        ({"issuer": "https://l.example.com", "audience": ""}, 422),
        ({"issuer": "https://l.example.com"}, 422),
    ],
)
async def test_bad_input_makes_no_provider(signed: SignedIn, body: dict[str, Any], status: int) -> None:
    """Its keys are never looked for in networks behind us."""
    assert (await signed.ask("POST", ROOT, body=body))[0] == status


async def test_one_provider_is_configured_once(signed: SignedIn) -> None:
    """409 the second time."""
    body = {"issuer": "https://twice.example.com", "audience": "a"}
    assert (await signed.ask("POST", ROOT, body=body))[0] == 201
    assert (await signed.ask("POST", ROOT, body=body))[0] == 409


def provider_of(issuer: Issuer, **changes: Any) -> Provider:
    known: dict[str, Any] = {
        "id": "lp_x",
        "agency": "moehe",
        "issuer": issuer.url,
        "audience": AUDIENCE,
        "jwks_uri": None,
        "created_at": None,
    }
    return Provider(**{**known, **changes})


async def test_a_new_key_is_found_and_an_invented_one_asks_nobody() -> None:
    """Known keys are kept for five minutes; an unknown id asks once in half a minute."""
    now = 1_000.0
    async with issuing() as issuer:
        keys, provider = ProviderKeys(to_loopback=True, clock=lambda: now), provider_of(issuer)
        assert (await keys.key(provider, "one")).key_id == "one"
        assert (await keys.key(provider, None)).key_id == "one"
        for number in range(20):
            with pytest.raises(InvalidToken):
                await keys.key(provider, f"invented-{number}")
        assert issuer.asked == 1
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        issuer.keys = [public(SECRET), public(other, "two")]
        now += 31
        assert (await keys.key(provider, "two")).key_id == "two"
        with pytest.raises(InvalidToken):
            await keys.key(provider, None)
        assert issuer.asked == 2


async def test_a_provider_that_is_away_is_asked_again() -> None:
    """Its keys count for an hour; then nobody knows, and a token is not refused but put off."""
    now = 1_000.0
    async with issuing() as issuer:
        keys, provider = ProviderKeys(to_loopback=True, clock=lambda: now), provider_of(issuer)
        issuer.status = 503
        with pytest.raises(KeysAway):
            await keys.key(provider, "one")
        issuer.status, now = 200, now + 31
        await keys.key(provider, "one")
        issuer.status, now = 503, now + 3_000
        await keys.key(provider, "one")
        now += 3_000
        with pytest.raises(KeysAway):
            await keys.key(provider, "one")


@pytest.mark.parametrize(
    "discovery",
    [{"issuer": "https://other.example.com"}, {"jwks_uri": None}, {"jwks_uri": "http://10.0.0.1/keys"}],
)
async def test_a_wrong_discovery_document_leads_nowhere(discovery: dict[str, Any]) -> None:
    """One of another issuer, and one that leads into a network behind us."""
    async with issuing() as issuer:
        issuer.discovery = discovery
        keys = ProviderKeys(to_loopback=True)
        with pytest.raises(KeysAway):
            await keys.key(provider_of(issuer), "one")
        assert keys.counts["fetches_failed"] == 1


async def test_keys_that_do_not_sign_are_none() -> None:
    """For encryption, of a shared secret, of a kind that nobody knows; and a set that is too large."""
    async with issuing() as issuer:
        secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256"}
        issuer.keys = [{**public(), "use": "enc"}, secret, {"kty": "new", "kid": "new"}, public(key_id="ok")]
        keys = ProviderKeys(to_loopback=True)
        assert (await keys.key(provider_of(issuer), "ok")).key_id == "ok"
        for wrong in ("one", "shared", "new"):
            with pytest.raises(InvalidToken):
                await keys.key(provider_of(issuer), wrong)
        issuer.keys = [public(key_id=str(number)) for number in range(33)]
        with pytest.raises(KeysAway):
            await ProviderKeys(to_loopback=True).key(provider_of(issuer), "1")


async def test_the_loopback_is_called_only_where_that_is_allowed() -> None:
    """As the setting says; it is for trying things out."""
    async with issuing() as issuer:
        with pytest.raises(KeysAway):
            await ProviderKeys().key(provider_of(issuer), "one")
        assert issuer.asked == 0
