"""What a look at an ``Authorization`` header costs: ``python -m benchmarks.bench_identity [--json]``."""

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

from benchmarks.harness import tell_times
from sadd.identity.key import Key, mint
from sadd.identity.ring import HEADERS_MAX, KeyRing

CALLS, ROUNDS, KEYS = 50_000, 9, 2 * HEADERS_MAX


class Table:
    """Stands where the pool does: the rows of ``api_key``."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._rows = [
            {
                "prefix": key.prefix,
                "hash": key.hash,
                "agency": "moi",
                "scopes": ["limits:check"],
                "expires_at": None,
            }
            for key in keys
        ]

    async def fetch(self, *_: object) -> list[dict[str, Any]]:
        return self._rows


def measure() -> dict[str, float]:
    """Nanoseconds a call, the median of interleaved rounds, by kind of header."""
    keys = [mint() for _ in range(KEYS)]
    ring = KeyRing()
    table: Any = Table(keys)
    asyncio.run(ring.load(table))
    key, unknown = keys[KEYS // 2], mint()
    headers = {
        "live": [f"Bearer {key.text}"],
        "unknown": [f"Bearer {unknown.text}"],
        "wrong": [f"Bearer {Key(key.prefix, unknown.secret).text}"],
        # More than are remembered, in turn: each is read anew.
        "live, not seen lately": [f"Bearer {one.text}" for one in keys],
        "unknown, not seen lately": [f"Bearer {mint().text}" for _ in keys],
    }
    rounds: dict[str, list[float]] = {kind: [] for kind in headers}
    for _ in range(ROUNDS):
        for kind, shown in headers.items():
            rounds[kind].append(_nanoseconds(ring, shown))
    return {kind: statistics.median(times) for kind, times in rounds.items()}


def _nanoseconds(ring: KeyRing, headers: Sequence[str]) -> float:
    authenticate = ring.authenticate
    calls = list(islice(cycle(headers), CALLS))
    start = time.perf_counter_ns()
    for header in calls:
        authenticate(header)
    return (time.perf_counter_ns() - start) / CALLS


def main(argv: Sequence[str] | None = None) -> int:
    return tell_times(measure, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
