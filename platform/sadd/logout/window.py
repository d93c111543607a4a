"""The newest revocations in the memory of a worker, and whether more could be known.

All streams of the worker read from here: what a revocation costs the database does not depend on how many
listen. It is read when the database announces one, and every second besides, so that the news of one that was
lost costs a second at most; ``read_at`` says when the database last said that there was nothing else.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from sadd.logout.outbox import Ended, facts_of

LOOK_SECONDS = 1.0
HELD_MAX = 10_000
"""Who resumes from before them is served from the database: some 3 MB a worker."""
PAGE = 1_000
BEYOND = 2**62
"""A number that no revocation will have: who asks for what comes after learns the newest one."""


class Feed(Protocol):
    """What sadd.session answers: ``last`` is the newest number there is, ``gap``: some were forgotten."""

    @property
    def revocations(self) -> Sequence[Ended]: ...

    @property
    def last(self) -> int: ...

    @property
    def gap(self) -> bool: ...


Reading = Callable[[int, int], Awaitable[Feed]]
"""The revocations after a number, at most so many; raises when the database is away."""


@dataclass(frozen=True, slots=True)
class Told:
    """A revocation as it leaves: the same bytes for everybody of its agency."""

    seq: int
    at_ms: int
    agency: str
    facts: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """What an agency is told next. All its revocations up to ``last`` are in it or came before."""

    told: tuple[Told, ...]
    last: int
    gap: bool = False
    """Some after the place that was asked for are forgotten, or never were: begin anew."""
    more: bool = False


class Window:
    """``away``: what ``read`` raises when there is no answer. ``clock`` is in seconds, only forward."""

    def __init__(
        self,
        read: Reading,
        away: tuple[type[Exception], ...],
        *,
        held_max: int = HELD_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._away = away
        self._clock = clock
        self._held: deque[Told] = deque(maxlen=held_max)
        self._changed = asyncio.Event()
        self._reading = asyncio.Lock()
        self._from = -1
        """All after this number are held; -1: nothing was read yet."""
        self.last = -1
        self.read_at = float("-inf")

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(*self._away):
                await self.refresh()
            await asyncio.sleep(LOOK_SECONDS)

    async def refresh(self) -> None:
        """Read all that is new."""
        async with self._reading:
            if self.last < 0:
                self._from = self.last = (await self._read(BEYOND, 1)).last
            while not await self._read_page():
                pass

    async def _read_page(self) -> bool:
        """Whether that was all."""
        asked_at = self._clock()
        feed = await self._read(self.last, PAGE)
        if feed.gap or feed.last < self.last:  # another database, or one from before
            self._held.clear()
            self._from = self.last = feed.last
        for ended in feed.revocations:
            self._hold(told_of(ended))
        done = self.last >= feed.last
        if done:
            self.read_at = asked_at
        if feed.revocations:
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()
        return done

    def _hold(self, told: Told) -> None:
        if len(self._held) == self._held.maxlen:
            self._from = self._held[0].seq
        self._held.append(told)
        self.last = told.seq

    async def wait(self, known: int | None, seconds: float) -> None:
        """Until there is something after a number, at most so long."""
        if known is not None and self.last > known:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def is_proven(self, within_seconds: float, part: Part) -> bool:
        """Whether the database said so lately that there is nothing after this part."""
        return not part.more and part.last >= self.last and self._clock() - self.read_at <= within_seconds

    async def part(self, agency: str, after: int, limit: int = PAGE) -> Part:
        """What the agency is told after a number, from memory if it is there. Raises as ``read`` does."""
        if 0 <= self._from <= after <= self.last:
            held = [one for one in self._held if one.seq > after] if after < self.last else []
            return _part(agency, held, self.last, limit)
        feed = await self._read(after, PAGE)
        if feed.gap or after > feed.last:
            return Part((), feed.last, gap=True)
        last = feed.revocations[-1].seq if feed.revocations else feed.last
        return _part(agency, [told_of(one) for one in feed.revocations], last, limit, more=last < feed.last)


def _part(agency: str, held: Sequence[Told], last: int, limit: int, *, more: bool = False) -> Part:
    own = [one for one in held if one.agency == agency]
    if len(own) > limit:
        return Part(tuple(own[:limit]), own[limit - 1].seq, more=True)
    return Part(tuple(own), last, more=more)


def told_of(ended: Ended) -> Told:
    facts = msgspec.json.encode({**facts_of(ended), "at_ms": ended.at_ms})
    return Told(ended.seq, ended.at_ms, ended.agency, facts)
