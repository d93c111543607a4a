"""The shield in a process of its own, in front of an origin of this machine, over plain HTTP.

python -m benchmarks.peers.own_shield PORT STORE_PORT ORIGIN_PORT

The catalogue names https origins only, so the platform's own worker has none to be measured with. This is its
shield, its cache and its feed, put together as it does; nobody is limited, and nobody signs in, as with the
proxies beside it. Any number of such processes share a port and the store.
"""

import asyncio
import sys
from collections.abc import Callable

import uvloop

from cache.cache import Cache
from cache.near import Near
from cache.valkey import ValkeyStore
from ratelimit.decision import Decision
from ratelimit.policy import Policy
from sadd.caching.spaces import Spaces
from sadd.catalogue.kinds import assemble
from sadd.catalogue.model import (
    Agency,
    CacheClass,
    Capacity,
    Catalogue,
    Contact,
    LimitClass,
    Name,
    Peak,
    Protection,
    Service,
    SessionClass,
)
from sadd.feed.feed import Feed
from sadd.gate.gate import Gate
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked
from sadd.limits.fields import policy_field
from sadd.session.record import Session
from sadd.session.sessions import UnknownSession
from sadd.session.sharing import Sharing
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
from sadd.valkey.topology import open_client
from sadd.web.serving import listen

HOST = "bench-pages"
POLICY = Policy("nobody-is-limited", 1_000_000, 1, 1_000_000)
ALLOWED = Answer(
    True,
    Decision(True, POLICY.id, 1_000_000, 999_999, 0, None),
    (Decision(True, POLICY.id, 1_000_000, 999_999, 0, None),),
    None,
    (),
    (POLICY,),
    policy_field([POLICY]),
)


class NoLimits:
    def ask(self, agency: str | None, asked: Asked, done: Callable[[Answer], None]) -> None:  # noqa: ARG002 - a desk's words
        done(ALLOWED)


class NoSessions:
    async def touch(self, agency: str, session_id: str, *, sharing: Sharing | None = None) -> Session:  # noqa: ARG002 - as above
        raise UnknownSession


class View:
    def __init__(self, current: Catalogue) -> None:
        self.current = current


def catalogue(origin_port: int) -> Catalogue:
    """One service, all of whose pages are everybody's."""
    name = Name("صفحات القياس", "Pages of the benchmark")
    service = Service(
        id=HOST,
        agency="bench",
        name=name,
        category="education",
        audience=("citizens",),
        channels=("web",),
        status="live",
        since="2020-05-01",
        origin=f"http://127.0.0.1:{origin_port}",
        capacity=Capacity(requests_per_second=1_000, concurrent_users=2_000),
        yearly_volume=1_000_000,
        peak=Peak(event="a run", factor=2.0),
        protection=Protection("wide", None, "page", "citizen"),
    )
    rules = CacheClass("page", 300, 0, jitter=0.0, public_routes=("/*",))
    return assemble(
        0,
        {
            "limits": {"wide": LimitClass("wide", 1_000_000, 1, 1_000_000)},
            "caches": {"page": rules},
            "sessions": {"citizen": SessionClass("citizen", 900, 3_600)},
            "agencies": {"bench": Agency("bench", name, "ministry", Contact("a@bench.example", "+974 4000"))},
            "services": {HOST: service},
        },
    )


async def serve(port: int, store_port: int, origin_port: int) -> None:
    view, settings = View(catalogue(origin_port)), Settings()
    limits = Server(port=port)
    client = await open_client(f"redis://127.0.0.1:{store_port}", deadline_ms=5_000, max_in_flight=20_000)
    feed = Feed(client)
    cache = Cache(ValkeyStore(client), near=Near(proof=feed))
    feed.listen(cache.heard, cache.lost, cache.told)
    feed.start()
    sites = Sites(view, settings, workers=1)
    gate = Gate(NoLimits(), NoSessions(), view, GateSettings(trusted_proxies="10.0.0.0/8"))
    caching = Caching(cache, Shelves(Spaces(view)), settings)
    fronts = Fronts(Shield(sites, gate, caching, Quick(cache, caching, sites), settings), limits)
    await serve_shield(fronts, listen(limits), asyncio.Event(), drain_timeout_seconds=1)


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:])))
