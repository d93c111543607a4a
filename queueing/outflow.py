"""How many are called now: small even steps, bounded by the outflow, the free slots and the origin's health.

Pure arithmetic over the totals of a room; the leader gives it what it sees every 200 ms and calls as many as
it says. Whatever it says, the cap holds, for a claim is refused while ``active`` is the cap: calling ahead
can make a called visitor wait at the door for a moment, never let one too many in.

Calling ahead has two reasons. Of the called, some never come: those within their window are counted as
the share of them that is still expected. And who is called takes a while to come: as many are called beyond
the free slots as keep the slots busy, found by watching how busy they are.
"""

import math
from dataclasses import dataclass

from queueing.coverage import Covered
from queueing.forecast import Line
from queueing.health import Health, Vigour
from queueing.memory import Memory, packed, unpacked
from queueing.pace import Pace
from queueing.policy import Room
from queueing.show_rate import ShowRate

CATCH_UP_MS = 600  # of outflow made good after a late step; more would be a burst after a pause
KEPT_MS = 500  # of outflow kept while nobody waits or no slot is free; both together are 1.9% of a minute
BUSY_SHARE = 0.98  # of the cap is the aim: for more a crowd would have to stand at the door
AHEAD_SHARE_MAX = 0.5  # of the cap, called beyond the free slots because they take a while to come
AHEAD_REACH_MS = 120_000  # a slot idle for so long has one more called ahead
UNCLAIMED_CAPS_MAX = 10  # called and unclaimed at most, in caps: when hardly anybody comes
JOINS_MEMORY_MS = 20_000
DEPARTURES_MEMORY_MS = 120_000  # a small room has one each quarter of a minute


@dataclass(frozen=True, slots=True)
class Observed:
    """A room's totals since it began, as one reading of the store.

    ``issued`` and ``serving`` are the last number given out and called; every number up to ``expired`` is
    settled: claimed, missed or given up. ``to_claim`` were called and may still claim, ``active`` hold a
    pass. ``claimed`` counts passes given, ``missed`` windows that passed, ``left`` called ones that gave up
    their turn (not those who leave with a pass). ``now_ms`` is the store's clock.
    """

    now_ms: int
    issued: int
    serving: int
    expired: int
    active: int
    to_claim: int
    claimed: int
    missed: int
    left: int


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now, and what is known.

    ``call`` numbers are to be called. In a room where nobody waits then, ``at_once`` joins may be admitted
    without waiting until the next step. ``factor`` is the share of the outflow that the origin's health
    leaves. ``coverage`` is None until the first estimate came true or not.
    """

    call: int
    pace: Pace
    show_rate: float
    factor: float
    at_once: int = 0
    joins_per_minute: float = 0.0
    coverage: Covered | None = None


class Outflow:
    """One room's controller. Steps of one room must come in order; ``room`` may be replaced between them."""

    __slots__ = (
        "_ahead",
        "_credit",
        "_departures_per_s",
        "_forecast",
        "_joins_per_minute",
        "_seen",
        "_serving",
        "_showing",
        "_vigour",
        "room",
    )

    def __init__(self, room: Room, remembered: bytes = b"") -> None:
        """``remembered`` is what an earlier leader's ``remember`` gave; anything else is a fresh start."""
        memory = unpacked(remembered)
        self.room = room
        self._credit = memory.credit
        self._ahead = memory.ahead
        self._departures_per_s = memory.departures_per_s
        self._vigour = Vigour(memory.factor, memory.usual_ms)
        self._showing = ShowRate(*memory.showing)
        self._forecast = memory.forecast
        self._joins_per_minute = 0.0
        self._seen: Observed | None = None
        self._serving = 0  # as it must be if all that was said was done

    def step(self, seen: Observed, health: Health | None, *, may_call: bool) -> Step:
        """``may_call`` is False while the room is paused or calls could not be journalled."""
        before = self._seen if self._seen is not None and _follows(seen, self._seen) else None
        elapsed_ms = max(seen.now_ms - before.now_ms, 0) if before else 0
        factor = self._vigour.step(health, seen.now_ms)
        allowed_per_minute = self.room.outflow_per_minute * factor
        if before:
            self._learn(before, seen, elapsed_ms)
        self._accrue(allowed_per_minute, elapsed_ms if may_call else 0)
        call = self._call(seen, elapsed_ms) if may_call else 0
        self._seen, self._serving = seen, seen.serving + call
        line = self._line(before or seen, seen, elapsed_ms)
        pace = self._forecast.step(self.room, allowed_per_minute, line, paused=not may_call)
        return Step(
            call,
            pace,
            self._showing.share,
            factor,
            self._at_once(seen, call, allowed_per_minute) if may_call else 0,
            self._joins_per_minute,
            self._forecast.coverage.covered,
        )

    def remember(self) -> bytes:
        """What the next leader goes on from, at most 2 KiB."""
        memory = Memory(
            credit=self._credit,
            ahead=self._ahead,
            departures_per_s=self._departures_per_s,
            factor=self._vigour.factor,
            usual_ms=self._vigour.usual_ms,
            showing=self._showing.remembered,
            forecast=self._forecast,
        )
        return packed(memory)

    def _learn(self, before: Observed, seen: Observed, elapsed_ms: int) -> None:
        """From what happened since the step before."""
        # Joins that were admitted at once took their part; what was said and not done is given back.
        most = _kept(self.room.outflow_per_minute)
        self._credit = max(self._credit - (seen.serving - self._serving), -most)
        self._showing.note(
            seen.expired - before.expired, seen.missed - before.missed, seen.left - before.left
        )
        if elapsed_ms:
            departed = _departed(before, seen)
            seconds = elapsed_ms / 1000
            fresh = 1 - math.exp(-elapsed_ms / DEPARTURES_MEMORY_MS)
            self._departures_per_s += (departed / seconds - self._departures_per_s) * fresh
            fresh = 1 - math.exp(-elapsed_ms / JOINS_MEMORY_MS)
            joined = seen.issued - before.issued
            self._joins_per_minute += (joined / seconds * 60 - self._joins_per_minute) * fresh

    def _line(self, before: Observed, seen: Observed, elapsed_ms: int) -> Line:
        return Line(
            now_ms=seen.now_ms,
            elapsed_ms=elapsed_ms,
            serving=seen.serving,
            waiting=seen.issued - seen.serving,
            active=seen.active,
            called=seen.serving - before.serving,
            departed=_departed(before, seen),
            show_rate=self._showing.share,
        )

    def _accrue(self, allowed_per_minute: float, elapsed_ms: int) -> None:
        self._credit = min(self._credit, _kept(allowed_per_minute))
        self._credit += allowed_per_minute * min(elapsed_ms, CATCH_UP_MS) / 60_000

    def _call(self, seen: Observed, elapsed_ms: int) -> int:
        waiting, credit = seen.issued - seen.serving, math.floor(self._credit)
        free = self._free(seen)
        if waiting > 0 and free < credit:
            self._look_ahead(seen, elapsed_ms)
        call = max(0, min(waiting, credit, free, self._within_stock(seen)))
        self._credit -= call
        return call

    def _free(self, seen: Observed) -> int:
        """How many numbers the free slots are worth, those under way and those called ahead counted in."""
        room, show_rate = self.room, self._showing.share
        slots = room.active_cap - seen.active - self._to_come(seen) + self._ahead
        bound = room.active_cap * UNCLAIMED_CAPS_MAX - seen.to_claim
        return min(math.floor(slots / show_rate), bound)

    def _to_come(self, seen: Observed) -> float:
        """Of those who may still claim, who will: not the silent among all numbers that are not yet settled.

        It needs no times of calls, so it also holds when windows are held or extended.
        """
        silent = self._showing.silent * (seen.serving - seen.expired)
        return max(0.0, seen.to_claim - silent)

    def _look_ahead(self, seen: Observed, elapsed_ms: int) -> None:
        """Slots bound the calls: fewer ahead if all are busy, more if some are idle.

        Never more than leave within a window, for nobody takes longer to come; so while a room fills for
        the first time, and nobody leaves, nobody is called ahead.
        """
        idle = self.room.active_cap * BUSY_SHARE - seen.active
        self._ahead += idle * min(elapsed_ms, CATCH_UP_MS) / AHEAD_REACH_MS
        leaving = max(0.0, self._departures_per_s) * self.room.claim_window_ms / 1000
        most = min(self.room.active_cap * AHEAD_SHARE_MAX, leaving)
        self._ahead = min(max(self._ahead, 0.0), most)

    def _within_stock(self, seen: Observed) -> int:
        """Nobody is called for what one of those called before may still take."""
        if self.room.stock is None:
            return seen.issued
        return self.room.stock - seen.claimed - seen.to_claim

    def _at_once(self, seen: Observed, call: int, allowed_per_minute: float) -> int:
        """What joins may take before the next step: only in a room where nobody waits any more."""
        if seen.issued - seen.serving > call:
            return 0
        credit = math.floor(min(self._credit, _kept(allowed_per_minute)))
        # Whoever joins comes for certain, and none of the called is to find his slot taken.
        return max(0, min(credit, self.room.active_cap - seen.active - seen.to_claim - call))


def _follows(seen: Observed, before: Observed) -> bool:
    """Whether the totals went on from there; after a loss of the store they may begin lower."""
    return seen.serving >= before.serving and seen.claimed >= before.claimed


def _departed(before: Observed, seen: Observed) -> int:
    """Whose pass ended or who left with it, since then."""
    return seen.claimed - before.claimed - (seen.active - before.active)


def _kept(allowed_per_minute: float) -> float:
    """Credit that is not lost: below one number, a slow room would never reach one."""
    return max(1.0, allowed_per_minute * KEPT_MS / 60_000)
