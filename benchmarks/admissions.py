"""Reads what workers admitted, and judges it without knowing how they decided.

A GCRA limit of ``limit`` a ``period`` with ``burst`` admits in **any** span of s seconds at most

    burst + s x limit / period

units: a bucket that is full at the span's start, and what flows in meanwhile. An admission counts for a
span when it certainly lies in it, asked after its start and answered before its end. A limit of fixed windows
has ``burst`` 0 and admits ``limit`` in each of them.
"""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NS = 1_000_000_000


@dataclass(frozen=True, slots=True, order=True)
class Admission:
    """When it was asked for, and when it was known to be granted; nanoseconds of one clock."""

    asked_ns: int
    told_ns: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """``excess`` is by how many units the worst span of any key exceeded its limit; 0 is none."""

    admitted: int
    possible: int
    excess: int

    @property
    def clean(self) -> bool:
        return self.excess <= 0

    @property
    def under(self) -> float:
        """The share of what could have been admitted that was not."""
        return 1 - self.admitted / self.possible if self.possible else 0.0


def read(files: Iterable[Path]) -> dict[str, list[Admission]]:
    """Admissions by key, in the order in which they were asked for. A line that was cut off is none."""
    found: dict[str, list[Admission]] = defaultdict(list)
    for file in files:
        whole, _, _ = file.read_text().rpartition("\n")
        for line in whole.splitlines():
            key, asked, told = line.split()
            found[key].append(Admission(int(asked), int(told)))
    return {key: sorted(admissions) for key, admissions in found.items()}


@dataclass(frozen=True, slots=True)
class Limit:
    """``limit`` units a period. With ``burst`` 0 in fixed windows, which begin at multiples of the period."""

    limit: int
    period_seconds: int
    burst: int

    @property
    def rate(self) -> float:
        return self.limit / self.period_seconds

    def possible(self, began_ns: int, ended_ns: int) -> int:
        """What one key could have been admitted by somebody who asked all the time."""
        if self.burst:
            return int(self.burst + (ended_ns - began_ns) / NS * self.rate)
        return self.limit * (self.window(ended_ns) - self.window(began_ns) + 1)

    def window(self, at_ns: int) -> int:
        return at_ns // NS // self.period_seconds


def judge(
    admissions: Mapping[str, Sequence[Admission]], limit: Limit, *, began_ns: int, ended_ns: int
) -> Verdict:
    """``began_ns`` and ``ended_ns`` are the times between which everybody asked."""
    excess = _excess if limit.burst else _excess_of_windows
    return Verdict(
        admitted=sum(map(len, admissions.values())),
        possible=len(admissions) * limit.possible(began_ns, ended_ns),
        excess=max((excess(of_key, limit) for of_key in admissions.values()), default=0),
    )


def _excess_of_windows(admissions: Sequence[Admission], limit: Limit) -> int:
    """What may lie in either of two windows counts in none."""
    windows = Counter(
        window
        for admission in admissions
        if (window := limit.window(admission.asked_ns)) == limit.window(admission.told_ns)
    )
    return max(windows.values(), default=0) - limit.limit


def _excess(admissions: Sequence[Admission], limit: Limit) -> int:
    """Looks at every span that begins where one was asked for and ends where one was told.

    From the last start to the first, so that the ends of all that were asked for later are at hand.
    """
    worst = 0
    ends: list[int] = []
    for admission in reversed(admissions):
        insort(ends, admission.told_ns)
        start = admission.asked_ns
        # Spans that end before this one was told do not hold it, and were seen with a later start.
        for place in range(bisect_left(ends, admission.told_ns), len(ends)):
            allowed = limit.burst + int((ends[place] - start) / NS * limit.rate + 1e-6)
            worst = max(worst, place + 1 - allowed)
    return worst
