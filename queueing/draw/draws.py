"""Draws of scheduled events: gather, freeze, draw, and show it all.

::

    gathering ── closes_at ──▶ closed ── freeze ──▶ frozen ── beacon's value ──▶ drawn
    entries are taken          none is              list, count, root           each entry
                                                    are public for 25 s or so   has its number

The start waits rather than cheat: with the database away nobody enters and nothing is frozen; if the named
round passes meanwhile, a later one is named before the freeze. A statement has no next one: people name it.
Who comes after the close is first in, first out behind the draw, from the freeze on.
"""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from queueing.draw.archive import Archive
from queueing.draw.beacon import QUICKNET, SIGNATURE_BYTES, SOURCE_LENGTH_MAX, TEXT_LENGTH_MAX, Chain
from queueing.draw.document import Beacon, Draw
from queueing.draw.entry import HOLDER_BYTES, entry_of
from queueing.draw.gathering import Gathering
from queueing.draw.receipt import Receipt
from queueing.draw.store import Kept, Refused, Store, TooLate

BEACON_AFTER_MS = 30_000
"""From the close to the beacon: to freeze, to publish, and for others to keep what was published."""
ITSELF = "draws"
"""Who did it, in the audit, where nobody asked for it."""
FRESH_S = 1.0
"""How old the count of a list may be that still grows."""


@dataclass(frozen=True, slots=True)
class DrawsStats:
    gathering: int
    """Draws that take entries; a gauge, as is the next."""
    waiting_for_beacon: int
    entered: int
    commits: int
    """Transactions that took entries in: ``entered`` less what was there already, over this, is a batch."""
    too_late: int
    frozen: int
    """By this worker, as all here."""
    drawn: int
    refused: int
    """Steps that the database or the beacon's signature forbade."""


class Draws:
    """The draws of all rooms. ``clock`` is in seconds, ``random_bytes`` makes holders."""

    def __init__(
        self,
        store: Store,
        *,
        chain: Chain = QUICKNET,
        clock: Callable[[], float] = time.monotonic,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._store = store
        self._chain = chain
        self._clock = clock
        self._random_bytes = random_bytes
        self._gathering = Gathering(store)
        self.archive = Archive(store, self.kept)
        self._last: dict[str, Kept] = {}
        self._ahead_ms = 0.0  # of our clock is the database's
        self._loaded_s = float("-inf")
        self._loading = asyncio.Lock()
        self._counts: Counter[str] = Counter()
        self.expected: frozenset[str] = frozenset()
        """Rooms for whose event people gather by now, while no draw of it is known here yet."""

    async def refresh(self) -> None:
        """Take in what the database has. Raises StoreUnavailable: what is known stays."""
        async with self._loading:
            last, now_ms = await self._store.last(), await self._store.now_ms()
            self._loaded_s = self._clock()
            self._last = {kept.draw.room: kept for kept in last}
            self._ahead_ms = now_ms - self._loaded_s * 1000

    def kept(self, room: str) -> Kept | None:
        """The room's last draw as the database has it, as far as it is known here."""
        return self._last.get(room)

    def of(self, room: str) -> Draw | None:
        """The room's last draw as it is known here; its count may lag while it grows."""
        kept = self._last.get(room)
        return None if kept is None else kept.draw

    def rooms(self) -> list[str]:
        """Rooms that had or have a draw."""
        return list(self._last)

    def now_ms(self) -> int:
        """The database's clock, as of here."""
        return int(self._clock() * 1000 + self._ahead_ms)

    def gathers(self, room: str) -> bool:
        """Whether who comes now enters a draw."""
        kept = self._last.get(room)
        return kept is not None and not kept.draw.root and self.now_ms() < kept.draw.closes_at_ms

    def pending(self, room: str) -> bool:
        """Whether nobody may be called: people gather, or the draw has not given the numbers yet."""
        kept = self._last.get(room)
        if kept is None or kept.draw.stage == "drawn":
            return False
        return bool(kept.draw.count) or not kept.draw.root

    def takes(self, room: str) -> bool:
        """Whether the list of a draw is not frozen yet."""
        kept = self._last.get(room)
        return kept is not None and not kept.draw.root

    def seat(self, room: str) -> tuple[int, int]:
        """The life of the room whose successors know the last draw's numbers, and which draw; 0: none."""
        kept = self._last.get(room)
        return (0, 0) if kept is None else (kept.life, kept.draw.draw)

    async def current(self, room: str) -> Draw | None:
        """As ``of``, with a count that is at most a second old. Raises StoreUnavailable."""
        draw = self.of(room)
        if draw is None or draw.root or self._clock() < self._loaded_s + FRESH_S:
            return draw
        await self.refresh()
        return self.of(room)

    async def enter(self, room: str, holder: bytes | None = None) -> Receipt:
        """An entry, one for each holder, the same one when he asks again; None makes a new one.

        Raises TooLate; StoreUnavailable: it is not known whether he is in, ask again with the same holder.
        """
        kept = self._last.get(room)
        if kept is None or kept.draw.root:
            raise TooLate("the draw takes no more entries")
        serial = kept.draw.draw
        entry = entry_of(room, serial, holder or self._random_bytes(HOLDER_BYTES))
        try:
            index = await self._gathering.enter(room, serial, entry)
        except TooLate:
            self._counts["too_late"] += 1
            raise
        self._counts["entered"] += 1
        return Receipt(room, serial, index, entry)

    async def found(self, room: str, holder: bytes) -> Receipt | None:
        """The entry that a holder has in the room's last draw, whatever became of it."""
        kept = self._last.get(room)
        if kept is None:
            return None
        entry = entry_of(room, kept.draw.draw, holder)
        index = await self._store.index(kept, entry)
        return None if index is None else Receipt(room, kept.draw.draw, index, entry)

    async def at(self, room: str, index: int) -> Receipt | None:
        """The entry of that index in the room's last draw."""
        kept = self._last.get(room)
        entries = [] if kept is None else await self._store.entries(kept, index, 1)
        return Receipt(room, kept.draw.draw, index, entries[0]) if kept is not None and entries else None

    async def announce(
        self, room: str, opens_at_ms: int, beacon: Beacon | None = None, *, by: str = ITSELF
    ) -> Draw:
        """The draw of this opening. Without a beacon it is a round of drand soon after. Raises Refused."""
        last = self.of(room)
        if last is not None and last.closes_at_ms == opens_at_ms and beacon is None:
            return last
        named = beacon or self._named(last, opens_at_ms)
        with self._counting_refusals():
            return self._take(await self._store.announce(room, opens_at_ms, named, by))

    def _named(self, last: Draw | None, opens_at_ms: int) -> Beacon:
        """A statement that people named stays when the start is moved, if it still comes after it."""
        if last is None or last.root or last.beacon.kind == "drand" or last.beacon.at_ms <= opens_at_ms:
            return self.round_from(opens_at_ms + BEACON_AFTER_MS)
        return last.beacon

    def round_from(self, from_ms: int) -> Beacon:
        """The first round that comes out then or later."""
        number = self._chain.first_round(from_ms)
        return Beacon("drand", self._chain.at_ms(number), self._chain.id, number)

    async def name(self, room: str, beacon: Beacon, *, by: str = ITSELF) -> Draw:
        """Another source of chance, before the freeze. Raises Refused, LookupError."""
        if beacon.kind == "statement" and not 0 < len(beacon.source) <= SOURCE_LENGTH_MAX:
            raise Refused(f"a source has 1 to {SOURCE_LENGTH_MAX} characters")
        with self._counting_refusals():
            return self._take(await self._store.name(self._known(room), beacon.named, by))

    async def freeze(self, room: str) -> Draw | None:
        """Publish the list, if it is time; None: it is not, or another worker is at it. Raises Refused."""
        kept = self._last.get(room)
        if kept is None or kept.draw.root or self.now_ms() < kept.draw.closes_at_ms:
            return None
        with self._counting_refusals():
            frozen = await self._store.freeze(kept, ITSELF)
        if frozen is None:
            await self.refresh()  # another did it, or is at it: we need not be told
            return None
        self._counts["frozen"] += 1
        return self._take(frozen)

    async def draw(self, room: str, value: str, *, by: str = ITSELF) -> Draw:
        """Take the beacon's value: a round's signature in hex, or the statement's text. Raises Refused,
        LookupError."""
        kept = self._known(room)
        with self._counting_refusals():
            drawn = await self._store.draw(kept, self._with_value(kept.draw, value), by)
        self._counts["drawn"] += 1
        return self._take(drawn)

    def stats(self) -> DrawsStats:
        stages = Counter(kept.draw.stage for kept in self._last.values())
        named = {name: self._counts[name] for name in ("entered", "too_late", "frozen", "drawn", "refused")}
        return DrawsStats(
            gathering=stages["gathering"],
            waiting_for_beacon=stages["frozen"],
            commits=self._gathering.commits,
            **named,
        )

    def _with_value(self, draw: Draw, value: str) -> Beacon:
        """Raises Refused unless it is the value of what was named, and its time has come."""
        named = draw.beacon.named
        if not draw.root:
            raise Refused("the list is not frozen yet")
        if named.kind == "statement":
            if not value.strip() or len(value) > TEXT_LENGTH_MAX:
                raise Refused(f"a statement's text has 1 to {TEXT_LENGTH_MAX} characters")
            if self.now_ms() < named.at_ms:
                raise Refused("it is before the moment at which the statement is published")
            return Beacon(named.kind, named.at_ms, source=named.source, text=value)
        try:
            signature = bytes.fromhex(value)
        except ValueError:
            signature = b""
        if len(signature) != SIGNATURE_BYTES or not self._chain.holds(named.round, signature):
            raise Refused(f"this is not the signature of round {named.round}")
        return Beacon(named.kind, named.at_ms, named.chain, named.round, signature.hex())

    def _known(self, room: str) -> Kept:
        kept = self._last.get(room)
        if kept is None:
            raise LookupError(room)
        return kept

    def _take(self, kept: Kept) -> Draw:
        self._last[kept.draw.room] = kept
        return kept.draw

    @contextmanager
    def _counting_refusals(self) -> Iterator[None]:
        try:
            yield
        except Refused:
            self._counts["refused"] += 1
            raise
