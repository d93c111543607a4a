"""The door of a service that asks for passes by itself, without a proxy's gate. Middleware asks it.

The door stays shut: while the platform is away nobody comes in who is not in yet. Entries are verified
offline with the keys that were fetched before, and go on.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote, urlencode

from sadd_client.clock import now
from sadd_client.errors import InvalidPass, PlatformAway, SaddError
from sadd_client.passes import PassVerifier
from sadd_client.ports import complete
from sadd_client.queue import Queue

ENTRY_COOKIE = "sadd_entry_"
ENTRY_HEADER, PASS_HEADER = "sadd-entry", "sadd-pass"
PASS_PARAMETER = "sadd_pass"  # noqa: S105  # the name of a parameter
KEYS_SECONDS = 300.0
"""As long as the platform lets its key set be kept. It publishes a key ten minutes before it signs."""
KEYS_AGAIN_SECONDS = 10.0
"""A pass of an unknown key has the set fetched anew, no oftener than this."""
ENTRIES_MAX = 4
PAGE_CHARACTERS_MAX = 2_000
WAITING_ROOM = "https://sadd.example/problems/waiting-room"

_CRAWLER = re.compile(r"(?<!cu)bot\b|crawl|spider|slurp|mediapartners|facebookexternalhit|archiver", re.I)
_SAFE = "!#$%&'()*+,/:;=?@[]~-._"


@dataclass(frozen=True, slots=True)
class Visit:
    """A request as the door looks at it: ``headers`` by names in small letters, ``uri`` is path and query."""

    method: str
    uri: str
    headers: Mapping[str, str]
    address: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the visitor gets instead of the service's answer (``status`` 0: nothing, he is in).

    ``cookie`` is a ``Set-Cookie`` to be put on the answer, whoever gives it.
    """

    status: int = 0
    headers: Mapping[str, str] | None = None
    body: bytes = b""
    cookie: str = ""


class _Doorstep:
    """What both doors are made of."""

    def __init__(self, queue: Queue, service: str, rooms_url: str) -> None:
        if not service:
            raise ValueError("service is empty")
        self._queue = queue
        self._service = service
        self._rooms_url = rooms_url.rstrip("/")
        self._verifier: PassVerifier | None = None
        self._fetched = 0.0

    async def ask(self, visit: Visit) -> Shown:
        try:
            if await self._is_inside(visit):
                return Shown()
            text = pass_in(visit)
            if not text:
                return self._outside(visit)
            return await self._enter(visit, text)
        except PlatformAway:
            return _problem(
                503, {"type": "about:blank", "title": "Service Unavailable"}, {"Retry-After": "1"}
            )
        except SaddError:  # the pass is none, or was spent
            return self._outside(visit)

    async def _is_inside(self, visit: Visit) -> bool:
        for text in entries_in(visit, self._service):
            try:
                (await self._keys(text)).read_entry(text)
            except InvalidPass:
                continue
            return True
        return False

    async def _enter(self, visit: Visit, text: str) -> Shown:
        (await self._keys(text)).read(text)  # a forged one is not worth a call
        mark = sha256(f"{visit.address}\0{visit.headers.get('user-agent', '')}".encode("utf-8", "replace"))
        entry, expires_in_ms = await self._queue.entry(self._service, text, mark.hexdigest())
        seconds = -(-expires_in_ms // 1000)
        name = ENTRY_COOKIE + self._service
        cookie = f"{name}={entry}; Max-Age={seconds}; Path=/; Secure; HttpOnly; SameSite=Lax"
        if visit.method in ("GET", "HEAD") and PASS_PARAMETER in visit.uri:
            headers = {"Location": page_of(visit.uri), "Set-Cookie": cookie, "Cache-Control": "no-store"}
            return Shown(302, headers)
        return Shown(cookie=cookie)

    async def _keys(self, text: str) -> PassVerifier:
        """PlatformAway only if they were never fetched."""
        held, age = self._verifier, now() - self._fetched
        fresh = age < (KEYS_SECONDS if held is None or held.knows(text) else KEYS_AGAIN_SECONDS)
        if held is not None and fresh:
            return held
        try:
            published = await self._queue.keys()
            self._verifier = PassVerifier(published, self._queue.room, self._service)
        except (PlatformAway, ValueError):
            if held is None:
                raise PlatformAway("the keys of passes are not known yet") from None
        self._fetched = now()
        return self._verifier or held  # type: ignore[return-value]  # one of them is there by now

    def _outside(self, visit: Visit) -> Shown:
        asked = urlencode({"service": self._service, "path": page_of(visit.uri)}, quote_via=quote, safe="/")
        url = f"{self._rooms_url}/queue/{quote(self._queue.room, safe='')}?{asked}"
        crawls = bool(_CRAWLER.search(visit.headers.get("user-agent", "")[:512]))
        mode = visit.headers.get("sec-fetch-mode")
        page = mode == "navigate" if mode else "text/html" in visit.headers.get("accept", "")
        if page and not crawls:
            return Shown(302, {"Location": url, "Cache-Control": "no-store"})
        members = {
            "type": WAITING_ROOM,
            "title": "There is a waiting room before this service.",
            "room": self._queue.room,
            "room_url": url,
        }
        status, seconds = (503, "300") if crawls else (429, "5")
        return _problem(status, members, {"Retry-After": seconds, "Sadd-Room": url})


class AsyncDoor(_Doorstep):
    """From ``AsyncClient.room(…).door(…)``; for one event loop."""

    async def judge(self, visit: Visit) -> Shown:
        """Never raises: who cannot be judged stays outside."""
        return await self.ask(visit)


class Door(_Doorstep):
    """From ``Client.room(…).door(…)``; for any number of threads."""

    def judge(self, visit: Visit) -> Shown:
        """Never raises: who cannot be judged stays outside."""
        return complete(self.ask(visit))


def entries_in(visit: Visit, service: str) -> list[str]:
    name = ENTRY_COOKIE + service
    shown = [visit.headers[ENTRY_HEADER]] if visit.headers.get(ENTRY_HEADER) else []
    for one in visit.headers.get("cookie", "").split(";"):
        found, _, value = one.strip().partition("=")
        if found == name:
            shown.append(value)
    return shown[:ENTRIES_MAX]


def pass_in(visit: Visit) -> str:
    """In the field or in the query; empty also where there are two."""
    shown = {visit.headers[PASS_HEADER]} if visit.headers.get(PASS_HEADER) else set()
    for one in visit.uri.partition("?")[2].split("&", 200):
        name, _, value = one.partition("=")
        if name == PASS_PARAMETER:
            shown.add(value)
    return shown.pop() if len(shown) == 1 else ""


def page_of(uri: str) -> str:
    """The page without the pass: a path of this host, whatever the address was."""
    path, _, query = uri.partition("#")[0].partition("?")
    kept = [one for one in query.split("&") if one and one.partition("=")[0] != PASS_PARAMETER]
    page = quote("/" + path.lstrip("/\\"), safe=_SAFE, errors="surrogateescape")
    page += f"?{quote('&'.join(kept), safe=_SAFE, errors='surrogateescape')}" if kept else ""
    return page if len(page) <= PAGE_CHARACTERS_MAX else "/"


def _problem(status: int, members: Mapping[str, str], headers: Mapping[str, str]) -> Shown:
    body = json.dumps({**members, "status": status}).encode()
    kept = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    return Shown(status, {**kept, **headers, "Content-Length": str(len(body))}, body)
