"""The platform's calls about the entries of one namespace: what is asked, and what the answers mean."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from sadd_client.answers import integer, members, name
from sadd_client.caching.entry import Busy, Entry, Lease, Times
from sadd_client.clock import now
from sadd_client.courier import Courier
from sadd_client.errors import CacheBusy, PlatformAway, Problem
from sadd_client.wire import Answer, Request

NAMESPACE = re.compile(r"[a-z0-9][a-z0-9-]{0,86}")
KEY = re.compile(r"[A-Za-z0-9._~:@,=+!$*()';/-]{1,256}")
TAG = re.compile(r"[!-+\--~]{1,128}")
TYPE = re.compile(r"[ -~]{1,255}")
_TTL = re.compile(r";\s*ttl=(-?\d{1,12})")
_LEASE = re.compile(r"([!-:<-~]{1,512});\s*ends-in-ms=(\d{1,9})")

LEASE_FIELD, TAGS_FIELD = b"Sadd-Lease", b"Surrogate-Key"
WHOLE = ((b"Cache-Control", b"no-cache"),)
"""Ask the store: another worker's memory may be a moment behind the feed that we hear."""


class Calls:
    """Of one client and namespace. ValueError for what no platform takes; it is not sent."""

    def __init__(
        self, namespace: str, courier: Courier, prefix: str, deadline_seconds: float, *, whole: bool
    ) -> None:
        """``whole``: answers are kept here, so they are asked of the store itself."""
        if not NAMESPACE.fullmatch(namespace):
            raise ValueError("a namespace is 1 to 87 of a-z, 0-9 and -, and does not begin with -")
        self.namespace = namespace
        self.root = f"{prefix}/v1/cache/{namespace}"
        self._courier = courier
        self._asked = WHOLE if whole else ()
        self.deadline_seconds = deadline_seconds

    async def get(self, key: str) -> Entry | None:
        """None for a miss. PlatformAway also when it is the store that cannot say."""
        asked_at = now()
        path = self._path(key)
        request = Request("GET", path, policy=self.namespace, repeatable=True, headers=self._asked)
        try:
            answer = await self._courier.answer(request, asked_at + self.deadline_seconds)
        except Problem as problem:
            if problem.details.slug != "cache-miss":
                raise
            if "store" in problem.details.detail:
                raise PlatformAway("the platform's store is away", sent=True) from None
            return None
        return _entry(answer, asked_at)

    async def lease(self, key: str, wait_seconds: float, *, stale: bool = True) -> Entry | Lease | Busy:
        """An entry, the right to load it, or how long to wait."""
        asked_at = now()
        body = {"wait_ms": max(0, round(wait_seconds * 1000)), "stale": stale, "spare": True}
        request = self._request(
            "POST", f"{self._path(key)}/lease", body, repeatable=True, headers=self._asked
        )
        try:
            answer = await self._courier.answer(request, asked_at + wait_seconds + self.deadline_seconds)
        except CacheBusy as busy:
            return Busy(busy.retry_after_seconds)
        if answer.status == 201:
            return _lease(key, answer, asked_at)
        entry = _entry(answer, asked_at)
        granted = _LEASE.fullmatch(answer.headers.get("sadd-lease", ""))
        return Lease(key, granted[1], asked_at + int(granted[2]) / 1000, entry) if granted else entry

    async def put(
        self,
        key: str,
        body: bytes,
        content_type: str,
        times: Times | None,
        tags: Iterable[str],
        token: str | None = None,
    ) -> bool:
        """False only with a ``token``: it was superseded, and nothing is stored."""
        headers = [(TAGS_FIELD, b" ".join(_tag(tag) for tag in tags))] if tags else []
        if times is not None:
            headers.append((b"Cache-Control", times.cache_control.encode()))
        if token is not None:
            headers.append((LEASE_FIELD, token.encode()))
        if not TYPE.fullmatch(content_type):
            raise ValueError("a content type is 1 to 255 printable ASCII characters")
        request = Request(
            "PUT", self._path(key), body, self.namespace, True, tuple(headers), content_type.encode()
        )
        try:
            await self._courier.answer(request, now() + self.deadline_seconds)
        except Problem as problem:
            if token is None or problem.details.slug != "lease-lost":
                raise
            return False
        return True

    async def renew(self, lease: Lease) -> bool:
        """It begins anew, since its load goes on. False: it is not held any more."""
        path, headers = f"{self._path(lease.key)}/lease", ((LEASE_FIELD, lease.token.encode()),)
        request = Request("POST", path, policy=self.namespace, repeatable=True, headers=headers)
        try:
            await self._courier.answer(request, now() + self.deadline_seconds)
        except Problem:
            return False
        return True

    async def release(self, lease: Lease, uncacheable_seconds: float = 0.0) -> None:
        """Somebody else may load it at once; or everybody for himself, for so long."""
        path = f"{self._path(lease.key)}/lease?uncacheable_for_ms={round(uncacheable_seconds * 1000)}"
        headers = ((LEASE_FIELD, lease.token.encode()),)
        request = Request("DELETE", path, policy=self.namespace, repeatable=True, headers=headers)
        await self._courier.answer(request, now() + self.deadline_seconds)

    async def delete(self, key: str) -> None:
        request = Request("DELETE", self._path(key), policy=self.namespace, repeatable=True)
        await self._courier.answer(request, now() + self.deadline_seconds)

    async def purge(self, keys: Iterable[str], tags: Iterable[str], *, everything: bool, soft: bool) -> None:
        said = {"keys": [_key(key) for key in keys], "tags": [_tag(tag).decode() for tag in tags]}
        body = {**said, "everything": everything, "soft": soft}
        request = self._request("POST", f"{self.root}/purge", body, repeatable=True)
        await self._courier.answer(request, now() + self.deadline_seconds)

    def _path(self, key: str) -> str:
        return f"{self.root}/{quote(_key(key), safe=SAFE)}"

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        repeatable: bool,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Request:
        encoded = json.dumps(body, separators=(",", ":")).encode()
        return Request(method, path, encoded, self.namespace, repeatable, headers)


SAFE = "._~:@,=+!$*()';/-"


def _key(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError(f"a key is 1 to 256 letters, digits and {SAFE}")
    return key


def _tag(tag: str) -> bytes:
    if not TAG.fullmatch(tag):
        raise ValueError("a tag is 1 to 128 printable ASCII characters without comma and space")
    return tag.encode()


def _lease(key: str, answer: Answer, asked_at: float) -> Lease:
    found = members(answer)
    ends = asked_at + integer(found, "ends_in_ms", answer) / 1000
    spare, shared = found.get("spare"), found.get("shared") is not False
    token = name(found, "token", answer)
    return Lease(key, token, ends, None, _spare(spare) if isinstance(spare, dict) else None, shared)


def _spare(said: Mapping[str, Any]) -> Entry | None:
    """None for one that makes no sense: it is not missed unless loading fails."""
    try:
        body = base64.b64decode(said["body"], validate=True)
    except (KeyError, TypeError, ValueError):
        return None
    at = now()
    return Entry(body, str(said.get("content_type") or ""), str(said.get("etag") or ""), (), "stale", at, at)


def _entry(answer: Answer, asked_at: float) -> Entry:
    """Its times count from before it was asked for: so it is never taken for fresher than it is."""
    headers = answer.headers
    left = _TTL.search(headers.get("cache-status", ""))
    fresh_seconds = int(left[1]) if left else 0
    age = headers.get("age", "0")
    return Entry(
        body=answer.body,
        content_type=headers.get("content-type", ""),
        etag=headers.get("etag", ""),
        tags=tuple(headers.get("surrogate-key", "").split()),
        source="cache" if fresh_seconds > 0 else "stale",
        born=asked_at - (int(age) if age.isdecimal() and age.isascii() else 0),
        fresh_until=asked_at + fresh_seconds,
    )
