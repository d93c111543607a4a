"""Decisions in process: the SDK's limiter for asyncio, spending what it leases from a running platform.

python -m benchmarks.drivers.leaser < errand.json; prints an Outcome as JSON. Refusals are counted as failed.
"""

import asyncio
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

import msgspec
import uvloop

from benchmarks.drivers.asked import FIRST_KEY
from benchmarks.drivers.outcome import Outcome

if TYPE_CHECKING:
    from sadd_client import AsyncLimiter

ABSENT = "The SDK, sadd_client, is not installed: leased decisions are not measured."
KEYS = 10  # leases are for keys that are asked often
WARM_UP_SECONDS = 1.5  # until the leases are as large as the rate wants them
CALLS_A_TURN = 1_000
"""Of the event loop, so that leases are renewed meanwhile as beside a server's other work."""


class Errand(msgspec.Struct, frozen=True):
    url: str
    key: str
    policy: str
    seconds: float


def present() -> bool:
    return find_spec("sadd_client") is not None


def run(errand: Errand) -> Outcome:
    """In a process of its own."""
    words = [sys.executable, "-m", "benchmarks.drivers.leaser"]
    done = subprocess.run(words, input=msgspec.json.encode(errand), check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Outcome)


async def _spend(errand: Errand) -> Outcome:
    from sadd_client import AsyncClient  # late: the rest of the bench does without

    async with AsyncClient(errand.url, key=errand.key, on_loss="closed") as client:
        limiter = client.limiter(errand.policy)
        warm, refused_warm = await _ask(limiter, WARM_UP_SECONDS)
        clock, cpu = time.perf_counter(), time.process_time()
        passed, refused = await _ask(limiter, errand.seconds)
        seconds, cpu = time.perf_counter() - clock, time.process_time() - cpu
    everything = warm + refused_warm + passed + refused
    return Outcome(passed + refused, seconds, cpu, everything, failed=refused)


async def _ask(limiter: "AsyncLimiter", seconds: float) -> tuple[int, int]:
    """How many passed, and how many did not."""
    keys = [str(FIRST_KEY + number) for number in range(KEYS)]
    allow, passed, asked = limiter.allow, 0, 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for _ in range(CALLS_A_TURN // KEYS):
            for key in keys:
                passed += await allow(key)
        asked += CALLS_A_TURN // KEYS * KEYS
        await asyncio.sleep(0)
    return passed, asked - passed


def main() -> None:
    errand = msgspec.json.decode(sys.stdin.buffer.read(), type=Errand)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_spend(errand))))


if __name__ == "__main__":
    main()
