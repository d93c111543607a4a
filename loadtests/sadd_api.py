"""Sadd's HTTP API as a ministry's portal uses it: one method for each call, nothing clever.

Copy it, or read it as the example that it is. All paths are in the platform's ``/docs``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt

TIMEOUT_SECONDS = 2.0


class SaddAway(Exception):
    """Sadd did not answer, or answered with a server error."""


@dataclass(frozen=True, slots=True)
class Page:
    """A cached page."""

    body: bytes
    content_type: str


class SaddApi:
    """``service`` is the portal's own entry in the catalogue; its room has the same name."""

    def __init__(self, url: str, key: str, service: str) -> None:
        self.room_url = f"{url}/v1/queues/{service}"
        self.service = service
        self._url = url
        self._http = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {key}"},
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            connector=aiohttp.TCPConnector(limit=200),
            # A jar would keep one visitor's ticket and show it for the next.
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._keys: Mapping[str, jwt.PyJWK] = {}

    async def aclose(self) -> None:
        await self._http.close()

    # The waiting room

    async def join(self, ticket: str = "") -> dict[str, Any]:
        """A place in the line, or a pass if nobody waits. Showing a ticket keeps its place."""
        headers = {"Sadd-Ticket": ticket} if ticket else {}
        return await self._json("POST", f"{self.room_url}/tickets", headers=headers)

    async def claim(self, ticket: str) -> dict[str, Any]:
        """The pass of a place that was called."""
        return await self._json("POST", f"{self.room_url}/claim", headers={"Sadd-Ticket": ticket})

    async def leave(self, ticket: str) -> None:
        """The visit is over; somebody else may come in."""
        await self._json("POST", f"{self.room_url}/leave", headers={"Sadd-Ticket": ticket})

    async def fetch_keys(self) -> None:
        """The public keys that passes are signed with. Once at start, and when an unknown one is met."""
        keys = await self._json("GET", f"{self._url}/.well-known/jwks.json")
        self._keys = {str(key.key_id): key for key in jwt.PyJWKSet.from_dict(keys).keys}

    async def visitor(self, signed_pass: str) -> str | None:
        """Who holds this pass; None if it is not valid for our room. Asks nobody: the signature says it."""
        try:
            key_id = jwt.get_unverified_header(signed_pass).get("kid", "")
            if key_id not in self._keys:
                await self.fetch_keys()
            claims = jwt.decode(signed_pass, self._keys[key_id], ["EdDSA"], audience=self.service)
        except (jwt.InvalidTokenError, KeyError):
            return None
        return str(claims["sub"])

    # Limit, cache, session

    async def check(self, visitor: str) -> dict[str, Any]:
        """Whether this visitor may load one more page now: ``allowed``, else ``retry_after_ms``."""
        return await self._json(
            "POST", f"{self._url}/v1/limits/check", {"policy": self.service, "key": visitor}
        )

    async def cached(self, key: str) -> Page | None:
        """The page under that key; None is a miss."""
        async with self._request("GET", self._cache_url(key)) as answer:
            if answer.status == 404:
                return None
            return Page(await self._body(answer), answer.content_type)

    async def cache(self, key: str, page: Page, max_age_seconds: int) -> None:
        headers = {
            "Content-Type": f"{page.content_type}; charset=utf-8",
            "Cache-Control": f"max-age={max_age_seconds}",
        }
        async with self._request("PUT", self._cache_url(key), data=page.body, headers=headers) as answer:
            await self._body(answer)

    async def create_session(self, subject: str, payload: Mapping[str, str]) -> str:
        """Signed in: the session's id, for the visitor's cookie."""
        body = {"service": self.service, "subject": subject, "data": payload}
        return str((await self._json("POST", f"{self._url}/v1/sessions", body))["session"])

    async def session(self, session_id: str) -> dict[str, Any] | None:
        """Who is signed in; None if nobody (any more)."""
        url, headers = f"{self._url}/v1/sessions/current", {"Sadd-Session": session_id}
        async with self._request("GET", url, headers=headers) as answer:
            if answer.status in (401, 404):
                return None
            await self._body(answer)
            found: dict[str, Any] = await answer.json()
            return found

    def _cache_url(self, key: str) -> str:
        return f"{self._url}/v1/cache/{self.service}/{key}"

    async def _json(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        async with self._request(method, url, json=body, headers=headers) as answer:
            raw = await self._body(answer)
            value: dict[str, Any] = await answer.json() if raw else {}
            return value

    def _request(self, method: str, url: str, **options: Any) -> "_Request":
        return _Request(self._http.request(method, url, **options))

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        raw = await answer.read()
        if answer.status >= 400:
            raise SaddAway(f"{answer.method} {answer.url.path}: {answer.status} {raw[:200]!r}")
        return raw


class _Request:
    """A request whose transport errors are ``SaddAway``."""

    def __init__(self, request: Any) -> None:
        self._request = request

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            answer: aiohttp.ClientResponse = await self._request.__aenter__()
        except (aiohttp.ClientError, TimeoutError) as away:
            raise SaddAway(str(away) or type(away).__name__) from away
        return answer

    async def __aexit__(self, *exception: Any) -> None:
        await self._request.__aexit__(*exception)
