"""A shield in front of a real origin, and a client that sees bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from cache.cache import Cache
from cache.near import Near
from cache.valkey import ValkeyStore
from sadd.caching.spaces import Spaces, space_of
from sadd.catalogue.model import CacheClass, Capacity, Catalogue, Protection
from sadd.feed.feed import Feed
from sadd.gate.door import Door
from sadd.gate.gate import Gate
from sadd.settings import Gate as GateSettings
from sadd.settings import Server
from sadd.settings import Shield as Settings
from sadd.shield.caching import Caching
from sadd.shield.front import Fronts
from sadd.shield.listening import serve_shield
from sadd.shield.quick import Quick
from sadd.shield.shelves import Shelves
from sadd.shield.shield import Shield
from sadd.shield.sites import Sites
from sadd.web.serving import listen
from tests.sadd.catalogue.scene import service, small
from tests.shield.gatekeepers import Desk, OneSession
from tests.shield.origin import Origin
from tests.stores import connected
from tests.waiting import eventually

NAME = "moehe-results"
LIMITS = Server(port=0, first_byte_timeout_seconds=10, idle_timeout_seconds=30, drain_timeout_seconds=5)
QUICK = Settings(
    connect_timeout_seconds=5, answer_timeout_seconds=20, stall_timeout_seconds=20, place_timeout_seconds=20
)


@dataclass
class Answer:
    """What came back."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def get(self, name: str) -> str | None:
        found = [value for known, value in self.fields if known == name.lower()]
        return ", ".join(found) if found else None


@dataclass(frozen=True)
class View:
    current: Catalogue


@dataclass
class Scene:
    """The running shield."""

    port: int
    fronts: Fronts
    shield: Shield
    sites: Sites
    desk: Desk
    sessions: OneSession
    stop: asyncio.Event
    view: View
    cache: Cache
    near: Near
    host: str = NAME

    async def forget(self) -> None:
        """Nothing is kept any more, and the worker's memory has heard so."""
        heard = self._heard()
        space = space_of("moehe", f"shield-{NAME}", self.view.current.classes.caches["page"])
        await self.cache.purge(space, everything=True)
        await eventually(lambda: self._heard() > heard)

    def _heard(self) -> int:
        near = self.near
        return near.notices + near.losses + near.gaps

    async def raw(self, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        await writer.drain()
        return reader, writer

    async def exchange(self, sent: bytes) -> bytes:
        """All that comes back until the shield closes."""
        reader, writer = await self.raw(sent)
        try:
            async with asyncio.timeout(20):
                return await reader.read()
        finally:
            writer.close()

    async def ask(
        self, target: str = "/", *fields: str, method: str = "GET", body: bytes = b"", host: str = ""
    ) -> Answer:
        """One request on a connection of its own."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host or self.host}", *fields]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        reader, writer = await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
        try:
            async with asyncio.timeout(30):
                return await read_answer(reader, method)
        finally:
            writer.close()


async def read_answer(reader: asyncio.StreamReader, method: str = "GET") -> Answer:
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    fields = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
    answer = Answer(int(first.split(" ")[1]), fields, b"")
    if answer.status < 200 and answer.status != 101:
        return await read_answer(reader, method)
    if method == "HEAD" or answer.status in (101, 204, 304):
        return answer
    if length := answer.get("content-length"):
        answer.body = await reader.readexactly(int(length))
    elif answer.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            answer.body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        answer.body = await reader.read()
    return answer


RULES = CacheClass("page", 300, 0, jitter=0.0, public_routes=("/public/*",))


def catalogue(
    origin_url: str, *, cap: int = 400, rules: CacheClass | None = None, **changes: Any
) -> Catalogue:
    """One service, whose pages are kept by ``rules``."""
    one = service(
        NAME,
        origin=origin_url,
        capacity=Capacity(requests_per_second=1000, concurrent_users=cap),
        protection=Protection("standard", None, "page", "citizen"),
        **changes,
    )
    made = small(one)
    kept = rules or RULES
    return msgspec.structs.replace(made, classes=msgspec.structs.replace(made.classes, caches={"page": kept}))


@asynccontextmanager
async def shielded(
    site: Origin,
    *,
    url: str = "",
    cap: int = 400,
    rules: CacheClass | None = None,
    settings: Settings = QUICK,
    limits: Server = LIMITS,
    trusted: str = "10.0.0.0/8",
    door: Door | None = None,
    deadline_ms: int = 20_000,
    **changes: Any,
) -> AsyncIterator[Scene]:
    """A shield in front of this origin (or of ``url``), on the origin's store; its service is ``NAME``."""
    async with connected(site.valkey_url, deadline_ms=deadline_ms) as client:
        view = View(catalogue(url or site.url, cap=cap, rules=rules, **changes))
        desk, sessions = Desk(), OneSession()
        gate = Gate(desk, sessions, view, GateSettings(trusted_proxies=trusted), door)
        sites = Sites(view, settings, workers=1)
        feed = Feed(client, bound_ms=1000)
        near = Near(8_388_608, feed)
        cache = Cache(ValkeyStore(client), near=near)
        feed.listen(cache.heard, cache.lost, cache.told)
        feed.start()
        caching = Caching(cache, Shelves(Spaces(view)), settings)
        shield = Shield(sites, gate, caching, Quick(cache, caching, sites), settings)
        fronts = Fronts(shield, limits)
        listener = listen(limits)
        port = listener.getsockname()[1]
        stop, started = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(
            serve_shield(
                fronts, listener, stop, drain_timeout_seconds=5, settle_seconds=0, on_started=started.set
            )
        )
        await started.wait()
        try:
            yield Scene(port, fronts, shield, sites, desk, sessions, stop, view, cache, near)
        finally:
            stop.set()
            await serving
            sites.close()
            await cache.aclose()
            await feed.aclose()
