"""How long a visitor will wait, whether it will be in vain, and when he should ask again. Pure arithmetic."""

import math
from collections.abc import Mapping
from typing import Literal

from queueing.pace import WAIT_MS_MAX, Pace, bounds_ms
from queueing.standing import Estimate

POLL_NEAR_MS = 3_000
POLL_FAR_MS = 30_000
POLL_SHARE = 4  # ask again after a quarter of the least wait
JITTER = 0.1  # each way, so that a crowd that joined at once does not poll at once

SURE_SIGMAS = 2.0  # 97.7% of a normal distribution are on the near side

Prospect = Literal["likely", "doubtful", "unlikely"]


def estimate(pace: Pace, position: int) -> Estimate:
    """An interval that holds the wait until the call in 80% of cases, measured (queueing.coverage).

    While ``pace.paused`` it says how long it takes once people are called again; say "paused" beside it.
    """
    if not pace.spread:
        return Estimate(_ms(position / pace.high_per_minute), _ms(position / pace.low_per_minute))
    low_ms, high_ms = bounds_ms(pace.spread, position / pace.per_minute * 60_000)
    return Estimate(_bounded(low_ms), _bounded(high_ms))


def prospect(position: int, stock_left: int | None, show_rate: float) -> Prospect:
    """Whether the stock lasts until the one at ``position``: of those before him ``show_rate`` come, each
    takes one. The margin is the scatter of that many independent decisions.

    Say "unlikely" early: 236,210 once waited for 35,675 appointments.
    """
    if stock_left is None:
        return "likely"
    before = max(position - 1, 0)
    taken = before * show_rate
    scatter = SURE_SIGMAS * math.sqrt(before * show_rate * (1 - show_rate))
    if stock_left <= 0 or taken - scatter >= stock_left:
        return "unlikely"
    return "likely" if taken + scatter < stock_left else "doubtful"


def calls_until(position: int, lane: str, waiting: Mapping[str, int], shares: Mapping[str, float]) -> int:
    """How many calls of the whole room until the one at ``position`` of a lane is called.

    Each lane has its share of the calls while somebody waits in it; then its share is the others'.
    """
    left = {name: float(count) for name, count in waiting.items() if count > 0}
    left[lane] = float(max(position, 1))  # who stands behind him does not matter
    calls = 0.0
    while True:
        whole = sum(shares[name] for name in left)
        reach = {name: count * whole / shares[name] for name, count in left.items()}
        first = min(reach, key=lambda name: (reach[name], name != lane))
        calls += reach[first]
        if first == lane:
            return math.ceil(calls - 1e-6)
        left = {
            name: count - reach[first] * shares[name] / whole for name, count in left.items() if name != first
        }


def poll_after_ms(least_wait_ms: int, chance: float) -> int:
    """30 s far from the front, 3 s near it; ``chance`` is from 0 to 1."""
    directed = min(max(least_wait_ms // POLL_SHARE, POLL_NEAR_MS), POLL_FAR_MS)
    return round(directed * (1 - JITTER + 2 * JITTER * chance))


def _ms(minutes: float) -> int:
    return _bounded(minutes * 60_000)


def _bounded(wait_ms: float) -> int:
    return round(min(wait_ms, WAIT_MS_MAX))
