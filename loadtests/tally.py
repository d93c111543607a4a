"""What a crowd met, as counts: outcomes, latencies by step, who was waiting, and the generator's own health.

Each generator process keeps one; they merge by addition, so a master needs only each worker's latest.

Terms
    served well   the citizen saw the result, and each page came within ``well_ms`` of being asked for
                  (after admission; the announced wait in the room is reported on its own)
    served late   saw the result, but a page was slower or had to be tried twice
    refused       told plainly to come back later, and gave up
    queued        still in the line when the run ended; the place is kept
    failed        gave up after time-outs or errors
    unfinished    a page was still open when the run ended; counted as failed
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from loadtests.histogram import Histogram

Outcome = Literal["served_well", "served_late", "refused", "queued", "failed", "unfinished"]
OUTCOMES: tuple[Outcome, ...] = ("served_well", "served_late", "refused", "queued", "failed", "unfinished")

Step = Literal["announcement", "join", "poll", "claim", "sign_in", "result", "reload"]
STEPS: tuple[Step, ...] = ("announcement", "join", "poll", "claim", "sign_in", "result", "reload")


@dataclass(slots=True)
class StepTally:
    """One step's requests: how long they took, and what went wrong by kind."""

    latency: Histogram = field(default_factory=Histogram)
    refused: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return len(self.latency)


@dataclass(slots=True)
class Tally:
    """Counts by second of the run (``second`` is whole seconds since the crowd's start)."""

    arrived: Counter[int] = field(default_factory=Counter)
    ended: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in OUTCOMES})
    line: Counter[int] = field(default_factory=Counter)
    """Change of the number of people in the line; the sum up to a second is its length."""
    steps: dict[str, StepTally] = field(default_factory=lambda: {name: StepTally() for name in STEPS})
    waits: Histogram = field(default_factory=Histogram)
    """Time in the line of those who were admitted."""
    lag: Histogram = field(default_factory=Histogram)
    """How late the generator started arrivals."""
    cpu_share: float = 0.0
    """The busiest generator process, as a share of one core over its run."""
    clock: float = 0.0
    """Unix time of the crowd's start."""

    def request(self, step: Step, ms: float, *, error: str | None = None, refused: bool = False) -> None:
        of_step = self.steps[step]
        of_step.latency.add(ms)
        of_step.refused += refused
        if error is not None:
            of_step.errors[error] += 1

    def end(self, outcome: Outcome, second: int) -> None:
        self.ended[outcome][second] += 1

    def count(self, *outcomes: Outcome) -> int:
        return sum(self.ended[name].total() for name in outcomes)

    @property
    def offered(self) -> int:
        return self.arrived.total()

    @property
    def open(self) -> int:
        """Citizens whose morning has not ended."""
        return self.offered - self.count(*OUTCOMES)

    @property
    def in_line(self) -> int:
        return self.line.total()

    @property
    def pages(self) -> Histogram:
        """Latencies of the pages that citizens came for: sign-in, result and its reloads."""
        return merged(self.steps[name].latency for name in ("sign_in", "result", "reload"))

    def merge(self, other: "Tally") -> None:
        self.arrived.update(other.arrived)
        self.line.update(other.line)
        for name, counts in other.ended.items():
            self.ended[name].update(counts)
        for name, step in other.steps.items():
            self.steps[name].latency.merge(step.latency)
            self.steps[name].refused += step.refused
            self.steps[name].errors.update(step.errors)
        self.waits.merge(other.waits)
        self.lag.merge(other.lag)
        self.cpu_share = max(self.cpu_share, other.cpu_share)
        self.clock = min(filter(None, (self.clock, other.clock)), default=0.0)


def merged(histograms: Iterable[Histogram]) -> Histogram:
    whole = Histogram()
    for histogram in histograms:
        whole.merge(histogram)
    return whole


def to_json(tally: Tally) -> dict[str, Any]:
    """JSON's own types only; ``from_json`` is the inverse."""
    return {
        "arrived": _words(tally.arrived),
        "ended": {name: _words(counts) for name, counts in tally.ended.items()},
        "line": _words(tally.line),
        "steps": {
            name: {
                "latency": _words(step.latency.counts),
                "refused": step.refused,
                "errors": dict(step.errors),
            }
            for name, step in tally.steps.items()
        },
        "waits": _words(tally.waits.counts),
        "lag": _words(tally.lag.counts),
        "cpu_share": tally.cpu_share,
        "clock": tally.clock,
    }


def from_json(raw: Mapping[str, Any]) -> Tally:
    tally = Tally(
        arrived=_numbers(raw["arrived"]),
        line=_numbers(raw["line"]),
        waits=Histogram(_numbers(raw["waits"])),
        lag=Histogram(_numbers(raw["lag"])),
        cpu_share=raw["cpu_share"],
        clock=raw["clock"],
    )
    for name, counts in raw["ended"].items():
        tally.ended[name] = _numbers(counts)
    for name, step in raw["steps"].items():
        latency = Histogram(_numbers(step["latency"]))
        tally.steps[name] = StepTally(latency, step["refused"], Counter(step["errors"]))
    return tally


def _words(counts: Mapping[int, int]) -> dict[str, int]:
    return {str(key): value for key, value in sorted(counts.items()) if value}


def _numbers(counts: Mapping[str, int]) -> Counter[int]:
    return Counter({int(key): value for key, value in counts.items()})
