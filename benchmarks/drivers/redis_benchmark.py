"""redis-benchmark: what the store alone does with a script, nothing of ours in between."""

import shutil
import subprocess
from collections.abc import Sequence

from benchmarks.drivers.asked import KEYS
from benchmarks.drivers.outcome import Outcome, children_cpu_seconds

ABSENT = "redis-benchmark is absent (Debian: apt-get install redis-tools): goals against it are not measured."


def present() -> bool:
    return shutil.which("redis-benchmark") is not None


def run(port: int, command: Sequence[str], calls: int, connections: int, pipeline: int) -> Outcome:
    """``__rand_int__`` in a word of the command becomes one of 100,000 numbers of 12 digits."""
    words = f"redis-benchmark -p {port} -c {connections} -P {pipeline} -n {calls} -r {KEYS} --csv".split()
    before = children_cpu_seconds()
    done = subprocess.run([*words, *command], check=True, capture_output=True, text=True)
    return parse(done.stdout, calls, children_cpu_seconds() - before)


def parse(said: str, calls: int, cpu_seconds: float) -> Outcome:
    """Its own rate, not our clock: ours would charge it for starting up."""
    header, row = (line.strip('"').split('","') for line in said.strip().splitlines()[-2:])
    told = dict(zip(header, row, strict=True))
    rate, p50, p99 = (float(told[name]) for name in ("rps", "p50_latency_ms", "p99_latency_ms"))
    return Outcome(calls, calls / rate, cpu_seconds, calls, p50, p99)
