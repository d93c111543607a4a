"""The shield of one worker: put together on the worker's cache and gate, and where it listens."""

import asyncio
from dataclasses import replace

from sadd.app.caching import Caching as WorkersCache
from sadd.catalogue.view import CatalogueView
from sadd.gate.gate import Gate
from sadd.settings import Settings
from sadd.shield.caching import Caching
from sadd.shield.front import Fronts
from sadd.shield.listening import serve_shield
from sadd.shield.quick import Quick
from sadd.shield.shelves import Shelves
from sadd.shield.shield import Shield
from sadd.shield.sites import Sites
from sadd.telemetry.metrics import Metrics
from sadd.web.serving import listen


def open_shield(
    settings: Settings, gate: Gate, kept: WorkersCache, view: CatalogueView, metrics: Metrics
) -> Fronts | None:
    """None: there is to be none."""
    if not settings.shield.port:
        return None
    sites = Sites(view, settings.shield, workers=settings.server.workers)
    caching = Caching(kept.cache, Shelves(kept.spaces), settings.shield)
    shield = Shield(sites, gate, caching, Quick(kept.cache, caching, sites), settings.shield)
    fronts = Fronts(shield, settings.server)
    metrics.register(
        "sadd_shield",
        shield.stats,
        gauges={"origin_held": "sum"},
        labels={"answers": "how", "origins_failed": "why"},
        help_of={
            "answers": "Requests by how their answers came about.",
            "origins_failed": "Requests to which an origin gave no answer, by why.",
            "origin_held": "Places at origins that are taken, of those that the catalogue allows.",
            "origin_opened": "Connections that were made to origins.",
            "breakers_opened": "Times that an origin was given up for a while.",
        },
    )
    metrics.register(
        "sadd_shield_connections", fronts.stats, gauges={"open": "sum"}, labels={"refused": "why"}
    )
    return fronts


def ports(settings: Settings) -> tuple[int, ...]:
    """Where the workers listen: one port for all, or none."""
    return (settings.shield.port,) if settings.shield.port else ()


async def serve_visitors(
    fronts: Fronts, settings: Settings, stop: asyncio.Event, started: asyncio.Event
) -> None:
    """Serve until ``stop`` is set, then drain."""
    shield = settings.shield
    with listen(replace(settings.server, host=shield.host, port=shield.port)) as listener:
        await serve_shield(
            fronts,
            listener,
            stop,
            drain_timeout_seconds=settings.server.drain_timeout_seconds,
            on_started=started.set,
        )
