"""The keys that an OpenID provider signs with: fetched from where its configuration says, kept for a while.

Never from where a token says. A key that is not known is looked for anew, but not more often than every
REFETCH_SECONDS: whoever sends invented key ids makes us call nobody.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
import msgspec

from sadd.logout.providers import Provider
from sadd.logout.token import ALGORITHMS, InvalidToken
from sadd.rooms.webhook_target import check_url
from sadd.web.calling_out import calling_out

DISCOVERY = "/.well-known/openid-configuration"
KEEP_SECONDS = 300.0
REFETCH_SECONDS = 30.0
STALE_SECONDS = 3_600.0
"""So long the keys that are known go on to count while the provider cannot be asked."""
TIMEOUT_SECONDS = 5.0
DOCUMENT_BYTES_MAX = 65_536
KEYS_MAX = 32
PROVIDERS_MAX = 1_000
"""Whose keys a worker keeps."""


class KeysAway(Exception):
    """The provider's keys cannot be had now; the text says why."""


@dataclass(frozen=True, slots=True)
class _Held:
    keys: Mapping[str | None, jwt.PyJWK]
    at: float


class ProviderKeys:
    """Of one worker. ``clock`` is in seconds and only goes forward."""

    def __init__(self, *, to_loopback: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._to_loopback = to_loopback
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._tried: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.counts: Counter[str] = Counter()

    async def key(self, provider: Provider, key_id: str | None) -> jwt.PyJWK:
        """The provider's key of this id. Raises InvalidToken when it has none, KeysAway."""
        async with self._lock(provider.id):
            held = self._held.get(provider.id)
            fresh = held is not None and self._clock() - held.at < KEEP_SECONDS
            if not fresh or (held is not None and key_id not in held.keys):
                held = await self._renewed(provider, held)
        if held is None or self._clock() - held.at > STALE_SECONDS:
            raise KeysAway("the provider's keys cannot be had")
        key = held.keys.get(key_id)
        if key is None:
            raise InvalidToken("its key is none of the issuer's")
        return key

    def _lock(self, provider: str) -> asyncio.Lock:
        if provider not in self._locks and len(self._locks) >= PROVIDERS_MAX:
            for kept in (self._locks, self._held, self._tried):
                kept.clear()
        return self._locks.setdefault(provider, asyncio.Lock())

    async def _renewed(self, provider: Provider, held: _Held | None) -> _Held | None:
        now = self._clock()
        if now - self._tried.get(provider.id, float("-inf")) < REFETCH_SECONDS:
            return held
        self._tried[provider.id] = now
        try:
            async with calling_out(
                to_loopback=self._to_loopback, at_once_max=1, timeout_seconds=TIMEOUT_SECONDS
            ) as client:
                keys = await self._fetched(client, provider)
        except (aiohttp.ClientError, OSError, ValueError, msgspec.DecodeError, jwt.PyJWTError):
            self.counts["fetches_failed"] += 1
            return held
        self.counts["fetched"] += 1
        self._held[provider.id] = held = _Held(keys, now)
        return held

    async def _fetched(
        self, client: aiohttp.ClientSession, provider: Provider
    ) -> Mapping[str | None, jwt.PyJWK]:
        where = provider.jwks_uri
        if where is None:
            told = await self._document(client, provider.issuer.rstrip("/") + DISCOVERY)
            if told.get("issuer") != provider.issuer:
                raise ValueError("the discovery document is of another issuer")
            where = str(told.get("jwks_uri"))
        return _usable(await self._document(client, where))

    async def _document(self, client: aiohttp.ClientSession, url: str) -> dict[str, Any]:
        check_url(url, to_loopback=self._to_loopback)  # Forbidden is a ValueError
        async with client.get(url, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            raw = await answer.content.read(DOCUMENT_BYTES_MAX + 1)
            while len(raw) <= DOCUMENT_BYTES_MAX and (more := await answer.content.read(DOCUMENT_BYTES_MAX)):
                raw += more
        if len(raw) > DOCUMENT_BYTES_MAX:
            raise ValueError("the document is too long")
        return msgspec.json.decode(raw, type=dict[str, Any])


def _usable(told: Mapping[str, Any]) -> dict[str | None, jwt.PyJWK]:
    """The keys that sign, by their ids; one that is the only one also without."""
    if not isinstance(told.get("keys"), list) or len(told["keys"]) > KEYS_MAX:
        raise ValueError("it is no key set, or too large a one")
    keys: dict[str | None, jwt.PyJWK] = {}
    for key in jwt.PyJWKSet(told["keys"]).keys:
        if key.public_key_use in (None, "sig") and key.algorithm_name in ALGORITHMS:
            keys[key.key_id] = key
    if len(keys) == 1:
        keys[None] = next(iter(keys.values()))
    else:
        keys.pop(None, None)
    return keys
