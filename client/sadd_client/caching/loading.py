"""Find an entry or load it: one load in this process, and one in the fleet by the platform's lease.

::

    memory --no--> flight of this process --> lease --> entry       a hit
                                                    --> busy        wait for it, until patience ends
                                                    --> right       load, fill, answer
                                                    --> stale+right answer the stale one, load beside
                                                    --> right, not shared: each for himself
    platform away or unwilling -----------------------> load        counted, stored nowhere
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from sadd_client.caching.calls import Calls
from sadd_client.caching.entry import Busy, Entry, Lease, Loaded, Source, Times
from sadd_client.caching.memory import Memory
from sadd_client.caching.renewal import Renewal
from sadd_client.clock import now
from sadd_client.errors import CacheBusy, InvalidRequest, PlatformAway, Problem, SaddError
from sadd_client.faultlog import FaultLog
from sadd_client.ports import Io

Load = Callable[[], Awaitable[bytes | Loaded]]

WAIT_SECONDS_MAX = 10.0
"""One call waits so long for somebody else's load; then it asks again."""
REFRESHES_MAX = 8
"""Loads beside the callers at once; whoever comes then gives the right back."""
ALONE_SECONDS = 10.0
"""So long nobody waits for the load of a key that was found not to be shared."""
ALONE_MAX = 10_000
LINE_SECONDS = 60.0

_log = logging.getLogger("sadd_client")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How what is loaded is kept, and how long a caller waits for it."""

    times: Times | None
    tags: tuple[str, ...]
    content_type: str
    patience_seconds: float


@dataclass(frozen=True, slots=True)
class _Failed:
    """Of a flight: all its callers are told the same."""

    error: Exception


class Loading:
    """Of one namespace. ``counts`` are by the names of CacheStats."""

    def __init__(self, calls: Calls, memory: Memory, io: Io, loads_max: int) -> None:
        if loads_max < 1:
            raise ValueError("loads_max is at least 1")
        self.counts: Counter[str] = Counter()
        self._calls, self._memory, self._io = calls, memory, io
        self._loads_max = loads_max
        self._faults = FaultLog("the platform refuses calls about the cache %s")
        self._unkept = FaultLog("what was loaded for the cache %s is not kept")
        self._alone: OrderedDict[str, float] = OrderedDict()
        self._silent_until = 0.0
        self._renewal = Renewal(calls, io)
        self.forget()

    def forget(self) -> None:
        """In a forked child, and at the beginning."""
        self._mutex = self._io.mutex()
        self._flights = self._io.flights()
        self._renewal.forget()
        self._places = self._io.turnstile(self._loads_max)
        self._refreshing = 0

    async def get(self, key: str) -> Entry | None:
        position = self._memory.position()
        entry = await self._calls.get(key)
        if entry is not None:
            self._note("hits" if entry.source == "cache" else "stale")
            self._memory.keep(key, entry, position)
        return entry

    async def get_or_load(self, key: str, load: Load, wanted: Wanted) -> Entry:
        """What the memory did not know."""
        deadline = now() + wanted.patience_seconds
        if self._is_alone(key):
            return await self._load_here("loads_alone", load, wanted, deadline)
        find = partial(self._find, key, load, wanted, deadline)
        try:
            found, led = await self._flights.join(key, find, deadline)
        except TimeoutError:
            self._note("busy")
            raise CacheBusy("another caller of this process loads it") from None
        if isinstance(found, _Failed):
            raise found.error
        if led:
            return found
        if not found.shared:  # it is the other caller's
            return await self._load_here("loads_alone", load, wanted, deadline)
        self._note("joined")
        return found

    async def _find(self, key: str, load: Load, wanted: Wanted, deadline: float) -> Entry | _Failed:
        try:
            return await self._found(key, load, wanted, deadline)
        except Exception as error:
            return _Failed(error)

    async def _found(self, key: str, load: Load, wanted: Wanted, deadline: float) -> Entry:
        while True:
            position = self._memory.position()
            try:
                answer = await self._calls.lease(key, max(0.0, min(deadline - now(), WAIT_SECONDS_MAX)))
            except PlatformAway:
                return await self._load_here("loads_away", load, wanted, deadline)
            except Problem as fault:  # of set-up: a cache is no reason for a site to be down
                self._faults.note(self._calls.namespace, fault)
                return await self._load_here("loads_away", load, wanted, deadline)
            match answer:
                case Entry():
                    self._note("hits" if answer.source == "cache" else "stale")
                    self._memory.keep(key, answer, position)
                    return answer
                case Lease(stale=None):
                    if not answer.shared:
                        self._go_alone(key)
                    return await self._lead(answer, load, wanted, deadline)
                case Lease(stale=Entry() as stale):
                    self._note("stale")
                    await self._refresh(answer, load, wanted)
                    return stale
                case Busy(retry_after_seconds=seconds):
                    await self._await_turn(seconds, deadline)

    async def _await_turn(self, seconds: float, deadline: float) -> None:
        if now() + seconds >= deadline:
            self._note("busy")
            raise CacheBusy("another process loads it", seconds)
        await self._io.pause(seconds)

    async def _lead(self, lease: Lease, load: Load, wanted: Wanted, deadline: float) -> Entry:
        """Load, and fill. Whatever comes of it the lease is not held any longer."""
        self._renewal.hold(lease)
        try:
            loaded = await self._load(load, deadline)
        except BaseException as failed:
            self._renewal.drop(lease)
            await self._give_back(lease)
            if lease.spare is None or not isinstance(failed, Exception):
                raise
            self._note("stale")
            return lease.spare
        self._renewal.drop(lease)
        if not loaded.shared:
            self._go_alone(lease.key)
            self._note("loads_alone")
            await self._give_back(lease, ALONE_SECONDS)
        elif not await self._fill(lease, loaded, wanted):
            self._note("unstored")
        return _entry(loaded, wanted, "loaded")

    async def _fill(self, lease: Lease, loaded: Loaded, wanted: Wanted) -> bool:
        times, tags = loaded.times or wanted.times, (*wanted.tags, *loaded.tags)
        kind = _type(loaded, wanted)
        try:
            return await self._calls.put(lease.key, loaded.body, kind, times, tags, lease.token)
        except InvalidRequest as refused:  # too large, say: nobody need wait for the next one
            self._unkept.note(self._calls.namespace, refused)
            await self._give_back(lease, ALONE_SECONDS)
        except SaddError:
            pass
        return False

    async def _give_back(self, lease: Lease, alone_seconds: float = 0.0) -> None:
        with suppress(SaddError):  # else it ends by itself
            await self._calls.release(lease, alone_seconds)

    async def _refresh(self, lease: Lease, load: Load, wanted: Wanted) -> None:
        with self._mutex:
            crowded = self._refreshing >= REFRESHES_MAX
            self._refreshing += not crowded
        if crowded:
            await self._give_back(lease)
        else:
            self._io.attend(self._refreshed(lease, load, wanted))

    async def _refreshed(self, lease: Lease, load: Load, wanted: Wanted) -> None:
        try:
            await self._lead(lease, load, wanted, lease.ends)
        except Exception as error:
            if now() >= self._silent_until:
                self._silent_until = now() + LINE_SECONDS
                _log.warning("an entry of %s was not refreshed: %r", self._calls.namespace, error)
        finally:
            with self._mutex:
                self._refreshing -= 1

    async def _load_here(self, why: str, load: Load, wanted: Wanted, deadline: float) -> Entry:
        """For this caller, or this process, alone; nothing is stored."""
        self._note(why)
        loaded = await self._load(load, deadline)
        return _entry(loaded, wanted, "away" if why == "loads_away" else "loaded")

    async def _load(self, load: Load, deadline: float) -> Loaded:
        if not await self._places.acquire(deadline):
            self._note("busy")
            raise CacheBusy(f"{self._loads_max} loads are under way in this process")
        try:
            self._note("loads")
            found = await load()
        except Exception:
            self._note("load_errors")
            raise
        finally:
            self._places.release()
        if isinstance(found, Loaded):
            return found
        if not isinstance(found, bytes):
            raise TypeError(f"a loader returns bytes or Loaded, not {type(found).__name__}")
        return Loaded(found, "")

    def _go_alone(self, key: str) -> None:
        with self._mutex:
            self._alone[key] = now() + ALONE_SECONDS
            if len(self._alone) > ALONE_MAX:
                self._alone.popitem(last=False)

    def _is_alone(self, key: str) -> bool:
        if not self._alone:
            return False
        with self._mutex:
            until = self._alone.get(key)
            if until is None or until > now():
                return until is not None
            del self._alone[key]
        return False

    def _note(self, what: str) -> None:
        with self._mutex:
            self.counts[what] += 1


def _type(loaded: Loaded, wanted: Wanted) -> str:
    return loaded.content_type or wanted.content_type


def _entry(loaded: Loaded, wanted: Wanted, source: Source) -> Entry:
    born, times = now(), loaded.times or wanted.times
    fresh_until = born + times.fresh_seconds if times is not None and loaded.shared else born
    tags = (*wanted.tags, *loaded.tags)
    return Entry(
        loaded.body, _type(loaded, wanted), "", tags, source, born, fresh_until, shared=loaded.shared
    )
