"""Tallies and runs to judge, made by hand."""

from loadtests.objectives import judge, read_objectives
from loadtests.rehearsal import Run
from loadtests.scenario import load
from loadtests.tally import STEPS, Outcome, Tally

CLOCK = 1_700_000_000.0


def tally(ms: float = 100.0, **outcomes: int) -> Tally:
    """So many citizens with each outcome, one a second, and every step once for each at ``ms``."""
    met = Tally(clock=CLOCK, cpu_share=0.2)
    names: list[Outcome] = [name for name, count in outcomes.items() for _ in range(count)]  # type: ignore[misc]
    for second, name in enumerate(names):
        met.arrived[second] += 1
        met.end(name, second + 1)
        met.lag.add(1.0)
        for step in STEPS:
            met.request(step, ms)
    met.line.update({0: 3, 5: -3})
    met.waits.add(4000)
    return met


def origin(highest: int = 30, over: int = 0) -> dict[str, object]:
    row = {"arrived": highest, "completed": highest - 1, "abandoned": 1, "queue": 2}
    return {
        "capacity": 40.0,
        "highest_per_second": highest,
        "over_capacity": over,
        "seconds": {str(int(CLOCK) + second): row for second in range(5)},
    }


def run(name: str, met: Tally, seen: dict[str, object] | None = None) -> Run:
    scenario = load("results-day")
    verdict = judge(read_objectives(scenario.folder), met, seen, expected=met.offered)
    return Run(name, "http://127.0.0.1:1", f"locust {name}", 12.0, met, seen, verdict)
