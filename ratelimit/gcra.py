"""The generic cell rate algorithm, exact, in Python's own integers.

The state of a key is its theoretical arrival time (TAT): when the key would be as if never used. Taking one
unit moves it by one interval; it may run ahead of now by at most ``burst`` intervals:

    now           TAT                 now + burst x interval
    |--- used ----|---- remaining ----|

``take.lua`` is the same in the store. This one decides while the store is away.
"""

from ratelimit.decision import Taken
from ratelimit.policy import Interval

NEVER = -1


def take(interval: Interval, burst: int, tat: int, now_us: int, cost: int) -> tuple[Taken, int]:
    """Decide, and return the new TAT, which is unchanged by a refusal and by a peek (cost 0).

    TAT is in units of ``1 / interval.parts`` microseconds, so that no fraction is lost.
    """
    now = now_us * interval.parts
    full = now + burst * interval.numerator
    tat = min(max(tat, now), full)
    wanted = tat + max(cost, 1) * interval.numerator
    if max(cost, 1) > burst:
        return _taken(False, interval, tat, now, full, NEVER), tat
    if wanted > full:
        return _taken(False, interval, tat, now, full, _up(wanted - full, interval)), tat
    tat = wanted if cost else tat
    return _taken(True, interval, tat, now, full, 0), tat


def _taken(allowed: bool, interval: Interval, tat: int, now: int, full: int, retry_us: int) -> Taken:
    return int(allowed), (full - tat) // interval.numerator, _up(tat - now, interval), retry_us


def _up(units: int, interval: Interval) -> int:
    """Whole microseconds, rounded up."""
    return -(-units // interval.parts)
