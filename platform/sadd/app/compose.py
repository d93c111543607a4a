"""One worker, put together: stores, what it holds in memory, services, endpoints, background work."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from aiohttp import web

from sadd.app.envoy import open_envoy_limits
from sadd.app.grpc import open_switchboard, quotas
from sadd.app.grpc import show as show_calls
from sadd.app.parts import Known, Parts, know, put_together
from sadd.app.queues import Queues
from sadd.app.services import Services
from sadd.app.shield import open_shield
from sadd.catalogue.store import CHANNEL as CATALOGUE_CHANNEL
from sadd.catalogue.view import CatalogueView
from sadd.gate.agent import Agents
from sadd.gate.gate import Gate
from sadd.gate.outcomes import Outcomes, listen_for_datagrams
from sadd.gate.trust import Trust
from sadd.grpc.switchboard import Switchboard
from sadd.identity.ring import KeyRing
from sadd.identity.store import CHANNEL as KEYS_CHANNEL
from sadd.limits.store import CHANNEL as RULES_CHANNEL
from sadd.postgres.listen import Listener
from sadd.postgres.pool import AWAY, Pool, open_pool
from sadd.settings import Settings
from sadd.shield.front import Fronts
from sadd.telemetry.metrics import Metrics
from sadd.telemetry.process import ProcessMeter
from sadd.telemetry.traffic import Traffic
from sadd.valkey.client import ValkeyClient
from sadd.valkey.topology import open_client
from sadd.web import catalogue, envoy, health, metrics
from sadd.web.connection import Connections
from sadd.web.documents import document_endpoints
from sadd.web.endpoint import Endpoint
from sadd.web.health import Health
from sadd.web.server import build
from sadd.web.serving import listen

log = structlog.get_logger("sadd.app")


@dataclass(frozen=True, slots=True)
class Worker:
    """What the process serves. ``started`` is to be called once connections are accepted."""

    app: web.Application
    health: Health
    started: Callable[[Connections], None]
    switchboard: Switchboard | None
    """Of the gRPC server, if there is one."""
    shield: Fronts | None = None
    """The connections of the caching proxy, if there is one."""


@asynccontextmanager
async def open_worker(settings: Settings, slot: int) -> AsyncIterator[Worker]:
    """A worker with everything it needs in memory, and its background work, until the block ends.

    Raises what the stores raise when one is away: the supervisor then tries again.
    """
    async with AsyncExitStack() as opened:
        pool, valkey = await _open_stores(settings, opened)
        known = await know(pool, settings)
        parts = await put_together(pool, valkey, known, settings, slot, opened)
        gate = parts.gate
        numbers = _Numbers(settings, slot, parts.services, valkey, known.keys)
        parts.show(numbers.metrics)
        ready = Health({"valkey": valkey.probe, "postgres": lambda: _ask(pool)})
        await ready.probe()
        described = [
            *parts.endpoints(pool, known.keys, settings.catalogue.authority),
            *_endpoints(known.view, pool, settings, ready, numbers.metrics),
        ]
        envoy_limits = await open_envoy_limits(settings.envoy, parts.services.limiter)
        if envoy_limits is not None:
            envoy_limits.show(numbers.metrics)
            described += envoy.endpoints(envoy_limits.service, needs_key=settings.envoy.json_needs_key)
        switchboard = open_switchboard(
            settings,
            gate,
            None if envoy_limits is None else envoy_limits.service,
            lambda: ready.readiness.status == "ready",
        )
        if switchboard is not None:
            show_calls(switchboard, numbers.metrics)
        await opened.enter_async_context(quotas(settings, parts.deciding.leases, numbers.metrics))
        app = build(
            [*described, *document_endpoints(described)],
            keys=known.keys,
            limits=settings.server,
            traffic=numbers.traffic,
        )
        background = await opened.enter_async_context(_cancelled_at_the_end())
        for work in (ready.run(), numbers.metrics.run(), numbers.meter.watch(), *parts.work()):
            background.start(work)
        if envoy_limits is not None:
            background.start(envoy_limits.watch.run())
        if settings.gate.spoe_port:
            background.start(_serve_agents(gate, settings, numbers.metrics))
        if settings.gate.outcomes_port:
            background.start(_hear_outcomes(parts.waiting, settings, numbers.metrics))
        background.start(_follow(settings.database.url, known, pool, parts))
        background.start(_write_last_used(known.keys, pool, settings.identity.last_used_interval_seconds))
        shield = open_shield(settings, gate, parts.caching, known.view, numbers.metrics)
        yield Worker(app, ready, numbers.started, switchboard, shield)


async def _open_stores(settings: Settings, opened: AsyncExitStack) -> tuple[Pool, ValkeyClient]:
    """Closed with ``opened``."""
    pool = await open_pool(
        settings.database.url,
        pool_max=settings.database.pool_max,
        deadline_seconds=settings.database.deadline_seconds,
    )
    opened.callback(pool.terminate)
    valkey = await open_client(
        settings.valkey.url,
        deadline_ms=settings.valkey.deadline_ms,
        max_in_flight=settings.valkey.max_in_flight,
    )
    opened.push_async_callback(valkey.aclose)
    return pool, valkey


def _endpoints(
    view: CatalogueView,
    pool: Pool,
    settings: Settings,
    ready: Health,
    numbers: Metrics,
) -> list[Endpoint]:
    return [
        *catalogue.endpoints(view, pool, authority=settings.catalogue.authority),
        *health.endpoints(ready),
        *metrics.endpoints(numbers),
    ]


class _Numbers:
    """All that this worker counts, and where it is read from."""

    def __init__(
        self, settings: Settings, slot: int, services: Services, valkey: ValkeyClient, keys: KeyRing
    ) -> None:
        self.traffic = Traffic()
        self.meter = ProcessMeter(slot)
        self.metrics = Metrics(Path(settings.data.dir) / "run" / "metrics", slot)
        self.metrics.add(self.traffic.read)
        self.metrics.add(self.meter.read)
        self.metrics.register("sadd_keys", keys.stats, gauges={"keys": "max"})
        self.metrics.register(
            "sadd_valkey", valkey.stats, gauges={"in_flight": "sum", "waiting": "sum", "nodes": "max"}
        )
        services.show(self.metrics)

    def started(self, connections: Connections) -> None:
        """The worker serves: its connections count too, and whoever started it is told."""
        self.metrics.register("sadd_connections", connections.stats, gauges={"open": "sum"})
        print("ready", flush=True)  # noqa: T201 - the supervisor waits for this line


@asynccontextmanager
async def _cancelled_at_the_end() -> AsyncIterator["_Owned"]:
    """Tasks that live as long as the block. One that fails ends the block: the worker starts anew."""
    async with asyncio.TaskGroup() as group:
        own = _Owned(group)
        try:
            yield own
        finally:
            own.cancel()


class _Owned:
    """The tasks of a group, kept so that they can be cancelled together."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(self._group.create_task(work))

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()


async def _hear_outcomes(waiting: Queues, settings: Settings, metrics: Metrics) -> None:
    """How origins answer, by their proxies' word, on the server's address."""
    outcomes = Outcomes(waiting.rooms, waiting.specs, Trust(settings.gate.ranges))
    metrics.register("sadd_gate_outcomes", outcomes.stats, labels={"told": "as"})
    await outcomes.run(listen_for_datagrams(settings.server.host, settings.gate.outcomes_port))


async def _serve_agents(gate: Gate, settings: Settings, metrics: Metrics) -> None:
    """HAProxy's stream processing, on the server's address."""
    agents = Agents(gate, settings.gate.client_ip_header)
    metrics.register(
        "sadd_gate_agent", agents.stats, gauges={"connections": "sum"}, labels={"ended": "reason"}
    )
    await agents.serve(listen(replace(settings.server, port=settings.gate.spoe_port)))


async def _follow(url: str, known: Known, pool: Pool, parts: Parts) -> None:
    """Take in each change of the catalogue, of rules, rooms, sessions and keys as it is announced."""

    async def catalogue_changed() -> None:
        await known.view.refresh()
        await parts.waiting.refresh()

    async def rules_changed() -> None:
        await known.rules.refresh()

    async def keys_changed() -> None:
        await known.keys.load(pool)

    listener = Listener(url)
    listener.watch(CATALOGUE_CHANNEL, catalogue_changed)
    listener.watch(RULES_CHANNEL, rules_changed)
    listener.watch(KEYS_CHANNEL, keys_changed)
    for channel, refresh in (*parts.waiting.changes(), *parts.signed_in.changes()):
        listener.watch(channel, refresh)
    await listener.run()


async def _write_last_used(keys: KeyRing, pool: Pool, interval_seconds: float) -> None:
    """Every interval, and once more when the worker ends."""
    try:
        while True:
            await asyncio.sleep(interval_seconds)
            await _try_to_write(keys, pool)
    finally:
        await _try_to_write(keys, pool)


async def _try_to_write(keys: KeyRing, pool: Pool) -> None:
    try:
        await keys.write_last_used(pool)
    # Refused, too: a worker that cannot note this serves on, and notes it once it can.
    except (*AWAY, asyncpg.PostgresError) as error:
        log.warning("when keys were last used is not written yet", reason=type(error).__name__)


async def _ask(pool: Pool) -> None:
    await pool.execute("SELECT 1")
