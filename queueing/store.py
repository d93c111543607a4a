"""What a waiting room asks of the hot store and of the journal: each operation is one round trip.

Two exceptions reach the callers of a room: StoreUnavailable and RoomClosed. The room stays shut while the hot
store or the journal is away: nobody is let in on a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from msgspec import Struct

from queueing.pace import Pace
from queueing.policy import Room


class StoreUnavailable(Exception):
    """The store did not answer in time or at all. The room stays shut: nobody is let in on a guess.

    A join may still have given out a number, which nobody then holds; a claim finds its pass when repeated.
    """


class RoomClosed(Exception):
    """The room gives out no numbers. Whoever has one keeps it."""


class Foreign(Exception):
    """The store holds no state of the room that was restored for it: restore it and ask again."""


class Stale(Exception):
    """The journal knows a later life of the room than the store that was asked."""


Doubts = tuple[tuple[int, int], ...]
"""Ranges of numbers, first and last, in order."""

Found = Literal["waiting", "again", "called", "admitted", "expired", "abandoned", "completed"]
"""again: missed the window, came back, and is called in the next step."""


class Reading(Struct, frozen=True):
    """What became of a number, and its lane as the operation left it. A struct since each request makes one.

    ``ends_ms`` is when the called one's window or the admitted one's pass ends, 0 for neither; ``start_ms``
    when that pass began, else 0; both by the store's clock (``now_ms``), ms since the epoch.
    """

    state: Found
    life: int
    number: int
    serving: int
    issued: int
    active: int
    ends_ms: int
    now_ms: int
    start_ms: int


@dataclass(frozen=True, slots=True)
class Handed:
    """Numbers that were handed out: ``count`` from ``first``, of which the first ``admitted`` are inside."""

    life: int
    first: int
    count: int
    admitted: int
    serving: int
    issued: int
    active: int
    ends_ms: int
    now_ms: int
    left: int
    """Numbers that are still in the block."""


@dataclass(frozen=True, slots=True)
class Line:
    """A lane's counters. ``over`` is what ``expired`` becomes by the windows that are over now.

    ``doubts`` are ranges of numbers that a lost store may have handed out or not. They are passed over; who
    holds one of them asks, and is called in the next step.
    """

    issued: int
    serving: int
    expired: int = 0
    over: int = 0
    doubts: Doubts = ()

    @property
    def waiting(self) -> int:
        """Numbers that are certainly in somebody's hands and not called."""
        return self.issued - self.serving - sum(last - first + 1 for first, last in self.ahead)

    @property
    def ahead(self) -> Doubts:
        """The doubts that are not passed yet."""
        return tuple(
            (max(first, self.serving + 1), last) for first, last in self.doubts if last > self.serving
        )

    def reached(self, call: int) -> int:
        """What ``serving`` becomes when so many are called, doubts passed over."""
        at = self.serving
        for first, last in self.ahead:
            if at + call < first - 1:
                break
            call -= first - 1 - at
            at = last
        return at + call


@dataclass(frozen=True, slots=True)
class Counted:
    """A room's counters as everyone may know them. ``pace`` is None until a leader moved the room."""

    life: int
    now_ms: int
    active: int
    claimed: int
    due: int
    pace: Pace | None
    lines: dict[str, Line]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the leader sees. Totals are since the room began; ``again`` may be called besides the lanes."""

    life: int
    now_ms: int
    active: int
    due: int
    claimed: int
    missed: int
    left: int
    ok: int
    failed: int
    latency_ms: int
    again: int
    recalled: int
    """Of those how many were called so far."""
    lines: dict[str, Line]


@dataclass(frozen=True, slots=True)
class Move:
    """A step as it is journalled, then done: serving and expired of each lane are absolute."""

    life: int
    epoch: int
    again: int
    """How many of those who missed the window and came back are called."""
    serving: dict[str, int]
    expired: dict[str, int]
    at_once: int = 0
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A stay as the journal keeps it: who was admitted, from when until when, and whether he left."""

    room: str
    lane: str
    number: int
    life: int
    start_ms: int
    ends_ms: int
    left: bool = False


Place = tuple[str, int]
"""Lane and number."""


@dataclass(frozen=True, slots=True)
class Hold:
    """``place`` is to be the holder's, unless he has another one than ``instead_of``."""

    room: str
    holder: bytes
    place: Place
    instead_of: Place | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A lane as the journal keeps it. Numbers up to ``reserved`` may be in somebody's hands."""

    reserved: int
    serving: int
    expired: int
    swept: int
    doubts: Doubts = ()


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest life of a room, for which server it was restored, and since when no leader moved it."""

    life: int
    server: str
    quiet_s: float


@dataclass(frozen=True, slots=True)
class Legacy:
    """All that a new life of a room begins with, but for the claims."""

    life: int
    server: str
    """The incarnation of the store that it is for."""
    lines: dict[str, Kept]
    claimed: int
    missed: int
    left: int


class Store(Protocol):
    """The hot store. ``now_us`` replaces its clock (tests). Each raises StoreUnavailable or Foreign."""

    def incarnation(self, room: Room) -> str:
        """Which run of which server holds the room."""

    async def join(self, room: Room, lane: str, count: int, now_us: int | None = None) -> Handed:
        """Hand out the next numbers: fewer than ``count`` when the block is used up."""

    async def status(self, room: Room, now_us: int | None = None) -> Counted:
        """The counters."""

    async def stand(
        self, room: Room, lane: str, number: int, now_us: int | None = None, *, back: bool = False
    ) -> Reading:
        """Where a number stands. With ``back``, whoever may come back near the front does."""

    async def claim(self, room: Room, lane: str, number: int, now_us: int | None = None) -> Reading:
        """As ``stand``, but a called number becomes admitted if the cap allows."""

    async def leave(
        self,
        room: Room,
        lane: str,
        number: int,
        now_us: int | None = None,
        *,
        back: bool = False,
        pass_id: str = "",
    ) -> Reading:
        """Free the slot or the turn: completed, abandoned, expired. With ``back`` he may come back in.

        His pass, ``pass_id``, is spent from then on: another has the slot.
        """

    async def renew(self, room: Room, lane: str, number: int, now_us: int | None = None) -> Reading:
        """A pass in force lasts longer, up to the cap."""

    async def extend(self, room: Room, lane: str, number: int, now_us: int | None = None) -> Reading:
        """A called number has a whole window from now, ten times."""

    async def block(self, room: Room, lane: str, life: int, after: int, last: int) -> int:
        """Take the reserved numbers ``after`` + 1 to ``last``. The last number of the block in use."""

    async def top(self, room: Room, lane: str) -> tuple[int, int]:
        """The life, and the last number of the block in use."""

    async def feedback(self, room: Room, ok: int, failed: int, latency_ms: int) -> None:
        """Add requests of the origin, and their latencies in sum."""

    async def look(self, room: Room, epoch: int, now_us: int | None = None) -> Seen | None:
        """What a step is made from; None when a later leader is at work."""

    async def advance(self, room: Room, move: Move, now_us: int | None = None) -> bool:
        """Do a journalled step; False when a later leader or life is at work."""

    async def load(
        self, room: Room, legacy: Legacy, claims: Sequence[Claim], now_us: int | None = None
    ) -> None:
        """Claims of a life that is being restored."""

    async def restore(self, room: Room, legacy: Legacy, loaded: int, now_us: int | None = None) -> None:
        """Begin that life, if all ``loaded`` claims are there."""


class Ledger(Protocol):
    """The journal. Each raises StoreUnavailable."""

    async def write(self, claims: Sequence[Claim]) -> set[tuple[str, int]]:
        """Commit claims; the rooms and lives whose claims were kept: others were stale."""

    async def reserve(self, room: str, lane: str, life: int, after: int, many: int) -> int:
        """The end of the block that begins after ``after``, the same for whoever asks. Raises Stale."""

    async def begin(self, room: Room, server: str) -> Legacy | None:
        """Begin a new life; None when somebody else is restoring the room."""

    async def claims(self, room: str, life: int, after: tuple[str, int]) -> Sequence[Claim]:
        """The next claims in order of lane and number, some thousands; none at the end. Raises Stale."""

    async def finish(self, room: str, life: int) -> None:
        """The restoration is done: the next may begin at any time."""

    async def latest(self, room: str) -> Latest | None:
        """The latest life of a room; None if there was none yet."""

    async def held(self, asked: Sequence[tuple[str, bytes]]) -> Sequence[Place | None]:
        """The places of holders, by room and holder."""

    async def hold(self, holds: Sequence[Hold]) -> Sequence[Place]:
        """The one place that each holder has now; at most one question for each."""
