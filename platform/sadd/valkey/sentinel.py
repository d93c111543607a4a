"""Finds the primary by Sentinel, follows it, and refuses settings that lose acknowledged writes.

Measured (docs/store-client.md): with down-after 1000 ms and no fence, one kill lost 68,000 to 82,000
acknowledged writes, since a second fail-over left two writable primaries for ten seconds.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import RedisError

from sadd.valkey.address import Address, Node
from sadd.valkey.dial import Dialling, dial
from sadd.valkey.errand import Errands
from sadd.valkey.errors import StoreAway, StoreRefused
from sadd.valkey.lane import Lane
from sadd.valkey.pulse import Pulse
from sadd.valkey.router import OneNode
from sadd.valkey.slots import redis_words
from sadd.valkey.wire import Connection, OnLost

DOWN_AFTER_MS_MIN = 3_000
MIN_REPLICAS_MIN = 1
MAX_LAG_SECONDS_MAX = 2
FOLLOW_SECONDS = 1.0
ASK_SECONDS = 0.3

_LEAKS = (
    RedisError,
    OSError,
    RuntimeError,
    AttributeError,
)  # the latter two from redis-py's broken connections


class SentinelPrimary(OneNode):
    """The router to the primary that Sentinel names, whoever that is now."""

    def __init__(self, service: str, sentinels: "Sentinels", dialling: Dialling) -> None:
        pulse = Pulse()
        super().__init__(Lane(service, self._dial, dialling.counters, pulse.beat), pulse)
        self._sentinels = sentinels
        self._dialling = dialling
        self._primary: Node | None = None
        self._following: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects. Raises StoreRefused when the settings are unsafe, StoreAway."""
        await self._sentinels.check()
        await self._lane.connect()
        self._following = asyncio.create_task(self._follow(), name=f"sadd.valkey sentinel {self._lane.name}")

    async def _dial(self, on_lost: OnLost) -> Connection:
        primary = await self._sentinels.primary()
        if not self._lane.connected:  # else it is a connection apart, and the lane is still where it was
            self._primary = primary
        return await dial(primary, self._dialling, on_lost)

    async def _follow(self) -> None:
        # A primary that was only cut off may stay writable for seconds, and nothing on its connection tells.
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            with contextlib.suppress(StoreAway):
                if await self._sentinels.primary() != self._primary:
                    self._lane.drop("Sentinel names another primary")

    async def aclose(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await super().aclose()
        await self._sentinels.aclose()


class Sentinels:
    """The sentinels of one service."""

    def __init__(self, address: Address) -> None:
        self._service = address.service
        self._errands = Errands()
        self._node_words = redis_words(address.login, address.tls, ASK_SECONDS)
        self._sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py's
            [(node.host, node.port) for node in address.nodes],
            sentinel_kwargs=redis_words(address.sentinel_login, address.tls, ASK_SECONDS),
        )

    async def primary(self) -> Node:
        """Where the primary is now. Raises StoreAway when no sentinel names a healthy one."""
        try:
            host, port = await self._errands.run(self._sentinel.discover_master(self._service))
        except _LEAKS:
            raise StoreAway(f"no sentinel names a healthy primary of {self._service}") from None
        return Node(str(host), int(port))

    async def check(self) -> None:
        """Raises StoreRefused with the first unsafe setting, StoreAway when none can be read."""
        primary = await self.primary()
        async for state in self._states():
            down_after_ms = int(state["down-after-milliseconds"])
            if down_after_ms < DOWN_AFTER_MS_MIN:
                raise StoreRefused(
                    f"sentinel {self._service}: down-after-milliseconds is {down_after_ms}; "
                    f"accepted: {DOWN_AFTER_MS_MIN} or more"
                )
        for node in (primary, *await self._replicas()):
            await self._check_fence(node, must_answer=node == primary)

    async def _states(self) -> AsyncIterator[dict[str, str]]:
        for sentinel in self._sentinel.sentinels:
            with contextlib.suppress(*_LEAKS):  # that one is away, and its fellows are asked
                yield await sentinel.execute_command(  # type: ignore[no-untyped-call]  # redis-py's
                    "SENTINEL MASTER", self._service
                )

    async def _replicas(self) -> list[Node]:
        found = await self._sentinel.discover_slaves(self._service)
        return [Node(str(host), int(port)) for host, port in found]

    async def _check_fence(self, node: Node, must_answer: bool) -> None:
        """The fence of one node. Replicas too: each is the primary after next."""
        try:
            async with Redis(host=node.host, port=node.port, **self._node_words) as client:
                settings = await client.config_get("min-replicas-*")
        except _LEAKS as error:
            if must_answer:
                raise StoreAway(
                    f"{node}: its min-replicas settings cannot be read ({type(error).__name__})"
                ) from None
            return
        fault = fence_fault({_text(name): int(_text(value)) for name, value in settings.items()})
        if fault:
            raise StoreRefused(f"{node}: {fault}")

    async def aclose(self) -> None:
        await self._errands.finish()
        await self._sentinel.aclose()


def _text(word: bytes | str | None) -> str:
    return word.decode() if isinstance(word, bytes) else word or ""


def fence_fault(settings: dict[str, int]) -> str:
    """What is wrong with a node's fence against two primaries; empty when nothing is."""
    replicas = settings.get("min-replicas-to-write", 0)
    lag_seconds = settings.get("min-replicas-max-lag", 0)
    if replicas < MIN_REPLICAS_MIN:
        return f"min-replicas-to-write is {replicas}; accepted: {MIN_REPLICAS_MIN} or more"
    if not 1 <= lag_seconds <= MAX_LAG_SECONDS_MAX:
        return f"min-replicas-max-lag is {lag_seconds}; accepted: 1 to {MAX_LAG_SECONDS_MAX}"
    return ""
