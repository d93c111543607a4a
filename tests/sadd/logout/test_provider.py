"""A citizen signs in at a real provider, and out there; here he is signed out. And the other way round."""

import asyncio
import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest
from yarl import URL

from tests.sadd.logout.conftest import RealProvider, real_provider
from tests.sadd.web.receiving import receiving
from tests.sadd.web.sessions_scene import CURRENT, ISSUER, SESSIONS, SignedIn
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

BACK = "https://portal.gov.example/back"
CLIENT = {
    "client_id": "portal",
    "client_secret": "a secret of the tests",
    "redirect_uris": [BACK],
    "response_types": ["code"],
    "grant_types": ["authorization_code"],
    "token_endpoint_auth_method": "client_secret_post",
    "backchannel_logout_session_required": True,
}
VERIFIER = "v" * 43


class Citizen:
    """A browser, as far as the provider sees one."""

    def __init__(self, provider: RealProvider, browser: aiohttp.ClientSession) -> None:
        self._issuer = provider.issuer
        self._browser = browser

    async def sign_in(self, name: str) -> str:
        """His ID token, as the portal gets it."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
        page = await self._open(
            "GET",
            f"{self._issuer}/auth",
            params={
                "client_id": "portal",
                "response_type": "code",
                "scope": "openid",
                "redirect_uri": BACK,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            },
        )
        form = {"prompt": "login", "login": name, "password": "x"}
        page = await self._open("POST", _action(page), data=form)
        back = await self._open("POST", _action(page), data={"prompt": "consent"})
        (code,) = parse_qs(urlsplit(back).query)["code"]
        return await self._token(code)

    async def sign_out(self, id_token: str) -> None:
        page = await self._open("GET", f"{self._issuer}/session/end", params={"id_token_hint": id_token})
        (xsrf,) = re.findall(r'name="xsrf" value="([^"]+)"', page)
        await self._open("POST", _action(page), data={"xsrf": xsrf, "logout": "yes"})

    async def _token(self, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
        }
        form |= {name: str(CLIENT[name]) for name in ("client_id", "client_secret")}
        async with self._browser.post(f"{self._issuer}/token", data=form) as answer:
            told = await answer.json()
            assert answer.status == 200, told
            return str(told["id_token"])

    async def _open(self, method: str, url: str, **more: Any) -> str:
        """The page where it leads to; or the address, once that is the portal's."""
        while True:
            async with self._browser.request(method, url, allow_redirects=False, **more) as answer:
                onward = answer.headers.get("Location")
                if onward is None:
                    assert answer.status == 200, await answer.text()
                    return await answer.text()
            url, method, more = str(answer.url.join(URL(onward))), "GET", {}
            if url.startswith(BACK):
                return url


def _action(page: str) -> str:
    return str(re.findall(r'action="([^"]+)"', page)[0])


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_who_signs_out_at_the_provider_is_signed_out_here(
    signed: SignedIn, modules: Path, algorithm: str
) -> None:
    """The session of that sign-in ends; another citizen's goes on. The provider takes our answer."""
    async with real_provider(modules) as provider:
        body = {"issuer": provider.issuer, "audience": "portal"}
        status, known = await signed.ask("POST", f"{SESSIONS}/logout/providers", body=body)
        assert status == 201
        await eventually(lambda: known["id"] in signed.ways.known.current)
        address = f"http://127.0.0.1:{signed.server.port}{known['backchannel_logout_path']}"
        own = {"backchannel_logout_uri": address, "id_token_signed_response_alg": algorithm}
        await provider.begin({**CLIENT, **own})
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            citizen = Citizen(provider, browser)
            id_token = await citizen.sign_in("28412345678")
            claims = jwt.decode(id_token, options={"verify_signature": False})
            login = {"provider": known["id"], "sid": claims["sid"]}
            here = (await signed.sign_in(claims["sub"], login=login))["session"]
            other = (await signed.sign_in("28487654321"))["session"]
            await citizen.sign_out(id_token)
            assert await provider.line() == "sent"
        assert not await signed.lives(here)
        assert await signed.lives(other)
        await signed.ask("DELETE", f"{SESSIONS}/logout/providers/{known['id']}")


async def test_a_relying_party_takes_our_tokens(signed: SignedIn, modules: Path) -> None:
    """Verified by its own library, with the keys that we publish."""
    async with receiving() as receiver:
        body = {"url": receiver.url, "kind": "oidc", "audience": "portal"}
        assert (await signed.ask("POST", f"{SESSIONS}/logout/receivers", body=body))[0] == 201
        made = await signed.sign_in("28412345678")
        await signed.ask("DELETE", CURRENT, made["session"])
        await eventually(lambda: receiver.got)
        (token,) = parse_qs(receiver.got[0][1].decode())["logout_token"]
    asked = {
        "token": token,
        "jwks": f"http://127.0.0.1:{signed.server.port}{SESSIONS}/logout/jwks.json",
        "issuer": ISSUER,
        "audience": "portal",
    }
    pipe = asyncio.subprocess.PIPE
    node = await asyncio.create_subprocess_exec("node", "verify.js", cwd=modules, stdin=pipe, stdout=pipe)
    async with asyncio.timeout(30):
        said, _ = await node.communicate(json.dumps(asked).encode())
    assert node.returncode == 0
    claims = json.loads(said)
    assert (claims["sub"], claims["sid"]) == ("28412345678", made["ref"])
    assert list(claims["events"]) == ["http://schemas.openid.net/event/backchannel-logout"]
