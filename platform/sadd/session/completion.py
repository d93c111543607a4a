"""A subject's hot state completed from the database, when the store lost it or may have gone back in time.

Every script is told which run of the server it speaks to (ADR 18). What another run left of a subject counts
for nothing until its revocations, and its journalled sessions, were put back: so a restart, a fail-over to a
lagging replica and a wiped store are one case, and no revocation is ever undone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sadd.session.journal import Journal
from sadd.session.store import Foreign, Legacy, Store, StoreUnavailable

T = TypeVar("T")

ATTEMPTS_MAX = 10


class Completion:
    """Completes subjects, each once at a time in this process. Two processes do the same and no harm."""

    def __init__(self, store: Store, journal: Journal | None) -> None:
        self._store = store
        self._journal = journal
        self._flights: dict[str, asyncio.Task[bool]] = {}
        self.completed = 0

    async def over(
        self, tag: str, operation: Callable[[], Awaitable[T]], *, begins: bool = False
    ) -> T | None:
        """The answer of ``operation`` on a completed subject; it may run several times.

        None where neither store knows anything of it, and nothing is written for it then: whoever makes up
        ids fills no store. ``begins``: it is to be there in any case. Raises StoreUnavailable.
        """
        for _ in range(ATTEMPTS_MAX):
            try:
                return await operation()
            except Foreign as foreign:
                if not await self._once(tag, foreign, begins=begins or foreign.held):
                    return None
        raise StoreUnavailable("the subject is being completed")

    async def _once(self, tag: str, foreign: Foreign, *, begins: bool) -> bool:
        while (flight := self._flights.get(tag)) is not None:
            # A flight for somebody who made an id up leaves the subject as it is: look again, on one's own.
            done = await asyncio.shield(flight)
            if done or not begins:
                return done
        flight = self._flights[tag] = asyncio.create_task(self._complete(tag, foreign, begins=begins))
        flight.add_done_callback(lambda done: self._landed(tag, done))
        return await asyncio.shield(flight)

    def _landed(self, tag: str, flight: "asyncio.Task[bool]") -> None:
        if self._flights.get(tag) is flight:
            del self._flights[tag]
        if not flight.cancelled():
            flight.exception()  # looked at: its callers may all be gone

    async def _complete(self, tag: str, foreign: Foreign, *, begins: bool) -> bool:
        legacy = Legacy() if self._journal is None else await self._journal.legacy(tag)
        if legacy.empty and not begins:
            return False
        try:
            await self._store.complete(tag, legacy, foreign)
        except Foreign:
            return True  # another server, or too late: the caller finds that out as well
        self.completed += 1
        return True
