"""A pass for an entry: spent once, whichever way in it is shown at.

The gate exchanges what visitors bring to a proxy. An app, or a service that asks for passes by itself, does
it by ``POST /v1/queues/{room}/entries``.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import msgspec

from queueing.passes import Pass, PassOffice
from queueing.policy import Room
from queueing.spent import MARK_BYTES, Spending
from sadd.rooms.spec import RoomSpec


class SpentPass(Exception):
    """Somebody has come in with it already."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Lets in until it ends. Whoever has it is in."""

    text: str
    expires_in_ms: int


class Spent(Protocol):
    """What is asked of the passes that were spent."""

    async def spend(self, room: str, pass_id: str, mark: bytes, keep_ms: int) -> Spending: ...

    async def is_over(self, room: str, pass_id: str) -> bool: ...


TRIED_MAX = 10_000
AGAIN_SECONDS = 10.0
LOOKED_MAX = 50_000
LOOK_SECONDS = 5.0
"""An entry is good for so long after the store said so, in one worker. It is verified offline between."""


class Intervals:
    """Something is due once an interval for each of the names; of more than ``most`` all are due anew."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._until: dict[str, float] = {}

    def is_due(self, name: str, now_s: float) -> bool:
        """Asked so, it is done."""
        if now_s < self._until.get(name, 0.0):
            return False
        if len(self._until) >= self._most:
            self._until.clear()
        self._until[name] = now_s + self._seconds
        return True

    def forget(self, name: str) -> None:
        self._until.pop(name, None)


class Rooms(Protocol):
    """What is asked of the rooms."""

    async def renew_pass(self, room: Room, pass_id: str) -> str | None: ...


class Exchange:
    """``clock`` is in seconds since the epoch. Without ``rooms`` no entry is renewed."""

    def __init__(
        self,
        passes: PassOffice,
        spent: Spent,
        rooms: Rooms | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._passes = passes
        self._spent = spent
        self._rooms = rooms
        self._clock = clock
        self._tried = Intervals(AGAIN_SECONDS, TRIED_MAX)
        self._looked = Intervals(LOOK_SECONDS, LOOKED_MAX)

    async def entry(self, spec: RoomSpec, service: str, shown: str, mark: bytes) -> Entry:
        """The entry to a service of the room, for the visitor with this mark.

        It is the same for a repeat of the same visitor. Raises InvalidPass, SpentPass; StoreUnavailable: it
        may have been spent, and the same visitor may repeat.
        """
        granted = self._passes.read(shown, spec.id, service)
        left_ms = max(int((granted.ends_s - self._clock()) * 1000), 1)
        if await self._spent.spend(spec.id, granted.id, mark, left_ms) == "spent":
            raise SpentPass
        return self._signed(granted, service)

    def is_unsure(self, held: Pass) -> bool:
        """Whether it is time to ask again if the stay is over; asked so, it is asked once by everybody."""
        return self._looked.is_due(held.id, self._clock())

    async def is_over(self, spec: RoomSpec, held: Pass) -> bool:
        """Whether he left, or his session was ended, since his entry was signed. Raises StoreUnavailable."""
        over = await self._spent.is_over(spec.id, held.id)
        if over:
            self._looked.forget(held.id)  # he is asked about at each of his requests from now on
        return over

    def is_due(self, spec: RoomSpec, held: Pass) -> bool:
        """Whether an entry that is used should be renewed: half a pass is left, and its cap further away.

        A visitor whose proxy passes on no cookie comes with the old one again: it is tried once in a while.
        """
        now_s = self._clock()
        if self._rooms is None or held.cap_s <= held.ends_s or held.ends_s - now_s > spec.room.pass_ms / 2000:
            return False
        return self._tried.is_due(held.id, now_s)

    async def renewed(self, spec: RoomSpec, held: Pass) -> Entry | None:
        """The entry for longer, and with it the slot; None: the stay is over. Raises StoreUnavailable."""
        assert self._rooms is not None, "nothing is due without rooms"
        text = await self._rooms.renew_pass(spec.room, held.id)
        if text is None:
            return None
        granted = self._passes.read(text, spec.id)
        return self._signed(granted, held.service) if granted.id == held.id else None

    def _signed(self, granted: Pass, service: str) -> Entry:
        entry = self._passes.sign_entry(msgspec.structs.replace(granted, service=service))
        return Entry(entry, max(int((granted.ends_s - self._clock()) * 1000), 1))


def mark_of(household: str, agent: str) -> bytes:
    """Who shows a pass, as far as a request tells: where he calls from, and with what."""
    return sha256(f"{household}\0{agent}".encode("utf-8", "surrogateescape")).digest()[:MARK_BYTES]
