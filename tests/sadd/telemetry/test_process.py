"""What a worker costs."""

import asyncio
import time

from sadd.telemetry.process import ProcessMeter, resident_bytes
from tests.waiting import eventually


async def test_a_blocked_loop_is_seen() -> None:
    """A call that blocks for 0.2 s is a lag of about that."""
    meter = ProcessMeter(3)
    watching = asyncio.create_task(meter.watch(period_seconds=0.02))

    def lag() -> tuple[int, float]:
        sample = next(samples[("3",)] for family, samples in meter.read() if "lag" in family.name)
        return sum(sample.counts), float(sample.value)

    await eventually(lambda: lag()[0] > 0)
    before = lag()[1]
    blocked_until = time.monotonic() + 0.2
    while time.monotonic() < blocked_until:
        pass
    assert await eventually(lambda: lag()[1] - before > 0.1)
    watching.cancel()


def test_memory_is_that_of_this_process() -> None:
    """Python alone is more than a few megabytes."""
    assert resident_bytes() > 5_000_000
