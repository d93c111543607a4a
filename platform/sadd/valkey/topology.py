"""Builds a client from a URL. The parts meet here."""

from collections.abc import Awaitable

from sadd.valkey.address import Address, Node, Shape, parse
from sadd.valkey.client import ValkeyClient
from sadd.valkey.cluster import Cluster
from sadd.valkey.dial import Dialling, dial, tls_context
from sadd.valkey.lane import Lane
from sadd.valkey.pulse import Pulse
from sadd.valkey.repeating import Patience
from sadd.valkey.router import OneNode, Router
from sadd.valkey.sentinel import SentinelPrimary, Sentinels
from sadd.valkey.slots import SlotReader
from sadd.valkey.stats import Counters
from sadd.valkey.wire import Bounds

CLUSTER_FAILOVER_MS = 5_000
"""A primary killed at node-timeout 1000 is replaced within 1.8 s (field notes); the rest is reserve."""


async def open_client(
    url: str, *, deadline_ms: int, max_in_flight: int, failover_deadline_ms: int | None = None
) -> ValkeyClient:
    """A connected client; ``address`` lists the URL forms.

    ``deadline_ms`` bounds each call while its node is there, ``max_in_flight`` the unanswered calls a
    node, ``failover_deadline_ms`` how long a call may wait for another node to take over (default:
    CLUSTER_FAILOVER_MS in a cluster, else none). Raises StoreAway (a ConnectionError) when the store
    cannot be reached now, StoreRefused (a ValueError) when trying again would not help.
    """
    address = parse(url)
    counters = Counters()
    dialling = Dialling(
        address.login,
        tls_context(address.tls) if address.tls is not None else None,
        Bounds(deadline_ms / 1000, max_in_flight),
        counters,
        primary_only=address.shape is not Shape.CLUSTER,
        clustered=address.shape is Shape.CLUSTER,
    )
    router = await _router(address, dialling)
    failover_ms = failover_deadline_ms
    if failover_ms is None:
        failover_ms = CLUSTER_FAILOVER_MS if address.shape is Shape.CLUSTER else 0
    return ValkeyClient(router, Patience(deadline_ms / 1000, failover_ms / 1000, max_in_flight), counters)


async def _router(address: Address, dialling: Dialling) -> Router:
    match address.shape:
        case Shape.NODE:
            return await _one_node(address.nodes[0], dialling)
        case Shape.SENTINEL:
            return await _sentinel(address, dialling)
        case Shape.CLUSTER:
            cluster = Cluster(address.nodes, SlotReader(address.login, address.tls), dialling)
            return await _opened(cluster, cluster.open())


async def _one_node(node: Node, dialling: Dialling) -> Router:
    pulse = Pulse()
    lane = Lane(str(node), lambda on_lost: dial(node, dialling, on_lost), dialling.counters, pulse.beat)
    return await _opened(OneNode(lane, pulse), lane.connect())


async def _sentinel(address: Address, dialling: Dialling) -> Router:
    sentinels = Sentinels(address)
    router = SentinelPrimary(address.service, sentinels, dialling)
    return await _opened(router, router.open())


async def _opened(router: Router, opening: Awaitable[None]) -> Router:
    """The router when it opened; whatever it had started already is ended when it did not."""
    try:
        await opening
    except BaseException:
        await router.aclose()
        raise
    return router
