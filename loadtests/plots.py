"""The report's pictures as inline SVG: fixed size, text stays text, no script, no outside font."""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from loadtests.rehearsal import Run
from loadtests.tally import STEPS

COLOURS = {
    "served_well": "#2e7d32",
    "served_late": "#f9a825",
    "queued": "#1565c0",
    "refused": "#8e24aa",
    "failed": "#c62828",
    "unfinished": "#6d1b1b",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sadd",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
}
_WIDTH, _HEIGHT = 10.0, 3.1  # inches

Draw = Callable[[Axes, Run], None]


def outcomes(runs: Sequence[Run]) -> str:
    """Arrivals as a line over the outcomes as stacked bars, by second."""
    return _side_by_side(runs, _draw_outcomes, "citizens a second")


def origin_rate(runs: Sequence[Run]) -> str:
    """What arrived at the origin each second, against the capacity it states."""
    return _side_by_side([run for run in runs if run.origin], _draw_origin, "requests a second")


def queues(runs: Sequence[Run]) -> str:
    """People in the room and requests queued at the origin, by second."""
    return _side_by_side(runs, _draw_queues, "waiting")


def latencies(runs: Sequence[Run]) -> str:
    """p50, p95 and p99 by step, on a logarithmic axis."""
    return _side_by_side(runs, _draw_latencies, "milliseconds")


def _draw_outcomes(axes: Axes, run: Run) -> None:
    seconds = _span(run.tally.arrived, *run.tally.ended.values())
    base = [0] * len(seconds)
    for name, colour in COLOURS.items():
        heights = [run.tally.ended[name][second] for second in seconds]
        if any(heights):
            axes.bar(seconds, heights, bottom=base, width=1.0, color=colour, label=name.replace("_", " "))
            base = [low + height for low, height in zip(base, heights, strict=True)]
    axes.step(
        seconds, [run.tally.arrived[s] for s in seconds], where="mid", color="#222", lw=1.2, label="arrived"
    )


def _draw_origin(axes: Axes, run: Run) -> None:
    assert run.origin is not None
    seen = origin_seconds(run)
    arrived = Counter({second: row["arrived"] for second, row in seen.items()})
    made = Counter({second: row["completed"] for second, row in seen.items()})
    seconds = _span(arrived)
    axes.step(seconds, [arrived[s] for s in seconds], where="mid", color="#1565c0", label="arrived")
    axes.step(seconds, [made[s] for s in seconds], where="mid", color="#2e7d32", label="pages delivered")
    axes.axhline(run.origin["capacity"], color="#c62828", ls="--", lw=1.2, label="capacity")


def _draw_queues(axes: Axes, run: Run) -> None:
    seconds = _span(run.tally.arrived, *run.tally.ended.values())
    line = list(accumulate(run.tally.line[second] for second in seconds))
    axes.step(seconds, line, where="post", color="#1565c0", label="people in the room")
    if run.origin is not None:
        queue = {second: row["queue"] for second, row in origin_seconds(run).items()}
        axes.step(
            seconds,
            [queue.get(s, 0) for s in seconds],
            where="mid",
            color="#c62828",
            label="requests queued at the origin",
        )


def _draw_latencies(axes: Axes, run: Run) -> None:
    steps = [name for name in STEPS if run.tally.steps[name].count]
    for offset, (share, colour) in enumerate(((0.5, "#90caf9"), (0.95, "#1e88e5"), (0.99, "#0d47a1"))):
        values = [run.tally.steps[name].latency.percentile(share) for name in steps]
        places = [index + (offset - 1) * 0.27 for index in range(len(steps))]
        axes.bar(places, values, width=0.25, color=colour, label=f"p{share * 100:g}")
    axes.set_xticks(range(len(steps)), [name.replace("_", "\n") for name in steps], fontsize=7)
    axes.set_yscale("log")
    axes.set_ylim(1, 100_000)  # above any patience, with room for the legend
    axes.set_yticks([1, 10, 100, 1_000, 10_000], ["1", "10", "100", "1,000", "10,000"])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("")


def origin_seconds(run: Run) -> dict[int, Mapping[str, int]]:
    """The origin's seconds on the crowd's clock."""
    assert run.origin is not None
    start = int(run.tally.clock)
    return {int(at) - start: row for at, row in run.origin["seconds"].items() if int(at) >= start}


def _side_by_side(runs: Sequence[Run], draw: Draw, label: str) -> str:
    """One panel a run, on the same scale, as one SVG."""
    if not runs:
        return ""
    with matplotlib.rc_context(_STYLE):
        figure, panels = pyplot.subplots(
            1, len(runs), figsize=(_WIDTH, _HEIGHT), sharey=True, squeeze=False, layout="constrained"
        )
        try:
            for panel, run in zip(panels[0], runs, strict=True):
                panel.set_title(run.name, loc="left", fontweight="bold")
                panel.set_xlabel("seconds")
                draw(panel, run)
                panel.legend(fontsize=7, frameon=False)
            panels[0][0].set_ylabel(label)
            buffer = io.StringIO()
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        finally:
            pyplot.close(figure)
    return _inline(buffer.getvalue(), salt=label)


def _inline(svg: str, salt: str) -> str:
    """Without prologue and metadata; ids made unique, since several SVGs share one page."""
    body = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    mark = re.sub(r"\W", "", salt)
    body = re.sub(r'id="([^"]+)"', rf'id="{mark}-\1"', body)
    return re.sub(r'(href="#|url\(#)', rf"\1{mark}-", body)


def _span(*counters: Iterable[int]) -> list[int]:
    last = max((second for counter in counters for second in counter), default=0)
    return list(range(last + 1))
