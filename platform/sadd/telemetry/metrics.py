"""All metrics of the platform: the sources of this worker, and the sum over all workers."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from sadd.telemetry.exposition import Page, render
from sadd.telemetry.family import Combine, Family, Labels, Sample, Samples, Source, merged
from sadd.telemetry.snapshot import Slots, Snapshot
from sadd.telemetry.stats import stats_source

WRITE_PERIOD_SECONDS = 1.0
STALE_SECONDS = 10.0
"""Gauges of a worker that has not written for so long are those of the dead."""

_log = structlog.get_logger("sadd.telemetry")

Readings = dict[str, tuple[Family, dict[Labels, Sample]]]


class Metrics:
    """The sources of one worker, its file, and the page for Prometheus.

    ``folder`` holds the files of all workers of this machine and ``slot`` is our number among them;
    no two live workers share one. Counters go on from what the slot's last worker wrote.
    """

    def __init__(self, folder: Path, slot: int, *, clock: Callable[[], float] = time.time) -> None:
        self._slots = Slots(folder, slot)
        self._clock = clock
        self._before = self._slots.own()
        self._sources: list[Source] = []
        self._failed: set[Source] = set()  # each is logged once
        self._turns = itertools.count(1)

    def add(self, source: Source) -> None:
        self._sources.append(source)

    def register(
        self,
        prefix: str,
        stats: Callable[[], Any],
        *,
        gauges: Mapping[str, Combine] | None = None,
        labels: Mapping[str, str] | None = None,
        help_of: Mapping[str, str] | None = None,
    ) -> None:
        """Show a ``stats()`` dataclass of counters under ``prefix``; see ``stats_source``."""
        self.add(stats_source(prefix, stats, gauges=gauges, labels=labels, help_of=help_of))

    async def run(self, period_seconds: float = WRITE_PERIOD_SECONDS) -> None:
        """Write this worker's file every period until cancelled, and once more then."""
        try:
            while True:
                with _logged():
                    await self.write()
                await asyncio.sleep(period_seconds)
        finally:
            with _logged():
                self._slots.write(self._snapshot(self._read()), next(self._turns))

    async def page(self, accept: str) -> Page:
        """The text for a scrape, over all workers, in the format that ``accept`` prefers."""
        readings = await self.write()
        others = await asyncio.to_thread(lambda: list(self._slots.others()))
        return await render(self._summed(readings, others), accept)

    async def write(self) -> Readings:
        """Write this worker's file; returns the very readings that are in it."""
        readings = self._read()
        # In a thread: a rename can wait for the disk's journal, and the stores keep that busy.
        await asyncio.to_thread(self._slots.write, self._snapshot(readings), next(self._turns))
        return readings

    def _read(self) -> Readings:
        """Live values, with what earlier workers of this slot counted."""
        readings: Readings = {}
        for source in self._sources:
            for family, samples in self._ask(source):
                before = {} if family.kind == "gauge" else self._before.samples(family.name, gauge=False)
                known = readings[family.name][1] if family.name in readings else {}
                readings[family.name] = family, merged(family, merged(family, samples, before), known)
        return readings

    def _ask(self, source: Source) -> list[tuple[Family, Samples]]:
        """What the source says. One that fails must not take the others' numbers away."""
        try:
            return list(source())
        except Exception as error:
            if source not in self._failed:
                self._failed.add(source)
                _log.error("a source of metrics fails", error=repr(error))
            return []

    def _snapshot(self, readings: Readings) -> Snapshot:
        # Totals of families that nobody has registered (yet) are carried on as they were.
        totals = dict(self._before.totals)
        gauges: dict[str, list[tuple[Labels, Sample]]] = {}
        for name, (family, samples) in readings.items():
            (gauges if family.kind == "gauge" else totals)[name] = list(samples.items())
        return Snapshot(self._clock(), totals, gauges)

    def _summed(self, readings: Readings, others: list[Snapshot]) -> Readings:
        alive_since = self._clock() - STALE_SECONDS
        summed: Readings = {}
        for name, (family, samples) in readings.items():
            gauge = family.kind == "gauge"
            for other in others:
                if not gauge or other.written_at >= alive_since:
                    samples = merged(family, samples, other.samples(name, gauge=gauge))
            summed[name] = family, samples
        return summed


@contextmanager
def _logged() -> Iterator[None]:
    """A full disk must not end a worker."""
    try:
        yield
    except Exception as error:
        _log.warning("this worker's counters cannot be written", error=repr(error))
