"""How much an agency keeps over all its namespaces, and the refusal of more.

Each namespace's bound is exact, the store keeps it. That of an agency is over many places of the store, so
a worker adds them up once in a while and counts on from there::

    surely  = what the store said + what was put here since             refused above the bound
    perhaps = what the store said + workers x what was put here since   the store is asked above the bound

So an agency is over its bound by what its workers put in CHECK_SECONDS at most, and is refused nothing below.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cache.answers import Usage
from cache.space import Space
from sadd.caching.register import Register
from sadd.caching.spaces import Spaces

CHECK_SECONDS = 1.0
"""While an agency is near its bound the store is asked so often at most."""
LOOK_SECONDS = 10.0
"""And so often at least, while it puts: entries end, and are purged."""
AGENCIES_MAX = 4_096


@dataclass(frozen=True, slots=True)
class OverQuota:
    """Nothing more is kept: the agency is at its bound. ``of`` is ``bytes`` or ``namespaces``."""

    of: str
    used: int
    bound: int


class Cache(Protocol):
    """What is asked of the engine."""

    async def usage(self, space: Space) -> Usage: ...


@dataclass(slots=True)
class _Account:
    """Of one agency: what the store said when, and what was put since."""

    noted: set[str]
    used: int = 0
    asked_at: float = float("-inf")
    put_since: int = 0
    asking: "asyncio.Task[None] | None" = None


class Quotas:
    """The accounts of one worker. ``clock`` is in seconds and only goes forward."""

    def __init__(
        self,
        cache: Cache,
        spaces: Spaces,
        register: Register,
        *,
        agency_bytes_max: int,
        workers: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache = cache
        self._spaces = spaces
        self.register = register
        self._agency_bytes_max = agency_bytes_max
        self._workers = workers
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    async def admit(self, space: Space, size: int) -> OverQuota | None:
        """None: so many bytes may be put. Raises StoreUnavailable."""
        account = self._account(space.tenant)
        if space.namespace not in account.noted and not await self._enter(account, space):
            most = self.register.namespaces_max
            return OverQuota("namespaces", most, most)
        bound = self.bytes_max(space.tenant)
        old = self._clock() - account.asked_at
        # As if every worker put as much: so the store is asked in time.
        perhaps = account.used + account.put_since * self._workers
        if old >= LOOK_SECONDS or (perhaps + size > bound and old >= CHECK_SECONDS):
            await self._ask(space.tenant, account)
        if (used := account.used + account.put_since) + size > bound:
            return OverQuota("bytes", used, bound)
        account.put_since += size
        return None

    def bytes_max(self, agency: str) -> int:
        """All that an agency may keep."""
        return self._spaces.bytes_max(agency, self._agency_bytes_max)

    async def usages(self, agency: str) -> dict[str, Usage]:
        """What each namespace of the agency holds. Raises StoreUnavailable."""
        names = await self.register.names(agency)
        found = await asyncio.gather(*(self._cache.usage(self._spaces.of(agency, name)) for name in names))
        return dict(zip(names, found, strict=True))

    def _account(self, agency: str) -> _Account:
        account = self._accounts.get(agency)
        if account is None:
            if len(self._accounts) >= AGENCIES_MAX:
                self._accounts.clear()
            account = self._accounts[agency] = _Account(set())
        return account

    async def _enter(self, account: _Account, space: Space) -> bool:
        """Whether the namespace is noted now, in the place of an empty one if need be."""
        enter = self.register.enter
        if not await enter(space.tenant, space.namespace):
            await self._strike_empty(space.tenant)
            if not await enter(space.tenant, space.namespace):
                return False
        account.noted.add(space.namespace)
        return True

    async def _strike_empty(self, agency: str) -> None:
        """Namespaces that hold nothing make room for others. Whoever puts into one writes it again."""
        for name, usage in (await self.usages(agency)).items():
            if not usage.entries:
                await self.register.strike(agency, name)

    async def _ask(self, agency: str, account: _Account) -> None:
        """One question for all who put just now."""
        if account.asking is None:
            account.asking = asyncio.create_task(self._add_up(agency, account))
            # Also where whoever asked has gone: an error that nobody takes is a line in the log.
            account.asking.add_done_callback(lambda asked: asked.cancelled() or asked.exception())
        await asyncio.shield(account.asking)

    async def _add_up(self, agency: str, account: _Account) -> None:
        try:
            begun, put_before = self._clock(), account.put_since
            usages = await self.usages(agency)
            account.used = sum(one.bytes_used for one in usages.values())
            account.put_since -= put_before
            account.asked_at = begun
            # What another worker struck out for being empty is written again by the next put into it.
            account.noted.intersection_update(usages)
        finally:
            account.asking = None
