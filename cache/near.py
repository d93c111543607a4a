"""The memory of one worker in front of the store. It answers fresh and proven, or not at all.

::

    feed:    ... k(7) ... t(9) .......... canary sent at T came back
                  |        |                        |
    purges:   {(space, "k", key): 7, (space, "t", tag): 9}      proven until T + bound
    node:     entry with stamp 8 and its tags: served iff no purge of its names is later, and it is proven

A purge is one note in a table, whatever it ends; the table is looked at when an entry is. An entry that was
read before something was missed or forgotten is never taken: ``position`` says how far the feed was.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, TypeAlias

from cache.clock import StoreClock
from cache.entry import Entry
from cache.notice import EVERYTHING, KEY, RELEASED, TAG, Notice
from cache.s3fifo import Node, S3Fifo
from cache.space import Space

NEAR_BYTES_MAX = 67_108_864
PURGES_MAX = 65_536
NONE = (0, 0)
ENTRY_OVERHEAD_BYTES, TAG_OVERHEAD_BYTES = 950, 75
"""Objects around the bytes: entry, content, times, validator, node, three places in tables; and for each tag.
Measured with tracemalloc, Python 3.11: 20,000 entries of 140 bytes took 1,060 each, with three tags 1,300."""

Place: TypeAlias = tuple[str, str]
"""``tenant:namespace`` and key."""


class Proof(Protocol):
    """Until when (monotonic seconds) it is proven that nothing of the feed was missed."""

    proven_until: float


class Never:
    """No feed: nothing is ever proven."""

    proven_until = float("-inf")


class Near:
    """Entries in memory, at most ``bytes_max`` of them with what is around them."""

    def __init__(
        self,
        bytes_max: int = NEAR_BYTES_MAX,
        proof: Proof | None = None,
        clock: StoreClock | None = None,
        *,
        purges_max: int = PURGES_MAX,
    ) -> None:
        self.held: S3Fifo[Place, Entry] = S3Fifo(bytes_max)
        self._nodes = self.held.nodes
        self._proof: Proof = proof or Never()
        self.clock = clock or StoreClock()
        self._monotonic = self.clock.monotonic
        self._purges_max = purges_max
        self._purges: OrderedDict[tuple[str, str, str], tuple[int, int]] = OrderedDict()
        """Stamp of the last purge of each name, and where the feed was then; the oldest first."""
        self._numbers: dict[str, int] = {}
        self._waiting: dict[Place, list[Callable[[], None]]] = {}
        self.position = 0
        """Of the feed: how much was noted. An entry is kept with the position at which it was asked for."""
        self._floor = 0
        """Of what came before this position something was missed or forgotten."""
        self.hits = self.notices = self.gaps = self.losses = self.discarded = 0

    # -- reading -------------------------------------------------------------

    @property
    def proven(self) -> bool:
        return self._monotonic() < self._proof.proven_until

    def get(self, space: Space, key: str) -> Entry | None:
        """The fresh entry, if it is proven that nothing purged it.

        It is the hottest path, so nothing is called that need not be.
        """
        node = self._nodes.get((space.name, key))
        if node is None:
            return None
        now = self._monotonic()
        entry = node.value
        if now >= self._proof.proven_until or now * 1000.0 + self.clock.ahead_ms >= entry.soft_ms:
            return None
        # A node whose mark is the position was looked at since the last notice of any kind.
        if node.mark != self.position and not self._stands(space.name, key, node):
            return None
        node.hits += 1
        self.hits += 1
        return entry

    def peek(self, space: Space, key: str) -> bool:
        """Whether ``get`` would give an entry; counts nothing."""
        node = self._nodes.get((space.name, key))
        return (
            node is not None
            and self.proven
            and self.clock.now_ms() < node.value.soft_ms
            and node.mark >= self._floor
            and not self._purged(space.name, key, node.value)
        )

    def _stands(self, space: str, key: str, node: Node[Entry]) -> bool:
        if node.mark < self._floor or self._purged(space, key, node.value):
            self.held.drop((space, key))
            self.discarded += 1
            return False
        node.mark = self.position
        return True

    def _purged(self, space: str, key: str, entry: Entry) -> bool:
        last, stamp = self._purges.get, entry.stamp
        if last((space, EVERYTHING, ""), NONE)[0] > stamp or last((space, KEY, key), NONE)[0] > stamp:
            return True
        return any(last((space, TAG, tag), NONE)[0] > stamp for tag in entry.content.tags)

    def hot(self, count: int) -> list[tuple[str, str, int]]:
        """Space, key and hits of what is asked for most."""
        most = heapq.nlargest(count, self._nodes.items(), key=lambda item: item[1].hits)
        return [(space, key, node.hits) for (space, key), node in most if node.hits]

    # -- keeping -------------------------------------------------------------

    def keep(self, space: Space, key: str, entry: Entry, position: int) -> bool:
        """Hold an entry that was asked for when the feed was at ``position``, unless it is overtaken."""
        if position < self._floor or self._purged(space.name, key, entry):
            self.discarded += 1
            return False
        node = self._nodes.get((space.name, key))
        if node is not None and node.value.stamp == entry.stamp:
            node.mark = self.position  # it is this one, and it stands
            return True
        content = entry.content
        size = ENTRY_OVERHEAD_BYTES + len(content.body) + len(content.meta) + len(key)
        size += sum(TAG_OVERHEAD_BYTES + len(tag) for tag in content.tags)
        return self.held.put((space.name, key), entry, size, self.position)

    # -- the feed ------------------------------------------------------------

    def heard(self, said: bytes) -> Notice | None:
        """A notice came; returns it, or None when it was none of ours."""
        try:
            notice = Notice.parsed(said)
        except ValueError:
            return None
        self.notices += 1
        self._count(notice)
        if notice.kind != RELEASED:
            kind = KEY if notice.about_key else notice.kind
            self.purged(notice.space, kind, notice.name, notice.stamp)
        if notice.about_key:
            self._wake(self._waiting.pop((notice.space, notice.name), ()))
        elif self._waiting:
            self._wake_all(notice.space)
        return notice

    def lost(self) -> None:
        """Notices may have been missed: nothing that was read before this moment counts."""
        self.losses += 1
        self._forget()

    def _forget(self) -> None:
        self.position += 1
        self._floor = self.position
        self.held.clear()
        self._purges.clear()
        self._numbers.clear()
        self._wake_all()

    def _count(self, notice: Notice) -> None:
        before = self._numbers.get(notice.space)
        if before is not None and notice.number > before + 1:
            self.gaps += 1
            self._forget()
        elif before is not None and notice.number <= before:
            return  # a cluster tells it on each connection
        elif len(self._numbers) >= self._purges_max:
            self._numbers.clear()
        self._numbers[notice.space] = notice.number

    def purged(self, space: str, kind: str, name: str, stamp: int) -> None:
        """Note a purge. Whoever purged does so himself: he must not be answered as if he had not."""
        if self._purges.get((space, kind, name), NONE)[0] >= stamp:
            return
        self.position += 1
        self._purges[space, kind, name] = (stamp, self.position)
        self._purges.move_to_end((space, kind, name))
        if kind == KEY:
            self._drop_older((space, name), stamp)
        if len(self._purges) > self._purges_max:
            _, (_, self._floor) = self._purges.popitem(last=False)

    def _drop_older(self, place: Place, stamp: int) -> None:
        node = self._nodes.get(place)
        if node is not None and node.value.stamp < stamp:
            self.held.drop(place)

    # -- waiting -------------------------------------------------------------

    def wake_at_notice(self, space: Space, key: str, wake: Callable[[], None]) -> Callable[[], None]:
        """Calls ``wake`` once when the feed tells of the key or of all; returns how to leave."""
        place = (space.name, key)
        self._waiting.setdefault(place, []).append(wake)

        def leave() -> None:
            waiting = self._waiting.get(place)
            if waiting is not None and wake in waiting:
                waiting.remove(wake)
                if not waiting:
                    del self._waiting[place]

        return leave

    def _wake_all(self, space: str | None = None) -> None:
        for place in [one for one in self._waiting if space is None or one[0] == space]:
            self._wake(self._waiting.pop(place))

    def _wake(self, waiting: "list[Callable[[], None]] | tuple[()]") -> None:
        for wake in waiting:
            wake()
