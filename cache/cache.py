"""The cache: entries of opaque bytes, one load for all who miss, and nothing older than the last purge.

It shrugs. When the store is away every look-up is a miss, which is counted and says why, so that callers go
on to their origin. A put or a purge raises StoreUnavailable instead: whoever purges must know that the old
entry may still be served.
"""

import asyncio
import time
from collections.abc import Sequence

from cache.answers import Busy, Explained, Full, Lease, Loaded, Miss, Stored, Superseded, Usage
from cache.decide import Lead, Refuse, Serve, ServeAndRefresh, Wait, Wanted, decide
from cache.entry import Content, Entry, check_tag
from cache.gathering import Gathering
from cache.loading import Load, Loading
from cache.near import Near
from cache.notice import EVERYTHING, FILLED, KEY, RELEASED, TAG
from cache.policy import Times
from cache.questions import Questions
from cache.space import Space
from cache.stats import CacheStats, Counters, RecentMost
from cache.store import Seen, Store, StoreUnavailable

BATCH_MAX = 1_000
LEASE_MS_MAX = 60_000
PURGES_MAX = 1_000


class TooLarge(Exception):
    """The body is above the bound for one entry."""

    def __init__(self, size: int, bound: int) -> None:
        super().__init__(f"{size} bytes, {bound} are allowed")
        self.bound = bound


class Cache:
    """Entries on one store, with a memory of this worker in front (``near``; without: none).

    It listens to the feed: ``heard``, ``lost`` and ``told`` are for whoever carries it.
    """

    def __init__(self, store: Store, *, near: Near | None = None) -> None:
        self._store = store
        self._near = near or Near(0)
        self._clock = self._near.clock
        self._counters = Counters()
        self._questions = Questions(store, self._near, self._clock, self._counters)
        self._gathering = Gathering(self._questions.lookup)
        self._loading = Loading(self._questions, self._clock, self._counters)
        self._notice_age = RecentMost()
        self.now_ms = self._clock.now_ms
        """The store's clock as this process knows it; what an entry's ages are asked with."""
        self.known = self._near.get
        """The fresh entry in this worker's memory, while it is proven that nothing purged it. Never waits.

        It is the memory's own method: a call less on the hottest path.
        """

    async def aclose(self) -> None:
        """Ends the loads under way; their callers get LoadEnded."""
        await self._gathering.aclose()
        await self._loading.aclose()

    # -- reading -------------------------------------------------------------

    async def get(
        self, space: Space, key: str, *, may_be_stale: bool = True, local: bool = True
    ) -> Entry | Miss:
        """The entry, or why there is none. Never raises for a store that is away.

        Without ``local`` the store answers and not this worker's memory.
        """
        entry = self.known(space, key) if local else None
        if entry is not None:
            return entry
        try:
            seen = await self._gathering.ask(space, key)
        except StoreUnavailable:
            return self._unknown()
        return self._judged(seen, may_be_stale)

    async def get_many(
        self, space: Space, keys: Sequence[str], *, may_be_stale: bool = True, local: bool = True
    ) -> list[Entry | Miss]:
        """``get`` for up to BATCH_MAX keys, in their order, in one trip for those that are not known here."""
        _check_count(len(keys))
        found: dict[str, Entry | Miss] = {}
        for key in keys:
            entry = self.known(space, key) if local else None
            if entry is not None:
                found[key] = entry
        asked = [key for key in dict.fromkeys(keys) if key not in found]
        if asked:
            found |= await self._asked(space, asked, may_be_stale)
        return [found[key] for key in keys]

    async def _asked(self, space: Space, keys: Sequence[str], may_be_stale: bool) -> dict[str, Entry | Miss]:
        try:
            seen, _ = await self._questions.lookup(space, keys)
        except StoreUnavailable:
            return {key: self._unknown() for key in keys}
        return {key: self._judged(one, may_be_stale) for key, one in zip(keys, seen, strict=True)}

    def _unknown(self) -> Miss:
        self._counters.unavailable += 1
        self._counters.misses += 1
        return Miss(store_away=True, why="store-away")

    def _judged(self, seen: Seen, may_be_stale: bool) -> Entry | Miss:
        counters = self._counters
        served = ("fresh", "stale") if may_be_stale else ("fresh",)
        if seen.entry is None or seen.verdict not in served:
            counters.misses += 1
            return Miss(why=seen.verdict)
        counters.hits += 1
        counters.stale_hits += seen.verdict == "stale"
        return seen.entry

    async def get_or_lease(
        self,
        space: Space,
        key: str,
        *,
        wait_ms: int = 0,
        stale: bool = True,
        lease_ms: int | None = None,
        local: bool = True,
    ) -> Entry | Lease | Busy:
        """The entry; or the right to load it, for one caller in the fleet; or Busy after ``wait_ms``.

        With a stale entry that may be served (``stale``): one caller gets a Lease that carries it, the others
        the entry. The lease ends after ``lease_ms`` (the namespace's, LEASE_MS_MAX at most); ``renew`` it in
        time. Raises StoreUnavailable.
        """
        lasts_ms = min(lease_ms or space.lease_ms, LEASE_MS_MAX)
        until = time.monotonic() + wait_ms / 1000
        while True:
            entry = self.known(space, key) if local else None
            if entry is not None:
                return entry
            with self._questions.watch(space, key) as watch:
                found, now = await self._questions.lease(space, key, lease_ms=lasts_ms)
                left_ms = int((until - time.monotonic()) * 1000)
                match decide(found, now, Wanted(stale, wait_until_ms=now + left_ms)):
                    case Wait(until_ms):
                        self._counters.waits += 1
                        await watch.wait(until_ms - now)
                    case Refuse(retry_after_ms):
                        self._counters.busy += 1
                        return Busy(retry_after_ms)
                    case Serve(entry):
                        self._counters.hits += 1
                        self._counters.stale_hits += now >= entry.soft_ms
                        return entry
                    case ServeAndRefresh(entry, token):
                        return Lease(token, lasts_ms, stale=entry)
                    case Lead(token, shared, kept):
                        self._counters.misses += 1
                        return Lease(token, lasts_ms, shared, kept)

    # -- writing -------------------------------------------------------------

    async def put(self, space: Space, key: str, content: Content, times: Times) -> Stored | Full:
        """Keep the content, whatever was there; loads under way for the key are void.

        Raises TooLarge and StoreUnavailable.
        """
        _check_size(space, content)
        answer = await self._questions.fill(space, key, None, content, space.drawn(key, times))
        assert not isinstance(answer, Superseded), "a put has no lease to lose"
        self._counters.puts += isinstance(answer, Stored)
        return answer

    async def put_many(
        self, space: Space, entries: Sequence[tuple[str, Content, Times]]
    ) -> list[Stored | Full | StoreUnavailable]:
        """``put`` for up to BATCH_MAX keys, each by itself. Raises TooLarge before any went."""
        _check_count(len(entries))
        for _, content, _ in entries:
            _check_size(space, content)
        puts = (self.put(space, key, content, times) for key, content, times in entries)
        answers = await asyncio.gather(*puts, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, StoreUnavailable):
                raise answer
        return [one for one in answers if isinstance(one, Stored | Full | StoreUnavailable)]

    async def fill(
        self, space: Space, key: str, token: int, content: Content, times: Times, *, cost_ms: int = 0
    ) -> Stored | Superseded | Full:
        """Keep what was loaded under a lease, unless something was purged since it was granted.

        Raises TooLarge and StoreUnavailable.
        """
        _check_size(space, content)
        return await self._questions.fill(space, key, token, content, space.drawn(key, times), cost_ms)

    async def renew(self, space: Space, key: str, token: int, lease_ms: int) -> bool:
        """The lease ends ``lease_ms`` from now; False when it is not the holder's any more.

        Raises StoreUnavailable.
        """
        return await self._store.hold(space, key, token, min(lease_ms, LEASE_MS_MAX))

    async def release(self, space: Space, key: str, token: int, *, uncacheable_for_ms: int = 0) -> bool:
        """Give the lease back without an entry: waiters ask again at once. False when it was lost before.

        With ``uncacheable_for_ms`` whoever asks in that time may load, and nobody waits for anybody.
        Raises StoreUnavailable.
        """
        self._counters.uncacheable += uncacheable_for_ms > 0
        return await self._store.hold(space, key, token, 0, open_ms=uncacheable_for_ms)

    async def delete(self, space: Space, key: str) -> bool:
        """End the entry; True if there was one. Raises StoreUnavailable."""
        found = await self._purged(space, (key,))
        self._counters.deletes += 1
        return bool(found)

    async def purge(
        self,
        space: Space,
        *,
        keys: Sequence[str] = (),
        tags: Sequence[str] = (),
        everything: bool = False,
        soft: bool = False,
    ) -> int:
        """End what carries a key, a tag, or all of the namespace, in one step; loads under way become void.

        ``soft``: it becomes stale instead, to be served by leave of its times while one caller loads anew.
        Returns how many entries were found by key: what tags and the whole namespace end is not counted, it
        costs the same for one entry and for a million. At most PURGES_MAX names. Raises StoreUnavailable.
        """
        if len(keys) + len(tags) > PURGES_MAX:
            raise ValueError(f"at most {PURGES_MAX} keys and tags are purged at once")
        for tag in tags:
            check_tag(tag)
        found = await self._purged(space, keys, tags, everything=everything, soft=soft)
        self._counters.purges += len(keys) + len(tags) + everything
        return found

    async def _purged(
        self,
        space: Space,
        keys: Sequence[str],
        tags: Sequence[str] = (),
        *,
        everything: bool = False,
        soft: bool = False,
    ) -> int:
        stamp, found = await self._store.purge(space, keys, tags, everything=everything, soft=soft)
        for kind, names in ((KEY, keys), (TAG, tags), (EVERYTHING, ("",) * everything)):
            for name in names:
                self._near.purged(space.name, kind, name, stamp)
        return found

    # -- loading -------------------------------------------------------------

    async def get_or_load(
        self,
        space: Space,
        key: str,
        load: Load,
        *,
        patience_ms: int,
        stale: bool = True,
        finish: bool = True,
    ) -> Entry | Loaded | Busy:
        """The entry, loaded by one caller in the fleet if need be.

        ``load`` gets the entry that there was, to validate it, or None; it runs in a task of its own: who is
        cancelled harms no other. With ``finish`` it is completed for the cache even when no caller is
        left; without, it is cancelled then. An entry may be stale where its times allow it and the caller
        does; one load follows in the background. A ``Loaded`` is what cannot be shared and comes from this
        caller's own load. ``Busy`` comes after ``patience_ms``; the load goes on. When ``load`` raises, its
        waiters in this process get the error, or the stale entry where ``stale-if-error`` allows it. While
        the store is away it loads once at a time in this process.
        """
        entry = self.known(space, key)
        if entry is not None:
            if entry.soft_ms == entry.hard_ms:  # else stale time does what early loads are for
                self._loading.refresh_early(space, key, load, entry)
            return entry
        return await self._loading.get(space, key, load, patience_ms=patience_ms, stale=stale, finish=finish)

    # -- the feed ------------------------------------------------------------

    def heard(self, said: bytes) -> None:
        """A notice of the feed came."""
        notice = self._near.heard(said)
        if notice is not None and notice.kind not in (FILLED, RELEASED):  # whose stamp is when a load began
            now_ms = self.now_ms()
            self._notice_age.note(max(0, now_ms - notice.stamp // 1000), now_ms)

    def lost(self) -> None:
        """Notices may have been missed."""
        self._near.lost()

    def told(self, store_ms: int, asked_at: float) -> None:
        """The store told its time to what was sent at ``asked_at`` (monotonic seconds)."""
        self._clock.told(store_ms, asked_at)

    # -- looking in ----------------------------------------------------------

    def stats(self) -> CacheStats:
        near, held = self._near, self._near.held
        counted = {name: getattr(self._counters, name) for name in Counters.__slots__}
        counted["hits"] += near.hits
        return CacheStats(
            **counted,
            near_hits=near.hits,
            collapsed=self._loading.flights.joined,
            notices=near.notices,
            feed_gaps=near.gaps,
            feed_losses=near.losses,
            near_evictions=held.evicted,
            near_discarded=near.discarded,
            near_bytes=held.bytes_used,
            near_bytes_max=held.bytes_max,
            near_entries=len(held),
            loading=len(self._loading.flights),
            invalidation_age_ms=self._notice_age.most(self.now_ms()),
            feed_proven=int(near.proven),
        )

    def hot(self, count: int) -> list[tuple[str, str, int]]:
        """(``tenant:namespace``, key, hits) of what this worker's memory was asked for most, most first."""
        return self._near.hot(count)

    async def explain(self, space: Space, key: str) -> Explained:
        """Why the next look-up is a hit or a miss. Changes nothing; never raises for a store that is away."""
        near = self._near.peek(space, key)
        try:
            asked = await self._store.peek(space, key)
        except StoreUnavailable:
            return Explained("store-away", near, feed_proven=self._near.proven)
        return Explained(
            asked.seen.verdict,
            near,
            asked.seen.entry,
            asked.now_ms,
            max(0, asked.ends_ms - asked.now_ms),
            max(0, asked.open_until_ms - asked.now_ms),
            self._near.proven,
        )

    async def usage(self, space: Space) -> Usage:
        """What the namespace holds. Raises StoreUnavailable."""
        return await self._store.usage(space)


def _check_size(space: Space, content: Content) -> None:
    if len(content.body) > space.body_bytes_max:
        raise TooLarge(len(content.body), space.body_bytes_max)


def _check_count(count: int) -> None:
    if count > BATCH_MAX:
        raise ValueError(f"at most {BATCH_MAX} keys are asked for at once")
