"""The store as the engine asks it: answers set the clock, are kept near, and are counted."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

from cache.answers import Full, Stored, Superseded
from cache.clock import StoreClock
from cache.decide import Found
from cache.entry import Content, entry_of
from cache.near import Near
from cache.policy import Times
from cache.space import Space
from cache.stats import Counters
from cache.store import Seen, Store, StoreUnavailable

POLL_MS = 250
"""How long a notice may be missing before it is asked for: the feed tells sooner, but it is no promise."""
POLL_PROVEN_MS = 1_000


class Questions:
    """One store, one memory before it."""

    def __init__(self, store: Store, near: Near, clock: StoreClock, counters: Counters) -> None:
        self._store = store
        self._near = near
        self._clock = clock
        self._counters = counters

    async def lookup(self, space: Space, keys: Sequence[str]) -> tuple[list[Seen], int]:
        """What each key is worth, and when. Raises StoreUnavailable."""
        position, asked_at = self._near.position, time.monotonic()
        now_ms, seen = await self._store.lookup(space, keys)
        self._clock.told(now_ms, asked_at)
        for key, one in zip(keys, seen, strict=True):
            self._keep(space, key, one, position)
        return seen, now_ms

    async def lease(
        self, space: Space, key: str, *, early: bool = False, lease_ms: int | None = None
    ) -> tuple[Found, int]:
        """The entry and who may load it, and when that was. Raises StoreUnavailable."""
        position, asked_at = self._near.position, time.monotonic()
        asked = await self._store.lease(space, key, lease_ms or space.lease_ms, early=early)
        self._clock.told(asked.now_ms, asked_at)
        self._keep(space, key, asked.seen, position)
        self._counters.leases += asked.token > 0
        found = Found(asked.seen.entry, asked.token or None, asked.ends_ms, asked.open_until_ms)
        return found, asked.now_ms

    def _keep(self, space: Space, key: str, seen: Seen, position: int) -> None:
        if seen.entry is not None and seen.verdict == "fresh":
            self._near.keep(space, key, seen.entry, position)

    async def fill(
        self, space: Space, key: str, token: int | None, content: Content, times: Times, cost_ms: int = 0
    ) -> Stored | Superseded | Full:
        """Store; near too. ``times`` are already drawn. Raises StoreUnavailable."""
        position = self._near.position
        answer = await self._store.fill(space, key, token, content, times, cost_ms=cost_ms)
        if isinstance(answer, Stored):
            entry = entry_of(content, times, answer.born_ms, answer.stamp, cost_ms)
            self._near.keep(space, key, entry, position)
            self._counters.fills += 1
        self._counters.superseded += isinstance(answer, Superseded)
        self._counters.full += isinstance(answer, Full)
        return answer

    async def held(self, space: Space, key: str, token: int, lease_ms: int) -> bool | None:
        """Make the lease longer; None when the store is away and nobody knows."""
        try:
            return await self._store.hold(space, key, token, lease_ms)
        except StoreUnavailable:
            return None

    async def released(self, space: Space, key: str, token: int, open_ms: int) -> bool:
        """Give the lease back. While the store is away it ends by itself."""
        try:
            return await self._store.hold(space, key, token, 0, open_ms=open_ms)
        except StoreUnavailable:
            return False

    def watch(self, space: Space, key: str) -> "Watch":
        """Begin it before the question whose answer may be to wait: a notice may overtake the answer."""
        return Watch(self._near, space, key)


class Watch:
    """Waits for the feed to tell of a key. Leave it by ``with``."""

    def __init__(self, near: Near, space: Space, key: str) -> None:
        self._near = near
        self._woken = asyncio.Event()
        self._leave = near.wake_at_notice(space, key, self._woken.set)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    async def wait(self, for_ms: int) -> None:
        """Returns when the feed told of the key, and after ``for_ms`` or a poll's time at the latest."""
        poll_ms = POLL_PROVEN_MS if self._near.proven else POLL_MS
        with contextlib.suppress(TimeoutError):  # nobody told: the store is asked
            async with asyncio.timeout(max(1, min(for_ms, poll_ms)) / 1000):
                await self._woken.wait()
