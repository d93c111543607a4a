"""A waiting room's page on a real store, with a clock and settings in the test's hands."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from queueing.leader import Leader
from queueing.passes import PassKey, PassOffice
from queueing.rooms import Rooms
from queueing.ticket import TicketKeys, TicketOffice
from queueing.valkey import ValkeyStore
from queueing.work import Effort, WorkOffice
from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore as LimitStore
from sadd.gate.trust import Trust
from sadd.rooms.doorkeeper import Doorkeeper
from sadd.rooms.holder import Holders
from sadd.rooms.spec import RoomSpec
from sadd.rooms.view import RoomsView
from sadd.web.challenge import Address, Door
from sadd.web.room_page.endpoints import endpoints
from sadd.web.room_page.page import RoomPage
from sadd.web.visits import Visits
from tests.queueing.ledger import PlainLedger
from tests.sadd.web.scene import RESULTS, View, catalogue
from tests.sadd.web.served import Served, served
from tests.stores import connected

PATH = f"/queue/{RESULTS}"
KEYS = TicketKeys("0000000a", {"0000000a": b"t" * 32})


@dataclass
class Specs:
    """The settings of all rooms, to be changed by a test."""

    current: dict[str, RoomSpec]

    def change(self, *, room: dict[str, Any] | None = None, **more: Any) -> None:
        spec = self.current[RESULTS]
        changed = msgspec.structs.replace(spec, room=replace(spec.room, **(room or {})), **more)
        self.current = {**self.current, RESULTS: changed}


@dataclass
class Scene:
    """One visitor after the other; ``now`` is in seconds since the epoch, for challenges only."""

    server: Served
    specs: Specs
    ledger: PlainLedger
    pages: RoomPage
    now: list[float] = field(default_factory=lambda: [1_800_000_000.0])


@dataclass
class Got:
    """A page as it came."""

    status: int
    text: str
    headers: Mapping[str, str]
    cookies: dict[str, str]

    @property
    def heading(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.text)
        return found[1] if found else ""

    @property
    def fault(self) -> str:
        found = re.search(r'<p class="fault" id="fault">(.*?)</p>', self.text)
        return found[1] if found else ""

    def hidden(self, name: str) -> str:
        found = re.search(rf'<input type="hidden" name="{name}"[^>]*value="([^"]*)"', self.text)
        return found[1] if found else ""


class Browser:
    """Sends forms as browsers do; ``keeps`` cookies or does not. Redirects are told, not followed."""

    def __init__(self, scene: Scene, *, keeps: bool = True, lang: str = "en", **headers: str) -> None:
        self._scene = scene
        self._keeps = keeps
        self._headers = {"Accept-Language": lang, **headers}
        self.cookies: dict[str, str] = {}

    async def get(self, path: str = PATH) -> Got:
        return await self._ask("GET", path, None, {})

    async def press(self, word: str, /, path: str = PATH, site: str = "same-origin", **fields: str) -> Got:
        return await self._ask("POST", path, {"do": word, **fields}, {"Sec-Fetch-Site": site})

    async def _ask(self, method: str, path: str, form: Any, more: dict[str, str]) -> Got:
        cookies = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}
        headers = {**self._headers, **cookies, **more}
        client = self._scene.server.client
        async with client.request(method, path, data=form, headers=headers, allow_redirects=False) as answer:
            set_now = {name: kept.value for name, kept in answer.cookies.items()}
            if self._keeps:
                self.cookies = {k: v for k, v in {**self.cookies, **set_now}.items() if v}
            return Got(answer.status, await answer.text(), answer.headers, set_now)


@asynccontextmanager
async def room_page(valkey_url: str, *, door: bool = False, deadline_ms: int = 2_000) -> AsyncIterator[Scene]:
    """A room for one at a time. ``door`` judges joins as on the platform."""
    view = View(catalogue())
    async with connected(valkey_url, deadline_ms=deadline_ms) as client:
        specs = Specs(dict(RoomsView(None, view).current))
        store, ledger = ValkeyStore(client), PlainLedger()
        rooms = Rooms(store, TicketOffice(KEYS), PassOffice([PassKey("0000000b", b"p" * 32)]), ledger)
        leader = Leader(lambda: [spec.room for spec in specs.current.values()], store, ledger, holder="scene")
        now = [1_800_000_000.0]
        guard = _door(client, rooms, lambda: now[0]) if door else None
        pages = RoomPage()
        visits = Visits(rooms, specs, Holders(b"h" * 32), door=guard)
        leading = asyncio.create_task(leader.run())
        try:
            async with served(endpoints(pages, visits, view)) as server:
                yield Scene(server, specs, ledger, pages, now)
        finally:
            leading.cancel()


def _door(client: Any, rooms: Rooms, clock: Callable[[], float]) -> Door:
    keeper = Doorkeeper(Limiter(LimitStore(client)), WorkOffice(KEYS, lambda n: b"n" * n), Effort(8, 8))
    return Door(keeper, rooms, Address(Trust(("10.0.0.0/8",)), "X-Forwarded-For"), clock)
