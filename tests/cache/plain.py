"""The cache's store as a plain model: one namespace, dicts, no bytes. Beside the scripts, step by step.

What it tells the feed it appends to ``told``. Its questions are plain functions, for the model test plays
hundreds of thousands of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cache.answers import Stored, Superseded
from cache.entry import Content, Entry, entry_of
from cache.policy import Times
from cache.store import Asked, Seen

SPACE = "t:n"


@dataclass(slots=True)
class PlainStore:
    now_ms: int
    told: list[tuple[str, int, str]] = field(default_factory=list)
    """Kind, stamp and name."""
    clock: int = 0
    hard: int = 0
    soft: int = 0
    hard_tags: dict[str, int] = field(default_factory=dict)
    soft_tags: dict[str, int] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    leases: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Token and end."""
    opened: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Since which stamp, and until when, everybody may load."""

    def _tick(self) -> int:
        self.clock = max(self.clock + 1, self.now_ms * 1000)
        return self.clock

    def _settle(self) -> None:
        if not self.clock:
            self.hard = self._tick()
            self.told.append(("n", self.hard, ""))

    def lookup(self, key: str) -> Seen:
        entry = self.entries.get(key)
        if entry is None:
            return Seen("none")
        tags = entry.content.tags
        if self.hard > entry.stamp:
            return Seen("namespace-purged")
        if any(self.hard_tags.get(tag, 0) > entry.stamp for tag in tags):
            return Seen("tag-purged")
        softened = max([self.soft, *(self.soft_tags.get(tag, 0) for tag in tags)])
        if softened > entry.stamp:
            entry = _sooner(entry, max(0, entry.soft_ms - softened // 1000))
        ends = {
            "fresh": entry.soft_ms,
            "stale": entry.hard_ms,
            "spare": entry.error_ms,
            "kept": entry.keep_ms,
        }
        verdict = next((word for word, end in ends.items() if self.now_ms < end), "expired")
        return Seen(verdict, None if verdict == "expired" else entry)

    def _lease(self, key: str) -> tuple[int, int]:
        token, ends = self.leases.get(key, (0, 0))
        alive = ends > self.now_ms and token >= self.hard and token >= self.soft
        return (token, ends) if alive else (0, 0)

    def _open(self, key: str) -> tuple[int, int]:
        since, until = self.opened.get(key, (0, 0))
        return (since, until) if until > self.now_ms else (0, 0)

    def lease(self, key: str, lease_ms: int, *, early: bool = False) -> Asked:
        self._settle()
        seen = self.lookup(key)
        if seen.verdict == "fresh" and not early:
            return Asked(self.now_ms, seen)
        _, until = self._open(key)
        if until:
            return Asked(self.now_ms, seen, self._tick(), 0, until)
        token, ends = self._lease(key)
        if token:
            return Asked(self.now_ms, seen, 0, ends)
        token = self._tick()
        self.leases[key] = token, self.now_ms + lease_ms
        self.opened.pop(key, None)
        return Asked(self.now_ms, seen, token)

    def hold(self, key: str, token: int, lease_ms: int, *, open_ms: int = 0) -> bool:
        self._settle()
        if self._open(key)[1] or not token or self._lease(key)[0] != token:
            return False
        if lease_ms:
            self.leases[key] = token, self.now_ms + lease_ms
            return True
        del self.leases[key]
        if open_ms:
            self.opened[key] = self._tick(), self.now_ms + open_ms
        self.told.append(("r", token, key))
        return True

    def fill(
        self, key: str, token: int | None, content: Content, times: Times, cost_ms: int = 0
    ) -> Stored | Superseded:
        self._settle()
        if token is not None:
            since, until = self._open(key)
            held = (since < token) if until else self._lease(key)[0] == token
            purges = [self.hard, self.soft]
            purges += [of.get(tag, 0) for of in (self.hard_tags, self.soft_tags) for tag in content.tags]
            if not held or max(purges) > token:
                if not until and self._lease(key)[0] == token:
                    del self.leases[key]
                    self.told.append(("r", token, key))
                return Superseded()
        stamp = self._tick() if token is None else token
        self.entries[key] = entry_of(content, times, self.now_ms, stamp, cost_ms)
        self._free(key)
        self.told.append(("p" if token is None else "f", stamp, key))
        return Stored(self.now_ms, stamp)

    def purge(
        self, keys: Sequence[str], tags: Sequence[str], *, everything: bool = False, soft: bool = False
    ) -> tuple[int, int]:
        self._settle()
        stamp, found = self._tick(), 0
        for key in keys:
            found += self._purge_key(key, soft)
            self.told.append(("k", stamp, key))
        for tag in tags:
            (self.soft_tags if soft else self.hard_tags)[tag] = stamp
            self.told.append(("t", stamp, tag))
        if everything:
            self.soft, self.hard = (stamp, self.hard) if soft else (self.soft, stamp)
            self.told.append(("n", stamp, ""))
        return stamp, found

    def _purge_key(self, key: str, soft: bool) -> bool:
        entry, living = self.entries.get(key), self.lookup(key).entry is not None
        if entry is not None and soft:
            self.entries[key] = _sooner(entry, max(0, entry.soft_ms - self.now_ms))
        elif entry is not None:
            del self.entries[key]
        self._free(key)
        return living

    def _free(self, key: str) -> None:
        self.leases.pop(key, None)
        self.opened.pop(key, None)


def _sooner(entry: Entry, by_ms: int) -> Entry:
    soft, hard = entry.soft_ms - by_ms, entry.hard_ms - by_ms
    error, keep = entry.error_ms - by_ms, entry.keep_ms - by_ms
    return Entry(entry.content, entry.born_ms, soft, hard, error, keep, entry.stamp, entry.cost_ms)
