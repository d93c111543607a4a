"""What each worker costs: memory, CPU, and how late its event loop runs."""

import asyncio
import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path

from sadd.telemetry.family import Family, Sample, Samples
from sadd.telemetry.histogram import Histogram
from sadd.version import __version__

LAG_PERIOD_SECONDS = 0.25

_WORKER = ("worker",)
_RSS = Family("sadd_worker_resident_bytes", "Resident memory of each worker.", "gauge", _WORKER)
_CPU = Family("sadd_worker_cpu_seconds", "CPU seconds of each worker.", "counter", _WORKER)
_LAG = Family(
    "sadd_worker_loop_lag_seconds", "How late the event loop of each worker woke up.", "histogram", _WORKER
)
_WORKERS = Family("sadd_workers", "Workers that are alive.", "gauge")
_BUILD = Family("sadd_build_info", "The version that runs.", "gauge", ("version", "python"), combine="max")

_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ProcessMeter:
    """A source of one worker's own cost. ``watch`` measures the loop while it runs."""

    def __init__(self, slot: int) -> None:
        self._labels = (str(slot),)
        self._lag = Histogram()

    async def watch(self, period_seconds: float = LAG_PERIOD_SECONDS) -> None:
        """Sleep and see how much longer it took, until cancelled."""
        while True:
            due = time.perf_counter() + period_seconds
            await asyncio.sleep(period_seconds)
            self._lag.observe(max(0.0, time.perf_counter() - due))

    def read(self) -> Iterable[tuple[Family, Samples]]:
        yield _RSS, {self._labels: Sample(resident_bytes())}
        yield _CPU, {self._labels: Sample(round(time.process_time(), 3))}
        yield _LAG, {self._labels: Sample(self._lag.sum_seconds, tuple(self._lag.counts))}
        yield _WORKERS, {(): Sample(1)}
        yield _BUILD, {(__version__, platform.python_version()): Sample(1)}


def resident_bytes() -> int:
    """Resident memory of this process; 0 where there is no /proc."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
