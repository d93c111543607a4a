"""What a draw asks of the database, and what may go wrong.

StoreUnavailable (of ``queueing.store``)   it is away: nobody enters, nothing is frozen or drawn meanwhile
TooLate                                    the draw takes no more entries: join the line behind it
Refused                                    it would break what a draw promises; nothing was changed
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from queueing.draw.document import Beacon, Draw


class TooLate(Exception):
    """The event has started: who comes now is first in, first out behind the draw."""


class Refused(Exception):
    """One line that says which promise it would break."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A draw as the database has it: what is published, and ``life``, the room's that knows its numbers."""

    id: int
    draw: Draw
    life: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of a frozen list, with what its proof is made from."""

    index: int
    chunk: Sequence[bytes]
    nodes: Sequence[bytes]


class Store(Protocol):
    """Each raises StoreUnavailable. ``by`` is who does it, for the audit."""

    async def last(self) -> Sequence[Kept]:
        """The last draw of each room."""

    async def one(self, room: str, draw: int) -> Kept | None:
        """A certain one."""

    async def now_ms(self) -> int:
        """The database's clock, which closes draws."""

    async def gather(self, room: str, draw: int, entries: Sequence[bytes]) -> dict[bytes, int]:
        """Take entries in, each once; the index of each that is in. Those left out came too late."""

    async def announce(self, room: str, closes_at_ms: int, beacon: Beacon, by: str) -> Kept:
        """The room's next draw, or the one that gathers, moved. Raises Refused."""

    async def name(self, kept: Kept, beacon: Beacon, by: str) -> Kept:
        """Another source of chance, before the freeze. Raises Refused."""

    async def freeze(self, kept: Kept, by: str) -> Kept | None:
        """Publish count and root and reserve the numbers; None: another worker is at it. Raises Refused."""

    async def draw(self, kept: Kept, beacon: Beacon, by: str) -> Kept:
        """The beacon's value, the seed with it. Raises Refused: there is another already."""

    async def entries(self, kept: Kept, first: int, count: int) -> list[bytes]:
        """A part of the list."""

    async def index(self, kept: Kept, entry: bytes) -> int | None:
        """Where an entry is in the list."""

    async def find(self, kept: Kept, entry: bytes) -> Found | None:
        """None: no entry of this list."""
