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

from queueing.passes import PassOffice
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


class Exchange:
    """``clock`` is in seconds since the epoch."""

    def __init__(self, passes: PassOffice, spent: Spent, *, clock: Callable[[], float] = time.time) -> None:
        self._passes = passes
        self._spent = spent
        self._clock = clock

    async def entry(self, spec: RoomSpec, service: str, shown: str, mark: bytes) -> Entry:
        """The entry to a service of the room, for the visitor with this mark.

        It is the same for a repeat of the same visitor. Raises InvalidPass, SpentPass; StoreUnavailable: it
        may have been spent, and the same visitor may repeat.
        """
        granted = self._passes.read(shown, spec.id, service)
        left_ms = max(int((granted.ends_s - self._clock()) * 1000), 1)
        if await self._spent.spend(spec.id, granted.id, mark, left_ms) == "spent":
            raise SpentPass
        entry = msgspec.structs.replace(granted, service=service)
        return Entry(self._passes.sign_entry(entry), left_ms)


def mark_of(household: str, agent: str) -> bytes:
    """Who shows a pass, as far as a request tells: where he calls from, and with what."""
    return sha256(f"{household}\0{agent}".encode("utf-8", "surrogateescape")).digest()[:MARK_BYTES]
