"""Asks a cluster who owns which slots. The one place that uses redis-py for it.

``redis.cluster.parse_cluster_slots`` has a public name but no documentation: a test pins what we
need of it.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.cluster import parse_cluster_slots
from redis.exceptions import RedisError

from sadd.valkey.address import Login, Node, TlsFiles
from sadd.valkey.errand import Errands
from sadd.valkey.errors import StoreAway

ASK_SECONDS = 0.5
"""For connecting and for the answer of one node each; then the next node is asked."""


@dataclass(frozen=True, slots=True)
class SlotRange:
    """Slots ``first`` to ``last``, both included, and the primary that serves them."""

    first: int
    last: int
    primary: Node


def redis_words(login: Login, tls: TlsFiles | None, seconds: float) -> dict[str, Any]:
    """How redis-py is told what our URL says: one try, RESP2, the same certificates."""
    words: dict[str, Any] = {
        "username": login.username or None,
        "password": login.password or None,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    if tls is not None:
        words |= {"ssl": True, "ssl_ca_certs": tls.ca or None}
        words |= {"ssl_certfile": tls.cert or None, "ssl_keyfile": tls.key or None}
    return words


class SlotReader:
    """Reads the slot table from whichever node answers first, in random order."""

    def __init__(self, login: Login, tls: TlsFiles | None) -> None:
        self._words = redis_words(login, tls, ASK_SECONDS)
        self._errands = Errands()

    async def read(self, nodes: Iterable[Node]) -> list[SlotRange]:
        """The table. Raises StoreAway when no node answers with one.

        Random, since a node that was cut off holds an old table and must not be asked each time.
        """
        order = list(nodes)
        random.shuffle(order)
        for node in order:
            try:
                table = await self._errands.run(self._ask(node))
            except (RedisError, OSError, RuntimeError, AttributeError):
                continue  # the latter two leak from redis-py when the connection breaks under it
            if table:
                return table
        raise StoreAway("no node of the cluster answers: " + ", ".join(map(str, order)))

    async def aclose(self) -> None:
        await self._errands.finish()

    async def _ask(self, node: Node) -> list[SlotRange]:
        async with Redis(host=node.host, port=node.port, **self._words) as client:
            reply = await client.execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]  # redis-py's
        found = parse_cluster_slots(reply, current_host=node.host)
        return [
            SlotRange(first, last, Node(host, port))
            for (first, last), owners in found.items()
            for host, port in (owners["primary"],)
        ]
