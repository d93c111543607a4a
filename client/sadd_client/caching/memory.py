"""The memory of this process: it answers what is certainly not older than the bound, or is silent."""

from sadd_client.caching.entry import Entry
from sadd_client.caching.feed import Feed
from sadd_client.caching.shelf import USES_MAX, Held, Shelf
from sadd_client.clock import now
from sadd_client.pool import Pool
from sadd_client.ports import Io


class Memory:
    """``bytes_max`` 0: there is none, and nobody listens."""

    def __init__(
        self,
        pool: Pool,
        io: Io,
        path: str,
        deadline_seconds: float,
        bytes_max: int,
        bound_seconds: float,
    ) -> None:
        if bytes_max < 0 or not 0 < bound_seconds <= 60:
            raise ValueError("memory_bytes_max is from 0, stale_bound_seconds above 0 and at most 60")
        self.hits = 0
        self._bytes_max = bytes_max
        self.shelf = Shelf(bytes_max)
        self.feed = Feed(pool, io, path, deadline_seconds, bound_seconds, self._drop)
        self._items = self.shelf.items
        self._proof, self._bumps = self.feed.proof, self.feed.bumps

    def known(self, key: str) -> Entry | None:
        """What is here, fresh, and was valid less than the bound ago. With threads within the mutex."""
        held = self._items.get(key)
        if held is None:
            return None
        at = now()
        if at >= self._proof.until or at >= held.entry.fresh_until:
            return None
        if held.checked != self._bumps.position and not self._still(key, held):
            return None
        if held.uses < USES_MAX:
            held.uses += 1
        self.hits += 1
        return held.entry

    def position(self) -> int:
        """To be taken before asking for what shall be kept. The first one begins to listen."""
        if self._bytes_max:
            self.feed.begin()
        return self._bumps.position

    def keep(self, key: str, entry: Entry, position: int) -> None:
        """Unless it became invalid since ``position``."""
        if not self._bytes_max or entry.source != "cache":
            return
        with self.feed.mutex:
            if not self._bumps.moved(position, key, entry.tags):
                self.shelf.put(key, _remembered(entry), position)

    def proven(self) -> bool:
        return now() < self._proof.until

    def _still(self, key: str, held: Held) -> bool:
        if self._bumps.moved(held.position, key, held.entry.tags):
            self.shelf.drop(key)
            return False
        held.checked = self._bumps.position
        return True

    def _drop(self, key: str | None) -> None:
        if key is None:
            self.shelf.clear()
        else:
            self.shelf.drop(key)


def _remembered(entry: Entry) -> Entry:
    return Entry(
        entry.body, entry.content_type, entry.etag, entry.tags, "memory", entry.born, entry.fresh_until
    )
