"""When a crowd arrives: seeded times by the inverse of a shape's integrated rate.

A shape is a curve without a scale. Given how many come and in how many seconds, the k-th arrival
stands where the integral of the rate has reached a point between k and k + 1: every interval gets
the shape's share to within one arrival, while the moments inside it are random. Nothing ticks, so
nothing is skipped, and a worker that takes every W-th arrival plays exactly its part of the same set.
"""

import math
import random
import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

HOUR_SECONDS = 3600.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shape:
    """A published curve: how many in each hour, with its source and what its numbers can not say."""

    name: str
    source: str
    unit: str
    censored: str
    per_hour: tuple[float, ...]
    step_seconds: float

    def __post_init__(self) -> None:
        if not self.per_hour or min(self.per_hour) < 0 or sum(self.per_hour) <= 0:
            raise ValueError(f"{self.name}: per_hour needs figures, none negative, not all zero")
        if not 0 <= self.step_seconds < HOUR_SECONDS:
            raise ValueError(f"{self.name}: step_seconds is {self.step_seconds}, accepted is 0 to below 3600")

    @property
    def peak_to_mean(self) -> float:
        return max(self.per_hour) * len(self.per_hour) / sum(self.per_hour)


def read_shape(path: Path) -> Shape:
    """The shape of a TOML file; ValueError says what is wrong with it."""
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        return Shape(
            name=raw["name"],
            source=raw["source"],
            unit=raw["unit"],
            censored=raw["censored"],
            per_hour=tuple(float(value) for value in raw["per_hour"]),
            step_seconds=float(raw["step_seconds"]),
        )
    except KeyError as missing:
        raise ValueError(f"{path}: {missing} is missing") from None


@dataclass(frozen=True, slots=True)
class RateCurve:
    """A piecewise linear rate over time, and its integral.

    ``times`` rise (equal neighbours are a jump), ``rates`` are arrivals a second at those times,
    ``reached`` is the integral up to each of them.
    """

    times: tuple[float, ...]
    rates: tuple[float, ...]
    reached: tuple[float, ...]

    @property
    def total(self) -> float:
        return self.reached[-1]

    def integral(self, at: float) -> float:
        """Expected arrivals up to ``at`` seconds."""
        if at <= self.times[0]:
            return 0.0
        if at >= self.times[-1]:
            return self.total
        left = bisect_right(self.times, at) - 1
        span = self.times[left + 1] - self.times[left]
        into = at - self.times[left]
        slope = (self.rates[left + 1] - self.rates[left]) / span
        return self.reached[left] + self.rates[left] * into + slope * into * into / 2

    def inverse(self, count: float) -> float:
        """The time at which the integral reaches ``count``."""
        left = min(bisect_right(self.reached, count) - 1, len(self.times) - 2)
        span = self.times[left + 1] - self.times[left]
        if span == 0:
            return self.times[left]
        rate, slope = self.rates[left], (self.rates[left + 1] - self.rates[left]) / span
        missing = count - self.reached[left]
        # Root of slope/2 x^2 + rate x - missing in the form that does not cancel for a small slope.
        root = math.sqrt(max(0.0, rate * rate + 2 * slope * missing))
        into = 2 * missing / (rate + root) if rate + root > 0 else 0.0
        return self.times[left] + min(into, span)


def curve(shape: Shape, total: float, seconds: float) -> RateCurve:
    """The shape squeezed into ``seconds`` and scaled to ``total`` arrivals.

    Each hour is level, since its figure says no more; the first begins with a ramp of the shape's step.
    """
    hour = seconds / len(shape.per_hour)
    step = shape.step_seconds / HOUR_SECONDS * hour
    times, rates = [0.0], [0.0 if step else shape.per_hour[0]]
    for index, figure in enumerate(shape.per_hour):
        times += [index * hour if index else step, (index + 1) * hour]
        rates += [figure, figure]
    areas = [(times[i + 1] - times[i]) * (rates[i] + rates[i + 1]) / 2 for i in range(len(times) - 1)]
    factor = total / sum(areas)
    reached = [0.0]
    for area in areas:
        reached.append(reached[-1] + area * factor)
    return RateCurve(tuple(times), tuple(rate * factor for rate in rates), tuple(reached))


def arrivals(rate: RateCurve, seed: int) -> list[float]:
    """Arrival times in seconds from the start, rising; the same for the same curve and seed."""
    draw = random.Random(f"{seed}:arrivals")
    return [rate.inverse(k + draw.random()) for k in range(round(rate.total))]


def share(whole: Sequence[T], index: int, count: int) -> Sequence[T]:
    """The part of worker ``index`` of ``count``: together they are the whole, none twice."""
    if not 0 <= index < count:
        raise ValueError(f"worker {index} of {count}")
    return whole[index::count]
