"""What anybody may read of draws, the last one of a room and all before it."""

from collections.abc import Callable

from queueing.draw import merkle
from queueing.draw.document import Draw, Proof
from queueing.draw.receipt import Receipt
from queueing.draw.shuffle import place
from queueing.draw.store import Kept, Store


class Archive:
    """Reads. ``last`` gives a room's last draw from memory. Each call raises StoreUnavailable."""

    def __init__(self, store: Store, last: Callable[[str], Kept | None]) -> None:
        self._store = store
        self._last = last
        self._earlier: dict[tuple[str, int], Kept] = {}  # bounded by the draws that there were

    async def one(self, room: str, serial: int) -> Draw | None:
        kept = await self._find(room, serial)
        return None if kept is None else kept.draw

    async def number(self, receipt: Receipt) -> int | None:
        """The number in the line that the draw gave; None before."""
        draw = await self.one(receipt.room, receipt.draw)
        if draw is None or draw.stage != "drawn" or receipt.index >= draw.count:
            return None
        return draw.number(place(bytes.fromhex(draw.seed), receipt.index, draw.count))

    async def proof(self, room: str, serial: int, entry: bytes) -> Proof | None:
        """What shows that the entry is in the list, and its place; None: it is not, or nothing is drawn."""
        kept = await self._find(room, serial)
        if kept is None or kept.draw.stage != "drawn":
            return None
        found = await self._store.find(kept, entry)
        if found is None:
            return None
        path = [one.hex() for one in merkle.chunk_proof(found.chunk, found.nodes, found.index)]
        at = place(bytes.fromhex(kept.draw.seed), found.index, kept.draw.count)
        return Proof(kept.draw, entry.hex(), found.index, path, at, kept.draw.number(at))

    async def entries(self, room: str, serial: int, first: int, count: int) -> list[bytes]:
        """A part of the list, empty before it is frozen and after its end."""
        kept = await self._find(room, serial)
        if kept is None or not kept.draw.root:
            return []
        return await self._store.entries(kept, first, count)

    async def _find(self, room: str, serial: int) -> Kept | None:
        kept = self._last(room)
        if kept is None or kept.draw.draw == serial:
            return kept
        if not 0 < serial < kept.draw.draw:
            return None
        if (room, serial) not in self._earlier:
            found = await self._store.one(room, serial)
            if found is None:
                return None
            self._earlier[room, serial] = found
        return self._earlier[room, serial]
