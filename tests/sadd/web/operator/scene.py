"""The operator's page behind a real server, on real stores, with a small catalogue and three keys."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from yarl import URL

from queueing.history import History, Sample
from queueing.passes import PassKey, PassOffice
from queueing.policy import Room
from queueing.postgres import PostgresLedger
from queueing.rooms import Rooms
from queueing.ticket import TicketKeys, TicketOffice
from queueing.valkey import ValkeyStore
from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore as LimitStore
from sadd.catalogue.model import Capacity
from sadd.identity.record import KeyWish
from sadd.identity.ring import KeyRing
from sadd.identity.store import KeyStore
from sadd.postgres.pool import AWAY, Pool, open_pool
from sadd.rooms.registry import Registry
from sadd.rooms.view import RoomsView
from sadd.session.ids import Ids
from sadd.session.sessions import Sessions
from sadd.session.valkey import ValkeyStore as SessionStore
from sadd.valkey.client import ValkeyClient
from sadd.web.operator.desk import Desk
from sadd.web.operator.door import Door
from sadd.web.operator.endpoints import endpoints
from tests.sadd.catalogue.scene import service, small
from tests.sadd.web.scene import View
from tests.sadd.web.served import Served, served
from tests.stores import connected

RESULTS, CLINIC = "moehe-results", "moph-appointment"
CAPACITY = Capacity(requests_per_second=40, concurrent_users=400)


@dataclass
class Scene:
    """The server, its parts, and keys: of MOEHE, of the authority, and one of MOEHE without the scope."""

    served: Served
    rooms: Rooms
    specs: RoomsView
    history: History
    pool: Pool
    ring: KeyRing
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.served.port}"

    @property
    def room(self) -> Room:
        return self.specs.current[RESULTS].room

    async def revoke(self, name: str) -> None:
        prefix = self.keys[name].split("_")[1]
        await KeyStore(self.pool).revoke(prefix, datetime.now(UTC))
        await self.ring.load(self.pool)


@asynccontextmanager
async def scene(valkey_url: str, database_url: str) -> AsyncIterator[Scene]:
    async with (
        await open_pool(database_url, pool_max=4, deadline_seconds=5) as pool,
        connected(valkey_url) as client,
        scene_on(client, pool) as made,
    ):
        yield made


@asynccontextmanager
async def scene_on(client: ValkeyClient, pool: Pool) -> AsyncIterator[Scene]:
    """On stores at hand."""
    ring, keys = KeyRing(pool=pool), await _keys(pool)
    await ring.load(pool)
    specs = RoomsView(pool, View(small(service(RESULTS, capacity=CAPACITY), service(CLINIC, "moph"))))
    await specs.refresh()
    passes = PassOffice([PassKey("0000000b", b"p" * 32)])
    tickets = TicketOffice(TicketKeys("0000000a", {"0000000a": b"t" * 32}))
    rooms, history = Rooms(ValkeyStore(client), tickets, passes, PostgresLedger(pool, AWAY)), History(client)
    sessions = Sessions(SessionStore(client), Ids(b"p" * 32))
    door = Door(ring, sessions, Limiter(LimitStore(client)), lambda request: request.remote or "")
    pages = endpoints(
        door, Desk(specs, Registry(pool, specs, rooms.status), rooms, history, pool, "digital-gov")
    )
    async with served(pages, keys=ring) as server:
        yield Scene(server, rooms, specs, history, pool, ring, keys)


async def _keys(pool: Pool) -> dict[str, str]:
    wishes = {
        "operator": KeyWish("moehe", frozenset({"queues:admin"})),
        "authority": KeyWish("digital-gov", frozenset({"queues:admin"})),
        "weak": KeyWish("moehe", frozenset({"limits:check"})),
    }
    store, now = KeyStore(pool), datetime.now(UTC)
    return {name: (await store.create(wish, now))[0].text for name, wish in wishes.items()}


class Browser:
    """A browser as far as HTTP goes: keeps cookies, says where its forms come from, follows redirects."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        # The real one takes a Secure cookie from 127.0.0.1; this one does so over HTTP when told to.
        self.cookies: dict[str, str] = {}
        self.language = "en"

    async def get(self, path: str) -> tuple[int, str]:
        return await self._ask("GET", path, None, {})

    async def send(self, path: str, *, origin: str | None = "", **fields: str) -> tuple[int, str]:
        """A form. ``origin`` empty is our own page, None says nothing."""
        told = {} if origin is None else {"Origin": origin or self._scene.url}
        return await self._ask("POST", path, fields, told)

    async def sign_in(self, name: str = "operator") -> tuple[int, str]:
        return await self.send("/operator/sign-in", key=self._scene.keys[name])

    async def _ask(
        self, method: str, path: str, form: dict[str, str] | None, told: dict[str, str]
    ) -> tuple[int, str]:
        headers = {"Accept-Language": self.language, **told}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
            url = URL(self._scene.url + path)
            async with client.request(
                method, url, data=form, headers=headers, allow_redirects=False
            ) as answer:
                for name, morsel in answer.cookies.items():
                    self.cookies[name] = morsel.value
                if answer.status == 303:
                    return await self.get(answer.headers["Location"])
                return answer.status, await answer.text()


def token_in(page: str) -> str:
    """The token of the first form on a page."""
    return page.split('name="token" value="', 1)[1].split('"', 1)[0]


def hidden_in(page: str, name: str) -> str:
    return page.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]


def samples(now_ms: int, count: int = 60) -> list[Sample]:
    """A room that lets in 300 a minute while the line swells to 2,000 and shrinks again."""
    first = now_ms - (count - 1) * 5_000
    return [
        Sample(
            at_ms=first + n * 5_000,
            epoch=3,
            issued=3_000 + 25 * n + round(2_000 * math.sin(math.pi * (n + 1) / (count + 1))),
            serving=3_000 + 25 * n,
            expired=2_900 + 25 * n,
            claimed=2_500 + 20 * n,
            missed=400 + 5 * n,
            active=300 + 5 * (n % 7),
            target_per_minute=360,
            cases=140,
            low_per_minute=280.0,
            high_per_minute=320.0,
            show_rate=0.8 + 0.02 * math.sin(math.pi * n / max(count - 1, 1)),
            factor=0.7 if count // 2 <= n < count // 2 + 6 else 1.0,
            covered_share=0.81,
            failed_share=0.01,
            latency_ms=85.0,
        )
        for n in range(count)
    ]
