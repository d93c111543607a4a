"""Get an entry, and load it if need be: one load in the process by flight, one in the fleet by lease.

::

    near -> flight -> lease --ours----> load, renewing the lease --> fill --> entry for all
                        |                  |                          '- superseded: for those who asked
                        |                  |                             before the load; once more for others
                        |                  '- cannot be shared: lease opened, each loads for itself
                        '--another's--> wait for the feed, ask again
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from cache.answers import Busy, Loaded, Stored, Superseded
from cache.clock import StoreClock
from cache.decide import Lead, Refuse, Serve, ServeAndRefresh, Wait, Wanted, decide, early, spare
from cache.entry import Entry, entry_of
from cache.flight import Flight, Flights
from cache.questions import Questions
from cache.space import Space
from cache.stats import Counters
from cache.store import StoreUnavailable

Load: TypeAlias = Callable[[Entry | None], Awaitable[Loaded]]
"""Gets what there was, fresh, stale or only kept, to find whether it still holds."""

FOREVER_MS = 1 << 62
"""A flight waits as long as it has callers, and each of them has its patience."""
PAUSE_AFTER_FAILURE_MS = 1_000
"""While a stale entry is served: the origin is asked so often at most."""
BUSY_RETRY_MS = 1_000


@dataclass(frozen=True, slots=True)
class _Wish:
    """One caller's."""

    space: Space
    key: str
    load: Load


@dataclass(frozen=True, slots=True)
class _Alone:
    """It cannot be shared: the load's result, if there is one, belongs to whoever began the flight."""

    loaded: Loaded | None = None
    token: int | None = None
    kept: Entry | None = None


@dataclass(frozen=True, slots=True)
class _UpTo:
    """An entry for those who had boarded by then: a purge may have come before whoever asked later."""

    boarded: int
    entry: Entry


_Landed: TypeAlias = Entry | _Alone


class Loading:
    """The loads of one process."""

    def __init__(
        self,
        questions: Questions,
        clock: StoreClock,
        counters: Counters,
        *,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._questions = questions
        self._clock = clock
        self._counters = counters
        self._draw = draw
        self.flights: Flights[tuple[str, str, str], _Landed] = Flights()
        self._releases: set[asyncio.Task[bool]] = set()

    async def get(
        self, space: Space, key: str, load: Load, *, patience_ms: int, stale: bool, finish: bool
    ) -> Entry | Loaded | Busy:
        """See ``Cache.get_or_load``; this is for what the worker's memory does not hold."""
        wish = _Wish(space, key, load)
        try:
            async with asyncio.timeout(patience_ms / 1000) as patience:
                return await self._join(wish, stale, finish)
        except TimeoutError:
            if not patience.expired():
                raise
            self._counters.busy += 1
            return Busy(BUSY_RETRY_MS)

    async def aclose(self) -> None:
        await self.flights.aclose()
        await asyncio.gather(*self._releases, return_exceptions=True)

    # -- one flight ----------------------------------------------------------

    async def _join(self, wish: _Wish, stale: bool, finish: bool) -> Entry | Loaded:
        began = False

        async def fly(flight: Flight[_Landed]) -> _Landed:
            nonlocal began
            began = True
            return await self._fly(flight, wish, Wanted(stale, wait_until_ms=FOREVER_MS))

        flight = (wish.space.name, wish.key, "stale" if stale else "fresh")
        landed = await self.flights.join(flight, fly, finish=finish)
        if isinstance(landed, Entry):
            return landed
        return await self._own(wish, landed if began else _Alone(kept=landed.kept))

    async def _fly(self, flight: Flight[_Landed], wish: _Wish, wanted: Wanted) -> _Landed:
        while True:
            landed = await self._tried(flight, wish, wanted)
            if landed is None:
                continue
            if not isinstance(landed, _UpTo):
                return landed
            flight.land_for(landed.boarded, landed.entry)
            if not flight.callers:
                return landed.entry

    async def _tried(self, flight: Flight[_Landed], wish: _Wish, wanted: Wanted) -> _Landed | _UpTo | None:
        """Asks the store and does what is decided; None after a wait."""
        boarded = flight.boarded
        with self._questions.watch(wish.space, wish.key) as watch:
            try:
                found, now = await self._questions.lease(wish.space, wish.key)
            except StoreUnavailable:
                return await self._unkept(flight, wish)
            match decide(found, now, wanted):
                case Wait(until_ms):
                    self._counters.waits += 1
                    await watch.wait(until_ms - now)
                    return None
                case Serve(entry):
                    self.refresh_early(wish.space, wish.key, wish.load, entry)
                    return self._served(boarded, entry, now)
                case ServeAndRefresh(entry, token):
                    self._refresh(wish, entry, token)
                    return self._served(boarded, entry, now)
                case Lead(token, shared=False, kept=kept):
                    return _Alone(token=token, kept=kept)
                case Lead() as lead:
                    return await self._lead(flight, boarded, wish, lead)
                case Refuse():
                    return None

    def _served(self, boarded: int, entry: Entry, now_ms: int) -> _UpTo:
        self._counters.hits += 1
        self._counters.stale_hits += now_ms >= entry.soft_ms
        return _UpTo(boarded, entry)

    async def _unkept(self, flight: Flight[_Landed], wish: _Wish) -> _Landed | _UpTo:
        """The store is away: one load at a time for this process, kept nowhere."""
        self._counters.unavailable += 1
        self._counters.misses += 1
        boarded = flight.boarded
        loaded, cost_ms = await self._timed(wish, None)
        if loaded.times is None:
            return _Alone(loaded)
        return _UpTo(boarded, entry_of(loaded.content, loaded.times, self._clock.now_ms(), 0, cost_ms))

    async def _lead(self, flight: Flight[_Landed], asked: int, wish: _Wish, lead: Lead) -> _Landed | _UpTo:
        """Load and fill. ``asked`` is who had boarded when the store was asked."""
        self._counters.misses += 1
        boarded = flight.boarded
        try:
            async with self._renewed(wish, lead.token):
                loaded, cost_ms = await self._timed(wish, lead.kept)
        except Exception:
            self._release(wish, lead.token)
            left = spare(lead.kept, self._clock.now_ms())
            if left is None:
                raise
            self._counters.spared += 1
            return _UpTo(asked, left)
        except asyncio.CancelledError:
            self._release(wish, lead.token)
            raise
        landed = await self._kept(wish, lead.token, loaded, cost_ms)
        return landed if landed is not None else self._overtaken(boarded, lead.token, loaded)

    def _overtaken(self, boarded: int, token: int, loaded: Loaded) -> _UpTo:
        """Purged under way, which came after those asked who had boarded when the load began."""
        assert loaded.times is not None, "what cannot be shared is not overtaken"
        return _UpTo(boarded, entry_of(loaded.content, loaded.times, self._clock.now_ms(), token, 0))

    async def _kept(self, wish: _Wish, token: int, loaded: Loaded, cost_ms: int) -> _Landed | None:
        """Fill; None when a purge came in between, or may have."""
        space, key, content = wish.space, wish.key, loaded.content
        if loaded.times is None or len(content.body) > space.body_bytes_max:
            self._counters.uncacheable += 1
            open_ms = space.uncacheable_ms if loaded.uncacheable_ms is None else loaded.uncacheable_ms
            # Before the result: whoever waits elsewhere waits for nothing from here on.
            await self._questions.released(space, key, token, open_ms)
            return _Alone(loaded)
        times = space.drawn(key, loaded.times)
        try:
            answer = await self._questions.fill(space, key, token, content, times, cost_ms)
        except StoreUnavailable:
            return None
        if isinstance(answer, Superseded):
            return None
        born_ms = answer.born_ms if isinstance(answer, Stored) else self._clock.now_ms()
        return entry_of(content, times, born_ms, token, cost_ms)

    async def _timed(self, wish: _Wish, kept: Entry | None) -> tuple[Loaded, int]:
        self._counters.loads += 1
        began = time.monotonic()
        try:
            async with asyncio.timeout(wish.space.load_ms_max / 1000):
                loaded = await wish.load(kept)
        except Exception:
            self._counters.failed_loads += 1
            raise
        return loaded, int((time.monotonic() - began) * 1000)

    # -- what cannot be shared -----------------------------------------------

    async def _own(self, wish: _Wish, landed: _Alone) -> Entry | Loaded:
        """This caller's own load. It may find that the key can be shared again."""
        if landed.loaded is not None:
            return landed.loaded
        self._counters.own_loads += 1
        loaded, cost_ms = await self._timed(wish, landed.kept)
        if landed.token is None or loaded.times is None:
            return loaded
        found = await self._kept(wish, landed.token, loaded, cost_ms)
        return found if isinstance(found, Entry) else loaded

    # -- behind the caller's back --------------------------------------------

    def refresh_early(self, space: Space, key: str, load: Load, entry: Entry) -> None:
        """Load anew behind the caller's back, now and then as the entry's end comes near."""
        if early(entry, self._clock.now_ms(), space.early, 1.0 - self._draw()):
            wish = _Wish(space, key, load)
            self.flights.start((space.name, key, "refresh"), lambda _: self._refreshed_early(wish, entry))

    async def _refreshed_early(self, wish: _Wish, entry: Entry) -> _Landed:
        try:
            found, _ = await self._questions.lease(wish.space, wish.key, early=True)
        except StoreUnavailable:
            return _Alone()
        return _Alone() if found.token is None else await self._refreshed(wish, entry, found.token)

    def _refresh(self, wish: _Wish, entry: Entry, token: int) -> None:
        flight = (wish.space.name, wish.key, "refresh")
        if not self.flights.start(flight, lambda _: self._refreshed(wish, entry, token)):
            self._release(wish, token)

    async def _refreshed(self, wish: _Wish, entry: Entry, token: int) -> _Landed:
        try:
            async with self._renewed(wish, token):
                loaded, cost_ms = await self._timed(wish, entry)
        except Exception:
            # The lease is kept for a moment: others are served stale and do not ask the origin at once.
            await self._questions.held(wish.space, wish.key, token, PAUSE_AFTER_FAILURE_MS)
            return _Alone()
        except asyncio.CancelledError:
            self._release(wish, token)
            raise
        await self._kept(wish, token, loaded, cost_ms)
        return _Alone()

    # -- the lease -----------------------------------------------------------

    @asynccontextmanager
    async def _renewed(self, wish: _Wish, token: int) -> AsyncIterator[None]:
        """Keeps the lease while the block runs, so that no origin is slower than it."""
        renewing = asyncio.get_running_loop().create_task(self._renew(wish, token))
        try:
            yield
        finally:
            renewing.cancel()

    async def _renew(self, wish: _Wish, token: int) -> None:
        while True:
            await asyncio.sleep(wish.space.lease_ms / 3000)
            if await self._questions.held(wish.space, wish.key, token, wish.space.lease_ms) is False:
                return  # purged: what is being loaded will not be kept, but its callers wait for it

    def _release(self, wish: _Wish, token: int) -> None:
        """Without waiting: it is called where nothing may be awaited any more."""
        task = asyncio.get_running_loop().create_task(
            self._questions.released(wish.space, wish.key, token, 0)
        )
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)
