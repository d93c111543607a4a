"""The keys that are asked for most, over all workers of this machine: each writes what it knows every while.

A key may name a person, so they stand in files for the owner alone and in no metric.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

WRITE_PERIOD_SECONDS = 2.0
STALE_SECONDS = 20.0
"""A worker that has not written for so long is no more."""
KEYS_WRITTEN_MAX = 200

_log = structlog.get_logger("sadd.caching")


class HotKey(msgspec.Struct, frozen=True):
    """Hits of a worker's memory since the key is there. ``namespace`` is ``agency:namespace``."""

    namespace: str
    key: str
    hits: int


class Hot(msgspec.Struct, frozen=True):
    """The most asked first. ``at`` is seconds since the epoch."""

    at: float = 0.0
    keys: tuple[HotKey, ...] = ()


class Cache(Protocol):
    """What is asked of the engine."""

    def hot(self, count: int) -> list[tuple[str, str, int]]: ...


class HotKeys:
    """Of one worker. ``folder`` holds the files of all, ``slot`` is our number among them."""

    def __init__(
        self, cache: Cache, folder: Path, slot: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._cache = cache
        self._own = folder / f"{slot}.json"
        self._clock = clock

    async def run(self, period_seconds: float = WRITE_PERIOD_SECONDS) -> None:
        """Write our file every period until cancelled. A full disk ends nothing."""
        while True:
            try:
                await asyncio.to_thread(_write, self._own, self.own())
            except OSError as error:
                _log.warning("the hottest keys cannot be written", error=repr(error))
            await asyncio.sleep(period_seconds)

    def own(self) -> Hot:
        """What this worker knows."""
        return Hot(self._clock(), tuple(HotKey(*one) for one in self._cache.hot(KEYS_WRITTEN_MAX)))


def read(folder: Path, now: float) -> Hot:
    """What the workers that write into ``folder`` know. Without any, nothing."""
    sums: Counter[tuple[str, str]] = Counter()
    at = 0.0
    for one in _live(folder, now):
        at = max(at, one.at)
        for key in one.keys:
            sums[key.namespace, key.key] += key.hits
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return Hot(at, tuple(HotKey(namespace, key, hits) for (namespace, key), hits in ordered))


def _write(path: Path, hot: Hot) -> None:
    """As a whole: a reader, or a kill, never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.encode(hot))
    fresh.replace(path)


def _live(folder: Path, now: float) -> Iterator[Hot]:
    for path in sorted(folder.glob("*.json")):
        try:
            hot = msgspec.json.decode(path.read_bytes(), type=Hot)
        except (OSError, ValueError):  # it has just gone, or another version wrote it
            continue
        if hot.at >= now - STALE_SECONDS:
            yield hot
