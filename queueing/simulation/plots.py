"""A run as one picture: the line, the origin's load, the waits, and whether the estimate held."""

from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from queueing.simulation.run import Played

BLUE, GREEN, RED, GREY, AMBER = "#1565c0", "#2e7d32", "#c62828", "#666666", "#f9a825"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sadd",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
}


def save(played: Played, file: Path) -> None:
    """As SVG or PNG, by the name; an SVG has the same bytes for the same run."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 10.5), layout="constrained")
        panels = figure.subplots(3, 2)
        for axes, draw in zip(panels.flat, (_line, _load, _flow, _wait, _told, _held), strict=True):
            draw(axes, played)
        for axes in (*panels[0], *panels[1], panels[2][0]):
            axes.set_ylim(bottom=0)
            axes.legend(fontsize=7, frameon=False)
        metadata = {"Date": None, "Creator": None} if file.suffix == ".svg" else None
        figure.savefig(file, metadata=metadata)


def _over_time(axes: Axes, played: Played, title: str, label: str) -> list[float]:
    """Prepares a panel over minutes, with pauses shaded; returns the minutes of the rows."""
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel("minutes")
    axes.set_ylabel(label)
    for paused, rows in groupby(played.rows, key=lambda row: row.paused):
        minutes = [row.minute for row in rows]
        if paused:
            axes.axvspan(minutes[0], minutes[-1], color=GREY, alpha=0.15, lw=0)
    return [row.minute for row in played.rows]


def _line(axes: Axes, played: Played) -> None:
    minutes = _over_time(axes, played, "The line", "people")
    axes.fill_between(minutes, [row.waiting for row in played.rows], color=BLUE, alpha=0.5, label="waiting")


def _load(axes: Axes, played: Played) -> None:
    minutes = _over_time(axes, played, "The origin's load", "people inside")
    axes.fill_between(minutes, [row.active for row in played.rows], color=GREEN, alpha=0.5, label="active")
    axes.axhline(played.summary.active_cap, color=RED, ls="--", lw=1, label="cap")
    axes.plot(minutes, [row.at_door for row in played.rows], color=AMBER, lw=1, label="called, no slot free")


def _flow(axes: Axes, played: Played) -> None:
    minutes = _over_time(axes, played, "Outflow", "called a minute")
    before = [0.0, *minutes]
    called = [row.called / (row.minute - was) for row, was in zip(played.rows, before, strict=False)]
    axes.step(minutes, called, where="pre", color=BLUE, lw=1, label="called")
    axes.step(
        minutes, [row.target for row in played.rows], where="pre", color=RED, lw=1, ls="--", label="target"
    )


def _wait(axes: Axes, played: Played) -> None:
    axes.set_title("Waits", loc="left", fontweight="bold")
    axes.set_xlabel("share of the crowd, %")
    axes.set_ylabel("waited at most, minutes")
    shares = [share / 200 for share in range(201)]
    waits = [played.waits.percentile_s(share) / 60 for share in shares]
    axes.plot([share * 100 for share in shares], waits, color=BLUE)
    for share in (0.5, 0.95, 0.99):
        wait = played.waits.percentile_s(share) / 60
        axes.plot([share * 100], [wait], "o", color=RED, ms=4, label=f"{share:.0%}: {wait:.1f} min")


def _told(axes: Axes, played: Played) -> None:
    _over_time(axes, played, "What was told at the join, and what came", "minutes of wait")
    at = [case.minute for case in played.truth.cases]
    low = [case.low_s / 60 for case in played.truth.cases]
    high = [case.high_s / 60 for case in played.truth.cases]
    axes.fill_between(at, low, high, color=AMBER, alpha=0.5, lw=0, label="told")
    axes.plot(at, [case.wait_s / 60 for case in played.truth.cases], color=BLUE, lw=1, label="came")
    if played.truth.cases:
        axes.set_ylim(0, 1.3 * max(case.wait_s for case in played.truth.cases) / 60 + 0.1)


def _held(axes: Axes, played: Played) -> None:
    summary = played.summary
    shares = {
        "at the join": summary.estimate_held_joining,
        "in line": summary.estimate_held_waiting,
        "measured live": summary.estimate_held_live,
        **summary.estimate_held_by_wait,
    }
    known = {name: share * 100 for name, share in shares.items() if share is not None}
    axes.set_title("The estimate held the truth", loc="left", fontweight="bold")
    axes.set_xlabel("% of cases; 80 is the aim")
    axes.axvspan(75, 85, color=GREEN, alpha=0.2, lw=0)
    axes.barh(range(len(known)), list(known.values()), color=BLUE, height=0.6)
    axes.set_yticks(range(len(known)), list(known))
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
