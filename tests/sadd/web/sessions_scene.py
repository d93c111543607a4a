"""A server with all of sessions, on both stores, with what runs beside the requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sadd.app.sessions import SessionWays, open_engine, open_session_ways
from sadd.catalogue import view as catalogue_view
from sadd.catalogue.model import Catalogue
from sadd.catalogue.view import CatalogueView
from sadd.postgres.listen import Listener
from sadd.postgres.pool import Pool, open_pool
from sadd.settings import Sessions as SessionSettings
from sadd.settings import Settings
from sadd.signing import load_signing_keys
from sadd.valkey.client import ValkeyClient
from tests.sadd.web.callers import MOEHE, Keys
from tests.sadd.web.scene import RESULTS, catalogue
from tests.sadd.web.served import Served, served
from tests.stores import connected
from tests.waiting import eventually

ISSUER = "https://sadd.gov.example"
SESSIONS = "/v1/sessions"
CURRENT = f"{SESSIONS}/current"


@dataclass
class SignedIn:
    """The server, what is behind it, and the usual calls."""

    server: Served
    ways: SessionWays
    pool: Pool
    valkey: ValkeyClient

    async def ask(
        self,
        method: str,
        path: str,
        session: str = "",
        body: Any = None,
        key: dict[str, str] = MOEHE,
        **headers: str,
    ) -> tuple[int, Any]:
        fields = {**key, **({"Sadd-Session": session} if session else {})}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.server.client.request(method, path, json=body, headers=fields) as answer:
            raw = await answer.read()
            return answer.status, await answer.json() if raw else None

    async def sign_in(self, subject: str = "citizen", service: str = RESULTS, **more: Any) -> dict[str, Any]:
        status, answer = await self.ask(
            "POST", SESSIONS, body={"service": service, "subject": subject, **more}
        )
        assert status == 201, answer
        found: dict[str, Any] = answer
        return found

    async def lives(self, session: str) -> bool:
        status, problem = await self.ask("GET", CURRENT, session)
        assert status in (200, 404), problem
        return status == 200


@asynccontextmanager
async def signed_in(
    valkey_url: str,
    database_url: str,
    classes: Catalogue | None = None,
    *,
    deadline_ms: int = 2_000,
    **settings: Any,
) -> AsyncIterator[SignedIn]:
    own = SessionSettings(**{"issuer": ISSUER, "logout_to_loopback": True, **settings})
    pool = await open_pool(database_url, pool_max=8, deadline_seconds=10)
    try:
        async with connected(valkey_url, deadline_ms=deadline_ms) as client:
            view = CatalogueView(pool, begin=catalogue_view.of(classes or catalogue()))
            signing = await load_signing_keys(pool)
            engine = open_engine(client, pool, signing)
            ways = await open_session_ways(engine, pool, signing, view, Settings(sessions=own))
            async with (
                _at_work(ways, database_url),
                served(ways.endpoints(), keys=Keys()) as server,
            ):
                await eventually(lambda: ways.window.last >= 0)
                yield SignedIn(server, ways, pool, client)
    finally:
        pool.terminate()


@asynccontextmanager
async def _at_work(ways: SessionWays, database_url: str) -> AsyncIterator[None]:
    listener = Listener(database_url)
    for channel, refresh in ways.changes():
        listener.watch(channel, refresh)
    tasks = [asyncio.create_task(work) for work in (*ways.work(), listener.run())]
    try:
        await eventually(lambda: listener.connected)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
