"""The feed of one worker: notices in order from every primary, and until when it is proven that all came.

It answers "proven" or not, and never waits. Who listens keeps in memory only what may be forgotten: at a loss
all of it is, and a proof that is older than ``bound_ms`` is none. Frozen, half open or killed on the way: no
canary comes back, and the proof ends by itself.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sadd.feed.ear import CANARY_KEY, Ear
from sadd.valkey.client import ValkeyClient
from sadd.valkey.errors import StoreAway

CHANNEL = b"cache:feed"
BOUND_MS = 100
BOUND_MS_MAX = 1_000
PERIOD_SECONDS_MIN, PERIOD_SECONDS_MAX = 0.010, 0.250
CANARIES_IN_BOUND = 4
"""Sent in the time that a proof lasts: some may be late, and the memory is not silent for that."""


@dataclass(frozen=True, slots=True)
class FeedStats:
    heard: int
    losses: int
    """Times that those who listen were told to forget all."""
    canaries: int
    """That came back."""
    connections: int
    primaries: int


@dataclass(frozen=True, slots=True)
class _Listener:
    heard: Callable[[bytes], None]
    lost: Callable[[], None]
    told: Callable[[int, float], None] | None


class Feed:
    """Start it within a running loop; close it before the client."""

    def __init__(self, client: ValkeyClient, *, bound_ms: int = BOUND_MS, channel: bytes = CHANNEL) -> None:
        if not 0 < bound_ms <= BOUND_MS_MAX:
            raise ValueError(f"a proof lasts 1 to {BOUND_MS_MAX} ms, not {bound_ms}")
        self.bound_seconds = bound_ms / 1000
        self.proven_until = float("-inf")
        """Monotonic seconds: until then, whatever was purged more than ``bound_ms`` ago has been told."""
        self._client = client
        own = channel + b":" + secrets.token_hex(8).encode()
        self._channels = (channel, own)
        period = self.bound_seconds / CANARIES_IN_BOUND
        self._period_seconds = min(max(period, PERIOD_SECONDS_MIN), PERIOD_SECONDS_MAX)
        self._listeners: list[_Listener] = []
        self._ears: dict[bytes, tuple[Ear, asyncio.Task[None]]] = {}
        self._keys: dict[bytes, str] = {}
        self._watching: asyncio.Task[None] | None = None
        self._notices = self._losses = self._canaries = self._connections = 0

    def listen(
        self,
        heard: Callable[[bytes], None],
        lost: Callable[[], None],
        told: Callable[[int, float], None] | None = None,
    ) -> None:
        """``heard(notice)`` in order, ``lost()`` when some may be missing, ``told(store_ms, sent_at)``."""
        self._listeners.append(_Listener(heard, lost, told))

    def start(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._watch(), name="sadd.feed")

    async def aclose(self) -> None:
        tasks = [task for _, task in self._ears.values()]
        if self._watching is not None:
            tasks.append(self._watching)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._ears.clear()
        self._prove_all()

    def stats(self) -> FeedStats:
        connections = self._connections + sum(ear.connections for ear, _ in self._ears.values())
        return FeedStats(self._notices, self._losses, self._canaries, connections, len(self._ears))

    # -- the primaries -------------------------------------------------------

    async def _watch(self) -> None:
        """Hears whoever is a primary."""
        while True:
            try:
                keys = self._client.key_of_each(CANARY_KEY)
            except StoreAway:
                keys = {}
            if keys is not self._keys and keys != self._keys:
                self._hear(keys)
            await asyncio.sleep(self._period_seconds)

    def _hear(self, keys: dict[bytes, str]) -> None:
        for key in [one for one in self._ears if keys.get(one) != self._keys.get(one)]:
            ear, task = self._ears.pop(key)
            self._connections += ear.connections
            task.cancel()
        self._keys = keys
        loop = asyncio.get_running_loop()
        for key in keys.keys() - self._ears.keys():
            ear = Ear(self._client, key, self._channels, self._period_seconds, self)
            self._ears[key] = ear, loop.create_task(ear.run(), name=f"sadd.feed {keys[key]}")
        self.lost()

    # -- what the ears tell --------------------------------------------------

    def heard(self, said: bytes) -> None:
        self._notices += 1
        for listener in self._listeners:
            listener.heard(said)

    def proven(self, store_ms: int, sent_at: float) -> None:
        self._canaries += 1
        self._prove_all()
        for listener in self._listeners:
            if listener.told is not None:
                listener.told(store_ms, sent_at)

    def lost(self) -> None:
        self._losses += 1
        self._prove_all()
        for listener in self._listeners:
            listener.lost()

    def _prove_all(self) -> None:
        """Proven is what every primary has proven."""
        oldest = min((ear.proven_at for ear, _ in self._ears.values()), default=float("-inf"))
        self.proven_until = oldest + self.bound_seconds
