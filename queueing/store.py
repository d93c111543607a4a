"""What a waiting room asks of a store: five operations, each one round trip with the whole answer."""

from dataclasses import dataclass
from typing import Protocol

from queueing.policy import Room
from queueing.standing import State


class StoreUnavailable(Exception):
    """The store did not answer in time or at all. The room stays shut: nobody is let in on a guess.

    A join may still have given out a number, which nobody then holds; a claim finds its pass when repeated.
    """


@dataclass(frozen=True, slots=True)
class Reading:
    """The room as an operation left it, and what became of the number that it was about.

    ``state`` is empty and ``number`` 0 when it was about none. ``ends_ms`` is when the called one's window or
    the admitted one's pass ends, by the store's clock (``now_ms``), ms since the epoch; 0 for neither.
    """

    state: State | None
    number: int
    serving: int
    issued: int
    active: int
    ends_ms: int
    now_ms: int


class Store(Protocol):
    """Every operation first brings the room to now. ``now_us`` replaces the store's clock (tests).

    Each raises StoreUnavailable.
    """

    async def join(self, room: Room, now_us: int | None = None) -> Reading:
        """Give out the next number: waiting, or admitted when nobody waits and there is room."""

    async def status(self, room: Room, now_us: int | None = None) -> Reading:
        """The counters."""

    async def stand(self, room: Room, number: int, now_us: int | None = None) -> Reading:
        """Where a number stands: waiting, called, admitted, expired."""

    async def claim(self, room: Room, number: int, now_us: int | None = None) -> Reading:
        """As ``stand``, but a called number becomes admitted if the cap allows."""

    async def leave(self, room: Room, number: int, now_us: int | None = None) -> Reading:
        """Free the slot or the turn: completed, abandoned, expired."""
