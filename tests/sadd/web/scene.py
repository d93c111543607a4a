"""The four services behind a real HTTP server, with a small catalogue and one key for each agency."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from queueing.leader import Leader
from queueing.passes import PassKey, PassOffice
from queueing.rooms import Rooms
from queueing.ticket import TicketKeys, TicketOffice
from queueing.valkey import ValkeyStore as RoomStore
from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore as LimitStore
from sadd.app import caching
from sadd.caching.spaces import Spaces
from sadd.catalogue.model import Capacity, Catalogue, Protection
from sadd.limits.desk import Desk
from sadd.rooms.holder import Holders
from sadd.rooms.view import RoomsView
from sadd.session.ids import Ids
from sadd.session.sessions import Sessions
from sadd.session.valkey import ValkeyStore as SessionStore
from sadd.settings import Settings
from sadd.web import limits, queues, sessions, sessions_listed
from sadd.web.visits import Visits
from tests.queueing.ledger import PlainLedger
from tests.sadd.catalogue.scene import service, small
from tests.sadd.web.callers import MOEHE, MOPH, READER, Keys, View
from tests.sadd.web.served import Served, served
from tests.stores import connected

__all__ = [
    "BARE",
    "CLINIC",
    "MOEHE",
    "MOPH",
    "READER",
    "RESULTS",
    "Keys",
    "View",
    "catalogue",
    "four_services",
]

RESULTS = "moehe-results"
"""A service of MOEHE with all four protections: 60 a minute, burst 20; a room for one active user."""
BARE = "moehe-bare"
"""A service of MOEHE with a limit only."""
CLINIC = "moph-appointment"
"""A service of MOPH."""


def catalogue() -> Catalogue:
    one_at_a_time = Capacity(requests_per_second=40, concurrent_users=2)
    return small(
        service(RESULTS, capacity=one_at_a_time),
        service(BARE, protection=Protection("standard")),
        service("moehe-closed", status="retired"),
        service(CLINIC, "moph"),
    )


@asynccontextmanager
async def four_services(valkey_url: str, *, deadline_ms: int = 2_000) -> AsyncIterator[Served]:
    """The server, on one store client."""
    view = View(catalogue())
    passes = PassOffice([PassKey("0000000b", b"p" * 32)])
    tickets = TicketOffice(TicketKeys("0000000a", {"0000000a": b"t" * 32}))
    async with connected(valkey_url, deadline_ms=deadline_ms) as client:
        store, ledger, specs = RoomStore(client), PlainLedger(), RoomsView(None, view)
        rooms = Rooms(store, tickets, passes, ledger)
        leader = Leader(lambda: [each.room for each in specs.current.values()], store, ledger, holder="scene")
        spaces = Spaces(view)
        engine, quotas = caching.plain_cache(client, spaces, Settings())
        kept = Sessions(SessionStore(client), Ids(b"p" * 32))
        endpoints = [
            *limits.endpoints(Desk(Limiter(LimitStore(client)), view)),
            *caching.endpoints(engine, spaces, quotas),
            *queues.endpoints(Visits(rooms, specs, Holders(b"h" * 32), kept), passes),
            *sessions.endpoints(kept, view),
            *sessions_listed.endpoints(kept),
        ]
        leading = asyncio.create_task(leader.run())
        try:
            async with served(endpoints, keys=Keys()) as server:
                yield server
        finally:
            leading.cancel()
