"""A room's hot state made anew from the journal, when the store lost it or may have gone back in time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from queueing.policy import Room
from queueing.store import Foreign, Ledger, Legacy, Stale, Store, StoreUnavailable

T = TypeVar("T")

ATTEMPTS_MAX = 100
PAUSE_S = 0.03  # between two looks at a room that somebody else restores: 3 s in all
QUIET_S = 5.0
"""A life on another server that nobody moved for so long is taken over; a livelier one has the right."""


class Restoration:
    """Restores rooms, each once at a time, in this process and, by the journal, in all of them."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger
        self._flights: dict[str, asyncio.Task[None]] = {}
        self.restored = 0

    async def over(self, room: Room, operation: Callable[[], Awaitable[T]]) -> T:
        """The answer of ``operation``, on a state that was restored for this very store.

        ``operation`` may run several times. Raises StoreUnavailable.
        """
        for _ in range(ATTEMPTS_MAX):
            try:
                return await operation()
            except Foreign:
                await self._once(room)
            except Stale:
                with suppress(Foreign):
                    await self.catch_up(room)
        raise StoreUnavailable(f"{room.id} is being restored")

    async def catch_up(self, room: Room) -> None:
        """The journal refused what this store said. StoreUnavailable: another server has the right."""
        latest = await self._ledger.latest(room.id)
        if latest is None:
            return
        if latest.server == self._store.incarnation(room):
            here, _ = await self._store.top(room, "")  # Foreign: the caller finds that out as well
            if here >= latest.life:
                return  # somebody restored it meanwhile
        elif latest.quiet_s < QUIET_S:
            raise StoreUnavailable(f"{room.id} is served by another store")
        await self._once(room)

    async def _once(self, room: Room) -> None:
        flight = self._flights.get(room.id)
        if flight is None:
            flight = self._flights[room.id] = asyncio.create_task(self._restore(room))
            flight.add_done_callback(lambda done: self._landed(room.id, done))
        await asyncio.shield(flight)

    def _landed(self, room_id: str, flight: "asyncio.Task[None]") -> None:
        del self._flights[room_id]
        if not flight.cancelled():
            flight.exception()  # looked at: its callers may all be gone

    async def _restore(self, room: Room) -> None:
        legacy = await self._ledger.begin(room, self._store.incarnation(room))
        if legacy is None:
            await asyncio.sleep(PAUSE_S)  # somebody else is at it
            return
        try:
            await self._store.restore(room, legacy, await self._load(room, legacy))
        except Stale:
            return  # it took too long and somebody else began anew
        finally:
            await self._ledger.finish(room.id, legacy.life)
        self.restored += 1

    async def _load(self, room: Room, legacy: Legacy) -> int:
        after, loaded = ("", 0), 0
        while claims := await self._ledger.claims(room.id, legacy.life, after):
            await self._store.load(room, legacy, claims)
            after, loaded = (claims[-1].lane, claims[-1].number), loaded + len(claims)
        return loaded
