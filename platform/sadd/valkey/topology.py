"""Builds a client from a URL. The parts meet here."""

from collections.abc import Awaitable, Callable

from sadd.valkey.address import Address, Node, Shape, parse
from sadd.valkey.client import ValkeyClient
from sadd.valkey.dial import Dialling, dial, tls_context
from sadd.valkey.lane import Lane
from sadd.valkey.pulse import Pulse
from sadd.valkey.repeating import Patience
from sadd.valkey.router import OneNode, Router
from sadd.valkey.stats import Counters
from sadd.valkey.wire import Bounds, Connection, OnLost

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
    if address.shape is Shape.NODE:
        return await _one_node(address.nodes[0], dialling)
    raise NotImplementedError


async def _one_node(node: Node, dialling: Dialling) -> Router:
    return await _one_lane(str(node), lambda on_lost: dial(node, dialling, on_lost), dialling.counters)


async def _one_lane(
    name: str, dial_it: Callable[[OnLost], Awaitable[Connection]], counters: Counters
) -> Router:
    pulse = Pulse()
    lane = Lane(name, dial_it, counters, pulse.beat)
    await lane.connect()
    return OneNode(lane, pulse)
