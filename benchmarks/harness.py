"""How benchmarks measure: subjects take turns, ratios are of the same round, intervals by bootstrap.

Absolute rates move with whatever else the machine does; two subjects of one round were disturbed
alike. So each round runs every subject once, in an order drawn anew, and a ratio is the median over
the rounds' own ratios. CPU time an operation is told beside, since it moves least.

A round in which other processes took more than BUSY_SHARE of the machine in any turn is disturbed: with
fewer cores than it wants, a pair of processes measures the scheduler. Disturbed rounds are replaced, up
to EXTRA_ROUNDS times as many; when too few stay quiet all are used, and the report says so.
"""

import contextlib
import json
import logging
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog
from rich.console import Console, RenderableType
from rich.table import Table

from benchmarks.words import Words

RESAMPLES = 2000
BUSY_SHARE = 0.15
EXTRA_ROUNDS = 3
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Sample:
    """One subject's turn: operations a second, and CPU microseconds an operation on both sides."""

    rate: float
    client_us: float = float("nan")
    server_us: float = float("nan")
    others: float = 0.0
    """Share of all cores that processes which do not belong to the turn used meanwhile."""


S = TypeVar("S", bound=Sample)


@dataclass(frozen=True, slots=True)
class Subject(Generic[S]):
    """What takes turns. ``turn`` runs for a fraction of a second."""

    name: str
    turn: Callable[[], Awaitable[S]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median with its 95 % interval."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True, slots=True)
class Goal:
    """A promise and what came of it. ``measured`` and ``met`` are None when it could not be measured."""

    name: str
    goal: float
    measured: float | None
    unit: str
    met: bool | None


def at_least(name: str, goal: float, measured: float | None, unit: str) -> Goal:
    return Goal(name, goal, _rounded(measured), unit, None if measured is None else measured >= goal)


def at_most(name: str, goal: float, measured: float | None, unit: str) -> Goal:
    return Goal(name, goal, _rounded(measured), unit, None if measured is None else measured <= goal)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


@dataclass(frozen=True, slots=True)
class Run(Generic[S]):
    """Samples of each subject by its name, one a round, and how many rounds others disturbed."""

    samples: dict[str, list[S]]
    quiet: int
    disturbed: int

    def notes(self) -> list[str]:
        if self.disturbed and not self.quiet:
            return [
                f"Other processes disturbed {self.disturbed} rounds: all are used, and ratios mean little."
            ]
        return [
            f"{self.quiet} quiet rounds used, {self.disturbed} left out in which others used the machine."
        ]


async def interleave(
    subjects: Sequence[Subject[S]], rounds: int, chance: random.Random
) -> dict[str, list[S]]:
    """Samples of each subject by its name, one a round."""
    return (await quiet_rounds(subjects, rounds, chance)).samples


async def quiet_rounds(
    subjects: Sequence[Subject[S]],
    rounds: int,
    chance: random.Random,
    *,
    extra: float = EXTRA_ROUNDS,
    warm_up: bool = True,
) -> Run[S]:
    """Rounds that others left alone, if there were enough. One round before them warms up and is not kept."""
    if warm_up:
        await _round(subjects, chance)
    quiet: list[dict[str, S]] = []
    disturbed: list[dict[str, S]] = []
    while len(quiet) < rounds and len(quiet) + len(disturbed) < rounds + int(rounds * extra):
        turns = await _round(subjects, chance)
        busy = any(sample.others > BUSY_SHARE for sample in turns.values())
        (disturbed if busy else quiet).append(turns)
    enough = len(quiet) >= max(1, rounds // 3)
    used = quiet if enough else quiet + disturbed
    samples = {subject.name: [turns[subject.name] for turns in used] for subject in subjects}
    return Run(samples, len(quiet) if enough else 0, len(disturbed) if enough else len(used))


async def _round(subjects: Sequence[Subject[S]], chance: random.Random) -> dict[str, S]:
    return {subject.name: await subject.turn() for subject in chance.sample(list(subjects), len(subjects))}


class Machine:
    """Measures what the whole machine does from here on, to tell ourselves from others."""

    def __init__(self) -> None:
        self._busy, self._all = _machine_seconds()

    def others(self, ours_seconds: float) -> float:
        """Share of all cores that was used, or stolen by the hypervisor, beyond ``ours_seconds`` of CPU."""
        busy, everything = _machine_seconds()
        spent = everything - self._all
        return max(0.0, busy - self._busy - ours_seconds) / spent if spent else 0.0


def _machine_seconds() -> tuple[float, float]:
    """(busy, all) seconds of all cores since boot. (0, 0) where there is no /proc."""
    try:
        words = Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]
    except OSError:
        return 0.0, 0.0
    ticks = [int(word) / os.sysconf("SC_CLK_TCK") for word in words]
    idle = ticks[3] + ticks[4]  # idle and waiting for disks
    return sum(ticks) - idle, sum(ticks)


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample], chance: random.Random) -> Estimate:
    """Our rate over theirs, round by round."""
    return estimate([a.rate / b.rate for a, b in zip(ours, theirs, strict=True)], chance)


def estimate(values: Sequence[float], chance: random.Random) -> Estimate:
    """The median, and the interval that medians of resampled values fall into."""
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    low, high = (medians[min(int(share * RESAMPLES), RESAMPLES - 1)] for share in INTERVAL)
    return Estimate(statistics.median(values), low, high)


@dataclass(frozen=True, slots=True)
class Report:
    """All that a benchmark found. ``notes`` are sentences: what was absent, what the numbers mean."""

    command: str
    samples: Mapping[str, Sequence[Sample]]
    ratios: dict[str, Estimate]
    goals: list[Goal]
    facts: dict[str, float | str]
    notes: list[str]

    def as_json(self) -> str:
        return json.dumps(
            {
                "command": self.command,
                "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "python": sys.version.split()[0],
                "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
                "subjects": self.subjects(),
                "ratios": {name: asdict(found) for name, found in self.ratios.items()},
                "facts": self.facts,
                "notes": self.notes,
                "goals": [asdict(goal) for goal in self.goals],
            },
            indent=2,
        )

    def subjects(self) -> dict[str, Any]:
        """Medians of each subject, by its name."""
        return {name: _medians(found) for name, found in self.samples.items()}

    def table(self) -> RenderableType:
        return _subjects_table(self.samples)

    def print(self) -> None:
        console = Console()
        console.print(self.table())
        for name, found in self.ratios.items():
            console.print(f"{name}: {found}")
        for name, fact in self.facts.items():
            console.print(f"{name}: {fact}")
        console.print(_goals_table(self.goals))
        for note in self.notes:
            console.print(note)

    def exit_code(self) -> int:
        """1 when a goal was measured and not met."""
        return int(any(goal.met is False for goal in self.goals))


def _medians(samples: Sequence[Sample]) -> dict[str, float | None]:
    def of(name: str) -> float | None:
        values = [value for sample in samples if (value := getattr(sample, name)) == value]  # not NaN
        return round(statistics.median(values), 2) if values else None

    return {name: of(name) for name in ("rate", "client_us", "server_us")} | {"rounds": float(len(samples))}


def _subjects_table(samples: Mapping[str, Sequence[Sample]]) -> Table:
    table = Table("subject", "operations/s", "client CPU µs", "server CPU µs", title="Medians")
    for name, found in samples.items():
        medians = _medians(found)
        rate = medians["rate"]
        cells = [
            "–" if (value := medians[key]) is None else f"{value:.2f}" for key in ("client_us", "server_us")
        ]
        table.add_row(name, "–" if rate is None else f"{rate:,.0f}", *cells)
    return table


def _goals_table(goals: Sequence[Goal]) -> Table:
    table = Table("goal", "wanted", "measured", "unit", "met", title="Goals")
    for goal in goals:
        measured = "not measured" if goal.measured is None else f"{goal.measured:g}"
        table.add_row(
            goal.name, f"{goal.goal:g}", measured, goal.unit, {True: "yes", False: "NO", None: "–"}[goal.met]
        )
    return table


@contextlib.contextmanager
def no_log_lines() -> Iterator[None]:
    """Standard output is the report's alone; a store that is killed on purpose is no news."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def tell_times(
    measure: Callable[[], Mapping[str, float]], about: str | None, argv: Sequence[str] | None
) -> int:
    """The whole of a benchmark whose ``measure`` gives nanoseconds by name: a table, or JSON on demand."""
    parser = Words(description=about)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    measured = measure()
    if args.json:
        print(json.dumps(measured, indent=2))
    else:
        for name, nanoseconds in measured.items():
            print(f"{name:25} {nanoseconds:8,.0f} ns")
    return 0
