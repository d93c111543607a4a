"""What a worker is put together from: what it knows by heart, and the services with what leads to them."""

from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from sadd.app.caching import Caching, open_caching
from sadd.app.limits import Limits
from sadd.app.queues import Queues, open_queues
from sadd.app.services import Services, open_services, tag
from sadd.app.sessions import SessionWays, open_engine, open_session_ways
from sadd.catalogue.view import CatalogueView
from sadd.gate.endpoints import endpoints as gate_endpoints
from sadd.gate.gate import Gate
from sadd.identity.ring import KeyRing
from sadd.limits.view import RulesView
from sadd.postgres.pool import Pool
from sadd.settings import Settings
from sadd.signing import load_signing_keys
from sadd.telemetry.metrics import Metrics
from sadd.valkey.address import Shape, parse
from sadd.valkey.client import ValkeyClient
from sadd.web.endpoint import Endpoint


def _is_cluster(settings: Settings) -> bool:
    return parse(settings.valkey.url).shape is Shape.CLUSTER


@dataclass(frozen=True, slots=True)
class Known:
    """What every worker has in memory of the database."""

    view: CatalogueView
    rules: RulesView
    keys: KeyRing


async def know(pool: Pool, settings: Settings) -> Known:
    """Raises what the database raises when it is away."""
    rules = RulesView(pool, tag=tag(clustered=_is_cluster(settings)))
    known = Known(CatalogueView(pool), rules, KeyRing(pool=pool))
    await known.view.refresh()
    await known.rules.refresh()
    await known.keys.load(pool)
    return known


@dataclass(frozen=True, slots=True)
class Parts:
    """The services with what leads to them."""

    services: Services
    deciding: Limits
    caching: Caching
    signed_in: SessionWays
    waiting: Queues
    gate: Gate

    def show(self, metrics: Metrics) -> None:
        """Register what each of them counts."""
        for part in (self.deciding, self.caching, self.signed_in, self.waiting):
            part.show(metrics)
        metrics.register("sadd_gate", self.gate.stats, labels={"replies": "outcome", "visitors": "how"})

    def endpoints(self, pool: Pool, keys: KeyRing, authority: str) -> list[Endpoint]:
        return [
            *self.deciding.endpoints(pool),
            *self.caching.endpoints(pool, authority),
            *self.signed_in.endpoints(self.waiting.stay_of),
            *self.waiting.endpoints(),
            *self.waiting.operating.endpoints(keys),
            *gate_endpoints(self.gate),
        ]

    def work(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs until the worker ends."""
        yield self.deciding.top.run()
        yield from self.waiting.work()
        yield from self.caching.work()
        yield from self.signed_in.work()


async def put_together(
    pool: Pool, valkey: ValkeyClient, known: Known, settings: Settings, slot: int, opened: AsyncExitStack
) -> Parts:
    """What of it must be closed is closed with ``opened``. Raises what the stores raise when one is away."""
    signing = await load_signing_keys(pool)
    engine = open_engine(valkey, pool, signing)
    caching = await opened.enter_async_context(
        open_caching(valkey, known.view, engine.sealer, settings, slot)
    )
    workers, clustered = settings.server.workers, _is_cluster(settings)
    services = open_services(valkey, engine.sessions, workers=workers, clustered=clustered)
    signed_in = await open_session_ways(engine, pool, signing, known.view, settings)
    waiting = await open_queues(
        valkey, pool, signing, known.view, services.sessions, services.limiter, settings
    )
    engine.sessions.on_left(waiting.left)
    deciding = Limits(services.limiter, known.view, known.rules, settings, slot)
    gate = Gate(deciding.desk, services.sessions, known.view, settings.gate, waiting.door)
    return Parts(services, deciding, caching, signed_in, waiting, gate)
