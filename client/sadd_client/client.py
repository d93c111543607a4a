"""The two clients: one for asyncio, one for threads. The text below them is the same."""

import ssl
from collections.abc import Mapping, Sequence
from typing import Self

from sadd_client.aio import AsyncIo
from sadd_client.blocking import BlockingIo
from sadd_client.caching.cache import AsyncCache, Cache
from sadd_client.caching.store import LOADS_MAX, STALE_BOUND_SECONDS
from sadd_client.core import Core
from sadd_client.decision import Check, Decision
from sadd_client.key import Key
from sadd_client.limiter import AsyncLimiter, Limiter
from sadd_client.loss import LocalLimit, OnLoss
from sadd_client.ports import complete
from sadd_client.room import AsyncRoom, Room
from sadd_client.sessions.sessions import AsyncSessions, Sessions
from sadd_client.stats import ClientStats

DEADLINE_SECONDS = 1.0
CONNECTIONS_MAX = 64
KEYS_MAX = 10_000
LEASE_TOKENS_MAX = 1_000_000


class AsyncClient:
    """A platform, asked from one event loop. Connects when first asked; ``close`` it at the end.

    ``on_loss`` has no default: whether your callers pass while nobody can say is yours to decide. ``open``
    lets them pass, ``closed`` does not, ``local`` limits them in this process by ``local``. A call takes
    ``deadline_seconds`` at most, repeats and all.
    """

    def __init__(
        self,
        url: str,
        *,
        key: Key | str,
        on_loss: OnLoss,
        local: LocalLimit | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        connections_max: int = CONNECTIONS_MAX,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._core = Core(AsyncIo(), url, key, on_loss, local, deadline_seconds, connections_max, tls)

    async def check(
        self,
        policy: str,
        key: str,
        cost: int = 1,
        *,
        route: str = "",
        descriptors: Mapping[str, str] | None = None,
        on_loss: OnLoss | None = None,
    ) -> Decision:
        """May ``key`` take ``cost`` of ``policy`` now? Cost 0 looks. Raises Problem, never PlatformAway."""
        check = Check(policy, key, cost, route, descriptors or {})
        return await self._core.decider.check(check, on_loss=on_loss)

    async def check_batch(self, checks: Sequence[Check], *, on_loss: OnLoss | None = None) -> list[Decision]:
        """Decide each by itself, answers in order; a call for each thousand."""
        return await self._core.decider.check_batch(checks, on_loss)

    def limiter(
        self,
        policy: str,
        *,
        route: str = "",
        descriptors: Mapping[str, str] | None = None,
        on_loss: OnLoss | None = None,
        keys_max: int = KEYS_MAX,
        lease_tokens_max: int = LEASE_TOKENS_MAX,
    ) -> AsyncLimiter:
        """A limiter that leases what busy keys use. ``lease_tokens_max`` 0 asks for each decision.

        ``route`` and ``descriptors`` are said of every key; a limiter of its own for each of them.
        """
        about = Check(policy, "", 1, route, descriptors or {})
        return AsyncLimiter(self._core.holder(about, on_loss, keys_max, lease_tokens_max))

    def cache(
        self,
        namespace: str,
        *,
        memory_bytes_max: int = 0,
        stale_bound_seconds: float = STALE_BOUND_SECONDS,
        loads_max: int = LOADS_MAX,
    ) -> AsyncCache:
        """A namespace of the cache. With ``memory_bytes_max`` this process keeps that much of it.

        The memory answers nothing that was invalidated longer than ``stale_bound_seconds`` ago.
        """
        return AsyncCache(self._core.store(namespace, memory_bytes_max, stale_bound_seconds, loads_max))

    def room(self, room: str) -> AsyncRoom:
        """A waiting room, by its id. It needs no key: any of the platform's will do."""
        return AsyncRoom(self._core.queue(room))

    def sessions(self, service: str) -> AsyncSessions:
        """The sessions of a service of your agency."""
        return AsyncSessions(self._core.sessions(service))

    async def verify(self) -> str:
        """The platform's version, if it has all calls of this client. IncompatiblePlatform, PlatformAway."""
        return await self._core.decider.verify()

    def stats(self) -> ClientStats:
        return self._core.stats()

    async def close(self) -> None:
        """Give back unused leases, end the connections."""
        await self._core.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self._core.url!r}, key={self._core.key!r})"


class Client:
    """A platform, asked from any number of threads. In all else like ``AsyncClient``."""

    def __init__(
        self,
        url: str,
        *,
        key: Key | str,
        on_loss: OnLoss,
        local: LocalLimit | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        connections_max: int = CONNECTIONS_MAX,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._core = Core(BlockingIo(), url, key, on_loss, local, deadline_seconds, connections_max, tls)

    def check(
        self,
        policy: str,
        key: str,
        cost: int = 1,
        *,
        route: str = "",
        descriptors: Mapping[str, str] | None = None,
        on_loss: OnLoss | None = None,
    ) -> Decision:
        """May ``key`` take ``cost`` of ``policy`` now? Cost 0 looks. Raises Problem, never PlatformAway."""
        check = Check(policy, key, cost, route, descriptors or {})
        return complete(self._core.decider.check(check, on_loss=on_loss))

    def check_batch(self, checks: Sequence[Check], *, on_loss: OnLoss | None = None) -> list[Decision]:
        """Decide each by itself, answers in order; a call for each thousand."""
        return complete(self._core.decider.check_batch(checks, on_loss))

    def limiter(
        self,
        policy: str,
        *,
        route: str = "",
        descriptors: Mapping[str, str] | None = None,
        on_loss: OnLoss | None = None,
        keys_max: int = KEYS_MAX,
        lease_tokens_max: int = LEASE_TOKENS_MAX,
    ) -> Limiter:
        """A limiter that leases what busy keys use. ``lease_tokens_max`` 0 asks for each decision.

        ``route`` and ``descriptors`` are said of every key; a limiter of its own for each of them.
        """
        about = Check(policy, "", 1, route, descriptors or {})
        return Limiter(self._core.holder(about, on_loss, keys_max, lease_tokens_max))

    def cache(
        self,
        namespace: str,
        *,
        memory_bytes_max: int = 0,
        stale_bound_seconds: float = STALE_BOUND_SECONDS,
        loads_max: int = LOADS_MAX,
    ) -> Cache:
        """A namespace of the cache. With ``memory_bytes_max`` this process keeps that much of it.

        The memory answers nothing that was invalidated longer than ``stale_bound_seconds`` ago.
        """
        return Cache(self._core.store(namespace, memory_bytes_max, stale_bound_seconds, loads_max))

    def room(self, room: str) -> Room:
        """A waiting room, by its id. It needs no key: any of the platform's will do."""
        return Room(self._core.queue(room))

    def sessions(self, service: str) -> Sessions:
        """The sessions of a service of your agency."""
        return Sessions(self._core.sessions(service))

    def verify(self) -> str:
        """The platform's version, if it has all calls of this client. IncompatiblePlatform, PlatformAway."""
        return complete(self._core.decider.verify())

    def stats(self) -> ClientStats:
        return self._core.stats()

    def close(self) -> None:
        """Give back unused leases, end the connections."""
        complete(self._core.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._core.url!r}, key={self._core.key!r})"
