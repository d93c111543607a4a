"""What a run must show, read from ``objectives.toml``, and the judgement of a run by it.

A judgement is a list of findings, each with what was wanted and what was measured: the missed ones
are named one by one.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadtests.tally import STEPS, Tally


@dataclass(frozen=True, slots=True)
class Objectives:
    """Shares are of all who came; times are whole milliseconds."""

    failed_share_max: float
    served_well_share_min: float
    p99_ms: Mapping[str, float]
    over_capacity_windows_max: int
    lag_p99_ms_max: float
    cpu_share_max: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One objective, held against what was measured."""

    name: str
    goal: str
    measured: str
    met: bool

    @property
    def sentence(self) -> str:
        return f"{self.name}: {self.measured}, wanted {self.goal}"


@dataclass(frozen=True, slots=True)
class Verdict:
    findings: tuple[Finding, ...]

    @property
    def met(self) -> bool:
        return all(finding.met for finding in self.findings)

    @property
    def missed(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if not finding.met)

    @property
    def line(self) -> str:
        """The verdict in one line."""
        if self.met:
            return f"met all {len(self.findings)} objectives"
        return "missed " + "; ".join(finding.sentence for finding in self.missed)

    def as_json(self) -> dict[str, Any]:
        return {"met": self.met, "findings": [asdict(finding) for finding in self.findings]}


def read_objectives(folder: Path) -> Objectives:
    """The objectives beside a scenario. ValueError names a step or a key that there is not."""
    path = folder / "objectives.toml"
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = set(raw["p99_ms"]) - set(STEPS)
    if unknown:
        raise ValueError(f"{path}: no step {sorted(unknown)[0]!r}; there is: {', '.join(STEPS)}")
    try:
        return Objectives(p99_ms=raw["p99_ms"], **raw["citizens"], **raw["origin"], **raw["generator"])
    except TypeError as wrong:
        raise ValueError(f"{path}: {wrong}") from None


def judge(objectives: Objectives, tally: Tally, origin: Mapping[str, Any] | None, expected: int) -> Verdict:
    """``origin`` is what its ``/stats`` said; None when it can not be asked, and then is not judged.

    ``expected`` is how many citizens the scenario sends.
    """
    seen = [] if origin is None else [_over_capacity(objectives, origin)]
    return Verdict((*crowd_findings(objectives, tally, expected), *seen))


def crowd_findings(objectives: Objectives, tally: Tally, expected: int) -> list[Finding]:
    """What the crowd alone can tell."""
    return [
        _complete(tally, expected),
        _failed(objectives, tally),
        _served_well(objectives, tally),
        *(_latency(step, goal, tally) for step, goal in objectives.p99_ms.items() if tally.steps[step].count),
        _lag(objectives, tally),
        _cpu(objectives, tally),
    ]


def _complete(tally: Tally, expected: int) -> Finding:
    """A generator process that was lost makes the load smaller without a word; here is the word."""
    return Finding("whole crowd came", f"{expected} citizens", f"{tally.offered}", tally.offered == expected)


def _failed(objectives: Objectives, tally: Tally) -> Finding:
    failed, share = _share(tally, "failed", "unfinished")
    goal = objectives.failed_share_max
    measured = f"{failed} of {tally.offered} citizens ({share:.1%})"
    return Finding("failed citizens", f"at most {goal:.1%}", measured, share <= goal)


def _served_well(objectives: Objectives, tally: Tally) -> Finding:
    served, share = _share(tally, "served_well")
    goal = objectives.served_well_share_min
    measured = f"{served} of {tally.offered} citizens ({share:.1%})"
    return Finding("served well", f"at least {goal:.0%}", measured, share >= goal)


def _latency(step: str, goal: float, tally: Tally) -> Finding:
    p99 = tally.steps[step].latency.percentile(0.99)
    return Finding(f"p99 of {step}", f"at most {goal:,.0f} ms", f"{p99:,.0f} ms", p99 <= goal)


def _over_capacity(objectives: Objectives, origin: Mapping[str, Any]) -> Finding:
    windows, goal = int(origin["over_capacity"]), objectives.over_capacity_windows_max
    highest = f"highest {origin['highest_per_second']}"
    measured = f"{windows} windows of a second above {origin['capacity']:g}/s ({highest})"
    return Finding(
        "origin within its capacity", f"at most {goal} windows above it", measured, windows <= goal
    )


def _lag(objectives: Objectives, tally: Tally) -> Finding:
    p99, goal = tally.lag.percentile(0.99), objectives.lag_p99_ms_max
    return Finding("generator on time", f"at most {goal:,.0f} ms late (p99)", f"{p99:,.0f} ms", p99 <= goal)


def _cpu(objectives: Objectives, tally: Tally) -> Finding:
    used, goal = tally.cpu_share, objectives.cpu_share_max
    return Finding(
        "generator not the bottleneck", f"at most {goal:.0%} of a core", f"{used:.0%}", used <= goal
    )


def _share(tally: Tally, *outcomes: Any) -> tuple[int, float]:
    count = tally.count(*outcomes)
    return count, count / tally.offered if tally.offered else 0.0
