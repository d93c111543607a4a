"""A chart as SVG, made here: what is shown without JavaScript, and until the library has drawn its own.

Only attributes, no styles: the page's policy forbids them. Colours and widths are in ``operator.css``.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 180
LEFT, BOTTOM, TOP = 56, 22, 8
TICKS = 4
LEAST = 1e-6
"""What is smaller than this is drawn as nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series; None is a gap."""

    label: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the template writes: axes in pixels, and a path for each line."""

    width: int
    height: int
    left: int
    bottom: float
    top: int
    rises: tuple[Tick, ...]
    minutes: tuple[Tick, ...]
    paths: tuple[tuple[str, str], ...]
    """Label and path data."""


def drawn(times_ms: Sequence[int], lines: Sequence[Line], now_ms: int, span_ms: int) -> Drawn:
    """The last ``span_ms`` up to now, from 0 to the least round number that holds all values."""
    most = _round_up(max((value for line in lines for value in line.values if value is not None), default=1))
    inner_width, inner_height = WIDTH - LEFT, HEIGHT - TOP - BOTTOM
    floor = HEIGHT - BOTTOM

    def x(at_ms: int) -> float:
        return LEFT + inner_width * (1 - (now_ms - at_ms) / span_ms)

    def y(value: float) -> float:
        return floor - inner_height * value / most

    rises = tuple(Tick(round(y(most * n / TICKS), 1), _short(most * n / TICKS)) for n in range(TICKS + 1))
    minutes = tuple(
        Tick(round(x(now_ms - ago * 60_000), 1), str(ago)) for ago in range(0, span_ms // 60_000 + 1, 15)
    )
    seen = [(x(at_ms), index) for index, at_ms in enumerate(times_ms) if now_ms - span_ms <= at_ms <= now_ms]
    paths = tuple((line.label, _path([(at, line.values[index]) for at, index in seen], y)) for line in lines)
    return Drawn(WIDTH, HEIGHT, LEFT, floor, TOP, rises, minutes, paths)


def _path(points: Iterable[tuple[float, float | None]], y: Callable[[float], float]) -> str:
    """A stroke through the points, broken where there is none."""
    words: list[str] = []
    command = "M"
    for at, value in points:
        if value is None:
            command = "M"
            continue
        words.append(f"{command}{at:.1f} {y(value):.1f}")
        command = "L"
    return "".join(words)


def _round_up(value: float) -> float:
    """1, 2 or 5 times a power of ten, not below ``value``."""
    if value < LEAST:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"
