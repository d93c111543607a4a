"""The limiter in process: a decision from a lease takes well under a microsecond."""

from sadd_client.clock import now
from sadd_client.decision import Decision
from sadd_client.holder import Holder
from sadd_client.ports import complete
from sadd_client.stats import LimiterStats


class AsyncLimiter:
    """One policy's limits, from ``AsyncClient.limiter``. For one event loop."""

    __slots__ = ("_holder", "_slices")

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._slices = holder.ledger.slices

    async def allow(self, key: str, cost: int = 1) -> bool:
        """May this key proceed now? Raises what ``decide`` raises."""
        try:
            held = self._slices[key]
        except KeyError:
            return (await self._holder.decide(key, cost)).allowed
        left = held.left  # ``held.spend``, written out: the call would add a tenth
        after = left - cost
        if held.low <= after < left and now() < held.ends:
            held.left = after
            return True
        return (await self._holder.decide(key, cost)).allowed

    async def decide(self, key: str, cost: int = 1) -> Decision:
        """The same with its numbers. Raises Problem for a fault of set-up, never PlatformAway."""
        held = self._slices.get(key)
        if held is not None and held.spend(cost, now()):
            return self._holder.leased
        return await self._holder.decide(key, cost)

    async def guard(self, key: str, cost: int = 1) -> Decision:
        """The same for doors: a Problem too is decided by ``on_loss``, and logged once a minute."""
        return await self._holder.guard(key, cost)

    def stats(self) -> LimiterStats:
        return self._holder.stats()

    async def close(self) -> None:
        """Give back what is unused. ``AsyncClient.close`` does it for all its limiters."""
        await self._holder.close()


class Limiter:
    """One policy's limits, from ``Client.limiter``. For any number of threads."""

    __slots__ = ("_holder", "_slices")

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._slices = holder.ledger.slices

    def allow(self, key: str, cost: int = 1) -> bool:
        """May this key proceed now? Raises what ``decide`` raises."""
        with self._holder.mutex:
            held = self._slices.get(key)
            if held is not None and held.spend(cost, now()):
                return True
        return complete(self._holder.decide(key, cost)).allowed

    def decide(self, key: str, cost: int = 1) -> Decision:
        """The same with its numbers. Raises Problem for a fault of set-up, never PlatformAway."""
        with self._holder.mutex:
            held = self._slices.get(key)
            if held is not None and held.spend(cost, now()):
                return self._holder.leased
        return complete(self._holder.decide(key, cost))

    def guard(self, key: str, cost: int = 1) -> Decision:
        """The same for doors: a Problem too is decided by ``on_loss``, and logged once a minute."""
        return complete(self._holder.guard(key, cost))

    def stats(self) -> LimiterStats:
        return self._holder.stats()

    def close(self) -> None:
        """Give back what is unused. ``Client.close`` does it for all its limiters."""
        complete(self._holder.close())
