"""How often the estimate holds the truth: sample places are followed from the estimate to the call.

Every few seconds an estimate for a place at the end, the middle, a quarter … of the line is noted, and
compared when that number is called. It stores nothing for any visitor: the places are positions, whoever
stands there. Estimates given while the room is paused say so, and are no cases.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

LEVELS = 6  # 1, 1/2 … 1/32 of the line
PROBES_PER_LEVEL = 10
SPACING_MS_MIN = 5_000
NEVER = 2**64
MEMORY_CASES = 100.0  # of a level; an older case weighs 1/e


@dataclass(frozen=True, slots=True)
class Probe:
    """An estimate for ``number`` at ``made_ms``."""

    number: int
    made_ms: int
    expected_ms: float
    low_ms: float
    high_ms: float

    def score(self, now_ms: int) -> float:
        """The logarithm of the wait until now over the expected one."""
        return math.log(max(now_ms - self.made_ms, 1) / max(self.expected_ms, 1.0))


@dataclass(frozen=True, slots=True)
class Covered:
    """``share`` of the latest estimates held the truth; ``cases`` have been compared so far."""

    share: float
    cases: int


class Coverage:
    """The estimates under way and the count of those that came true.

    Near places are compared more often than far ones, for they are called sooner; each level counts alike.
    """

    __slots__ = ("_held", "_next", "_weight", "cases", "probes")

    def __init__(self, cases: int = 0, held: Iterable[float] = (), weight: Iterable[float] = ()) -> None:
        self.cases = cases
        self._held = [*held] or [0.0] * LEVELS
        self._weight = [*weight] or [0.0] * LEVELS
        self.probes: list[list[Probe]] = [[] for _ in range(LEVELS)]
        self._next = NEVER  # the first number that is followed; nothing is looked through before it is called

    def wants(self, level: int, expected_ms: float, now_ms: int) -> bool:
        """Whether the level has room for another estimate and is due for it."""
        under_way = self.probes[level]
        if not under_way:
            return True
        spacing_ms = max(SPACING_MS_MIN, expected_ms / PROBES_PER_LEVEL)
        return len(under_way) < PROBES_PER_LEVEL and now_ms - under_way[-1].made_ms >= spacing_ms

    def follow(self, level: int, probe: Probe) -> None:
        self.probes[level].append(probe)
        self._next = min(self._next, probe.number)

    def called(self, serving: int, now_ms: int) -> list[Probe]:
        """The estimates whose number is called by now; each is counted, once."""
        come: list[Probe] = []
        if serving < self._next:
            return come
        for level, probes in enumerate(self.probes):
            for probe in probes:
                if probe.number <= serving:
                    self._count(level, probe.low_ms <= now_ms - probe.made_ms <= probe.high_ms)
                    come.append(probe)
            self.probes[level] = [probe for probe in probes if probe.number > serving]
        self._next = min((probe.number for probes in self.probes for probe in probes), default=NEVER)
        return come

    @property
    def covered(self) -> Covered | None:
        """None before the first case."""
        shares = [held / weight for held, weight in zip(self._held, self._weight, strict=True) if weight]
        return Covered(sum(shares) / len(shares), self.cases) if shares else None

    @property
    def remembered(self) -> tuple[int, list[float], list[float]]:
        return self.cases, self._held, self._weight

    def _count(self, level: int, held: bool) -> None:
        keep = 1 - 1 / MEMORY_CASES
        self._held[level] = self._held[level] * keep + held
        self._weight[level] = self._weight[level] * keep + 1
        self.cases += 1
