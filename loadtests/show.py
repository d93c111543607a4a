"""The rehearsal on a terminal: live figures while it lasts, one table at its end."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadtests.rehearsal import Now, Run
from loadtests.scenario import Scenario

PLAIN_EVERY_SECONDS = 5.0
"""Between two lines where the output is no terminal."""


class Show:
    """Prints a rehearsal. Use ``watching`` around one run and hand its ``watch`` to ``play``."""

    def __init__(self, console: Console, scenario: Scenario) -> None:
        self.console = console
        self.scenario = scenario
        self._live: Live | None = None
        self._highest = 0
        self._last_plain = 0.0

    def say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)

    @contextmanager
    def watching(self, title: str) -> Iterator[None]:
        """Live figures under ``title`` until the block ends."""
        self._highest = 0
        self.console.rule(title, align="left")
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, refresh_per_second=4) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def watch(self, _name: str, now: Now) -> None:
        self._highest = max(self._highest, now.origin_rate)
        if self._live is not None:
            self._live.update(self._picture(now))
        elif time.monotonic() - self._last_plain >= PLAIN_EVERY_SECONDS:
            self._last_plain = time.monotonic()
            self.console.print(_plain(now), highlight=False)

    def close(self, runs: Sequence[Run], report: Path) -> None:
        """The table, the verdict in one line, and where the report lies."""
        judged = runs[-1]
        self.console.print()
        self.console.print(table(runs))
        mark = "[green]Met.[/]" if judged.verdict.met else "[red]Missed.[/]"
        self.console.print(f"{mark} The {judged.name} run {escape(judged.verdict.line)}.")
        self.console.print(f"Report: {report}", soft_wrap=True)

    def _picture(self, now: Now) -> RenderableType:
        total, capacity = self.scenario.total, self.scenario.origin.capacity
        seen = now.progress
        rows = Table.grid(padding=(0, 2))
        rows.add_column(width=16)
        rows.add_column(justify="right", width=6)
        rows.add_column(width=44)
        for label, count, style in (
            ("arrived", seen.arrived, "cyan"),
            ("served well", seen.served_well, "green"),
            ("served late", seen.served_late, "yellow"),
            ("waiting in line", seen.waiting, "blue"),
            ("page loading", seen.loading, "white"),
            ("refused", seen.refused, "magenta"),
            ("failed", seen.failed, "red"),
        ):
            rows.add_row(label, str(count), _bar(count, total, style))
        over = "red" if now.origin_rate > capacity else "green"
        rows.add_row("origin, pages/s", str(now.origin_rate), _bar(now.origin_rate, 4 * capacity, over))
        seconds = f"second {seen.at_seconds:.0f} of at most {self.scenario.run_seconds:.0f}"
        return Group(rows, Text(f"{seconds}; the origin bears {capacity:g}/s", style="dim"))


def table(runs: Sequence[Run]) -> Table:
    """What came of each run, side by side."""
    whole = Table(
        title="The same crowd, without and with Sadd" if len(runs) > 1 else "The crowd", title_justify="left"
    )
    whole.add_column("")
    for run in runs:
        whole.add_column(run.name, justify="right")
    for label, values in rows(runs):
        whole.add_row(label, *values)
    return whole


def rows(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """Label and a text for each run; the table here and the one in the report."""
    tallies = [run.tally for run in runs]
    return [
        ("citizens who came", [f"{tally.offered:,}" for tally in tallies]),
        ("served well", [_share(tally.count("served_well"), tally.offered) for tally in tallies]),
        ("served late", [_share(tally.count("served_late"), tally.offered) for tally in tallies]),
        ("refused, or still in line", [_share(t.count("refused", "queued"), t.offered) for t in tallies]),
        ("failed", [_share(t.count("failed", "unfinished"), t.offered) for t in tallies]),
        ("page p50", [_ms(tally.pages.percentile(0.5)) for tally in tallies]),
        ("page p99", [_ms(tally.pages.percentile(0.99)) for tally in tallies]),
        ("wait in the room p50 / p99", [_waits(run) for run in runs]),
        ("page loads refused (429)", [f"{sum(s.refused for s in t.steps.values()):,}" for t in tallies]),
        ("origin's busiest second", [_highest(run) for run in runs]),
        ("pages the origin made for nobody", [_abandoned(run) for run in runs]),
    ]


def _share(count: int, of: int) -> str:
    """With a decimal where a whole per cent would say all or nothing."""
    if not of:
        return "0"
    extreme = 0 < count / of < 0.01 or 0.99 < count / of < 1
    return f"{count:,} ({count / of:.{int(extreme)}%})"


def _ms(value: float) -> str:
    return f"{value:,.0f} ms"


def _waits(run: Run) -> str:
    waits = run.tally.waits
    if not len(waits):
        return "no room"
    return f"{waits.percentile(0.5) / 1000:.0f} s / {waits.percentile(0.99) / 1000:.0f} s"


def _highest(run: Run) -> str:
    if run.origin is None:
        return "not asked"
    return f"{run.origin['highest_per_second']} of {run.origin['capacity']:g}/s"


def _abandoned(run: Run) -> str:
    if run.origin is None:
        return "not asked"
    return f"{sum(second['abandoned'] for second in run.origin['seconds'].values()):,}"


def _bar(value: float, total: float, style: str) -> ProgressBar:
    return ProgressBar(total=max(1.0, total), completed=min(value, total), width=40, complete_style=style)


def _plain(now: Now) -> str:
    seen = now.progress
    return (
        f"{seen.at_seconds:5.0f} s  arrived {seen.arrived}, served well {seen.served_well}, "
        f"late {seen.served_late}, in line {seen.waiting}, loading {seen.loading}, refused {seen.refused}, "
        f"failed {seen.failed}; origin {now.origin_rate}/s, queue {now.origin_queue}"
    )
