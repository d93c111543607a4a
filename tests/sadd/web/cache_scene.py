"""The cache behind a real HTTP server: a service with a class of its own, one worker's memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import msgspec

from cache.cache import Cache
from cache.codec import Codec
from cache.near import Near
from cache.valkey import ValkeyStore
from sadd.app import caching
from sadd.caching.hub import Hub
from sadd.caching.quotas import Quotas
from sadd.caching.register import Register
from sadd.caching.spaces import Spaces
from sadd.catalogue.model import CacheClass, Catalogue, Protection
from sadd.postgres.pool import Pool
from sadd.settings import Server
from sadd.web.cache_events import Events
from tests.sadd.catalogue.scene import service, small
from tests.sadd.web.callers import Keys, View
from tests.sadd.web.served import LOCAL, Served, served
from tests.stores import connected

SMALL = "moehe-small"
"""A namespace of MOEHE that holds ten entries of 1,000 bytes each."""
SPACES = f"/v1/cache/{SMALL}"
BOUND_SECONDS = 0.1


class Proven:
    """Proven until a test says otherwise: what was put here is answered from memory."""

    proven_until = float("inf")


@dataclass
class Scene:
    """The server, and what a test may look at or move behind it."""

    server: Served
    engine: Cache
    near: Near
    hub: Hub
    proof: Proven
    spaces: Spaces
    quotas: Quotas
    view: View

    def hear(self, said: str) -> None:
        """A notice of the feed comes."""
        self.engine.heard(said.encode())
        self.hub.heard(said.encode())


def catalogue() -> Catalogue:
    tight = CacheClass(
        "tight",
        60,
        30,
        stale_error_seconds=600,
        jitter=0.0,
        entry_bytes_max=1_000,
        bytes_max=20_000,
        entries_max=10,
    )
    made = small(service(SMALL, protection=Protection("standard", cache="tight")))
    classes = msgspec.structs.replace(made.classes, caches={**made.classes.caches, "tight": tight})
    return msgspec.structs.replace(made, classes=classes)


@asynccontextmanager
async def cache_scene(
    valkey_url: str,
    *,
    near_bytes: int = 0,
    agency_bytes_max: int = 1 << 30,
    namespaces_max: int = 8,
    events_max: int = 2,
    fast_lane: bool = True,
    deadline_ms: int = 2_000,
    pool: "Pool | None" = None,
    authority: str = "",
) -> AsyncIterator[Scene]:
    """Of one worker. Nothing carries the feed: a test says what is heard."""
    view, proof = View(catalogue()), Proven()
    async with connected(valkey_url, deadline_ms=deadline_ms) as client:
        near = Near(near_bytes, proof)
        engine = Cache(ValkeyStore(client, Codec()), near=near)
        spaces, hub = Spaces(view), Hub(proof, BOUND_SECONDS)
        register = Register(client, namespaces_max=namespaces_max)
        quotas = Quotas(engine, spaces, register, agency_bytes_max=agency_bytes_max)
        events = Events(hub, spaces, events_max)
        endpoints = [*events.endpoints(), *caching.endpoints(engine, spaces, quotas, pool, authority)]
        limits: Server = replace(LOCAL, fast_lane=fast_lane)
        async with served(endpoints, keys=Keys(), limits=limits) as server:
            yield Scene(server, engine, near, hub, proof, spaces, quotas, view)
        await engine.aclose()
