"""A waiting room, for one event loop and for threads; from ``client.room(id)``."""

from sadd_client.door import AsyncDoor, Door
from sadd_client.place import Place
from sadd_client.ports import complete
from sadd_client.queue import Queue

WAIT_SECONDS_MAX = 3600.0


class AsyncRoom:
    """Every call raises Problem (UnknownRoom, InvalidTicket …) or PlatformAway: then the room stays shut."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def join(self, ticket: str | None = None, *, subject: str | None = None, lane: str = "") -> Place:
        """A place; whoever shows a ticket in force keeps his. ``subject`` has one, on all its devices."""
        return await self._queue.join(ticket, subject, lane)

    async def standing(self, ticket: str) -> Place:
        """Where the ticket stands."""
        return await self._queue.standing(ticket)

    async def wait(self, place: Place, seconds_max: float = WAIT_SECONDS_MAX) -> Place:
        """Until it is called, or for as long; asks no oftener than the platform wants."""
        return await self._queue.wait(place, seconds_max)

    async def claim(self, ticket: str) -> Place:
        """Take the turn. A retry gets the same pass; ``called`` without a pass: the room is full just now."""
        return await self._queue.do("claim", ticket)

    async def renew(self, ticket: str) -> Place:
        """A pass that lasts longer, up to the room's cap."""
        return await self._queue.do("renew", ticket)

    async def extend(self, ticket: str) -> Place:
        """More time to accept, for who was called."""
        return await self._queue.do("extend", ticket)

    async def leave(self, ticket: str) -> Place:
        """Give up the place, the turn or the slot."""
        return await self._queue.do("leave", ticket)

    async def resume_code(self, ticket: str) -> str:
        """A short code that brings the place to another device. As secret as the ticket."""
        return await self._queue.resume_code(ticket)

    async def resume(self, code: str) -> Place:
        """The place that a code stands for."""
        return await self._queue.resume(code)

    def door(self, service: str, *, rooms_url: str = "") -> AsyncDoor:
        """What middleware asks: it verifies passes and entries offline. Needs PyNaCl."""
        return AsyncDoor(self._queue, service, rooms_url)


class Room:
    """In all but waiting like ``AsyncRoom``; for any number of threads."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def join(self, ticket: str | None = None, *, subject: str | None = None, lane: str = "") -> Place:
        """A place; whoever shows a ticket in force keeps his. ``subject`` has one, on all its devices."""
        return complete(self._queue.join(ticket, subject, lane))

    def standing(self, ticket: str) -> Place:
        """Where the ticket stands."""
        return complete(self._queue.standing(ticket))

    def wait(self, place: Place, seconds_max: float = WAIT_SECONDS_MAX) -> Place:
        """Until it is called, or for as long; asks no oftener than the platform wants."""
        return complete(self._queue.wait(place, seconds_max))

    def claim(self, ticket: str) -> Place:
        """Take the turn. A retry gets the same pass; ``called`` without a pass: the room is full just now."""
        return complete(self._queue.do("claim", ticket))

    def renew(self, ticket: str) -> Place:
        """A pass that lasts longer, up to the room's cap."""
        return complete(self._queue.do("renew", ticket))

    def extend(self, ticket: str) -> Place:
        """More time to accept, for who was called."""
        return complete(self._queue.do("extend", ticket))

    def leave(self, ticket: str) -> Place:
        """Give up the place, the turn or the slot."""
        return complete(self._queue.do("leave", ticket))

    def resume_code(self, ticket: str) -> str:
        """A short code that brings the place to another device. As secret as the ticket."""
        return complete(self._queue.resume_code(ticket))

    def resume(self, code: str) -> Place:
        """The place that a code stands for."""
        return complete(self._queue.resume(code))

    def door(self, service: str, *, rooms_url: str = "") -> Door:
        """What middleware asks: it verifies passes and entries offline. Needs PyNaCl."""
        return Door(self._queue, service, rooms_url)
