"""When a crowd comes: how many of it in each tick of 200 ms."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

TICK_MS = 200
TICKS_PER_MINUTE = 60_000 // TICK_MS
MINUTES_MAX = 3 * 24 * 60

Points = tuple[tuple[float, float], ...]
"""(share of the time, relative rate); between two of them the rate goes straight."""

SHAPES: dict[str, Points] = {
    "level": ((0.0, 1.0), (1.0, 1.0)),
    "ramp": ((0.0, 0.0), (1.0, 1.0)),
    # An opening at a stated hour: most stand at the door already, the rest comes later and later.
    "opening": ((0.0, 20.0), (0.05, 12.0), (0.15, 4.0), (0.4, 1.0), (1.0, 0.3)),
    # Results published in the morning: a jump, a long morning, a second wave in the evening.
    "results": ((0.0, 0.5), (0.08, 1.0), (0.081, 10.0), (0.2, 5.0), (0.5, 1.5), (0.7, 2.5), (1.0, 0.4)),
    "waves": ((0.0, 1.0), (0.2, 4.0), (0.4, 1.0), (0.6, 4.0), (0.8, 1.0), (1.0, 0.5)),
}


def points_of(text: str) -> Points:
    """A named shape, or ``0:1,0.5:4,1:0.2``. Raises ValueError that says what is accepted."""
    if text in SHAPES:
        return SHAPES[text]
    try:
        pairs = [pair.split(":") for pair in text.split(",")]
        points = tuple((float(at), float(rate)) for at, rate in pairs)
    except ValueError:
        raise ValueError(
            f"{text!r} is no shape: one of {', '.join(SHAPES)}, or SHARE:RATE,SHARE:RATE,…"
        ) from None
    at = [share for share, _ in points]
    rates = [rate for _, rate in points]
    if at != sorted(at) or at[0] != 0 or at[-1] != 1 or not min(rates) >= 0 or not 0 < max(rates) < np.inf:
        raise ValueError(
            f"{text!r}: the shares rise from 0 to 1, the rates are not negative and not all zero"
        )
    return points


def arrivals(points: Points, count: int, minutes: float, draw: Generator) -> NDArray[np.int64]:
    """Of ``count`` people, each of whom comes at his own moment, how many in each tick.

    One multinomial draw has exactly the distribution of drawing each one's tick, at a price of the ticks
    instead of the people.
    """
    ticks = max(1, round(minutes * TICKS_PER_MINUTE))
    middles = (np.arange(ticks) + 0.5) / ticks
    rates = np.interp(middles, [at for at, _ in points], [rate for _, rate in points])
    return draw.multinomial(count, rates / rates.sum())
