"""What the run showed: a table, JSON, and a picture of the rates with their intervals."""

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table

from benchmarks.drivers.turn import Reading
from benchmarks.harness import Estimate, Report, estimate

ROLES = {
    "generator": "driver",
    "server": "server",
    "store": "store",
    "Envoy": "Envoy",
    "origin": "origin",
    "around it": "rest",
}
"""Processes by what they are, and the heads of their columns; "rest" is what stands around our worker."""
SEED = 3
OURS, THEIRS = "#1b6e6a", "#8a8578"


@dataclass(frozen=True, slots=True)
class RateReport(Report):
    """Rates with intervals, latencies under saturation, and every process's time a decision."""

    samples: Mapping[str, Sequence[Reading]]

    def subjects(self) -> dict[str, Any]:
        return {name: _told(readings) for name, readings in self.samples.items()}

    def table(self) -> Group:
        told = self.subjects()
        return Group(_rates(told), _costs(told))


def _rates(subjects: Mapping[str, Any]) -> Table:
    table = _narrow("Decisions a second: medians of the rounds, with 95 % intervals")
    for name in ("a second", "interval", "p99 ms", "failed"):
        table.add_column(name, no_wrap=True, justify="right")
    for name, told in subjects.items():
        rate = Estimate(**told["rate"])
        interval = f"{rate.low:,.0f}–{rate.high:,.0f}"
        failed = str(told["failed"] + told["undecided"])
        table.add_row(name, f"{rate.median:,.0f}", interval, _cell(told["p99_ms"]), failed)
    return table


def _costs(subjects: Mapping[str, Any]) -> Table:
    table = _narrow("Processor time a decision, µs, by process")
    roles = [role for role in ROLES if any(role in told["cpu_us"] for told in subjects.values())]
    for role in roles:
        table.add_column(ROLES[role], no_wrap=True, justify="right")
    for name, told in subjects.items():
        table.add_row(name, *(_cell(told["cpu_us"].get(role)) for role in roles))
    return table


def _narrow(title: str) -> Table:
    """80 columns are enough for the longest name and all processes."""
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
    table.add_column("subject", no_wrap=True)
    return table


def _told(readings: Sequence[Reading]) -> dict[str, Any]:
    rate = estimate([reading.rate for reading in readings], random.Random(SEED))
    return {
        "rate": {"median": round(rate.median), "low": round(rate.low), "high": round(rate.high)},
        "p50_ms": _median([reading.p50_ms for reading in readings]),
        "p99_ms": _median([reading.p99_ms for reading in readings]),
        "cpu_us": {role: _median([r.cpu_us[role] for r in readings]) for role in readings[0].cpu_us},
        "cores": {role: _median([r.cores[role] for r in readings]) for role in readings[0].cores},
        "failed": sum(reading.failed for reading in readings),
        "undecided": sum(reading.undecided for reading in readings),
        "others": _median([reading.others for reading in readings]),
        "rounds": len(readings),
    }


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 3) if known else None


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def draw(report: RateReport, file: Path) -> None:
    """An SVG, the same bytes for the same numbers. Needs matplotlib: ImportError without."""
    import matplotlib as mpl  # late: only a picture needs it
    from matplotlib.figure import Figure

    mpl.rcParams.update({"svg.hashsalt": "sadd", "svg.fonttype": "none", "font.family": "sans-serif"})
    subjects = sorted(report.subjects().items(), key=lambda item: item[1]["rate"]["median"])
    figure = Figure(figsize=(9, 0.36 * len(subjects) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    for place, (_, told) in enumerate(subjects):
        rate = told["rate"]
        colour = OURS if "sadd" in subjects[place][0] else THEIRS
        axes.plot([rate["low"], rate["high"]], [place, place], color=colour, linewidth=5, alpha=0.35)
        axes.plot([rate["median"]], [place], "o", color=colour, markersize=7)
        axes.text(rate["high"] * 1.12, place, f"{rate['median']:,}", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(subjects)), [name for name, _ in subjects], fontsize=8)
    axes.set_xlabel("decisions a second, each step ten times as many: median and 95 % interval")
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.margins(x=0.12)
    figure.savefig(file, format="svg", metadata={"Date": None})
