"""What a crowd was told, judged by its log alone: nothing here knows how a number or a pass came about.

A visitor is certainly inside from the moment at which he heard of his admission until he is about to leave or
his pass ends. More than the cap certainly inside at once is a cap that was passed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

LOST_STATES = frozenset({"expired", "abandoned"})
"""If it is the last that somebody hears who never left. A turn that a fault let pass comes again, by rule."""


@dataclass(slots=True)
class Told:
    """All that one visitor was told, in order."""

    numbers: set[int] = field(default_factory=set)
    states: list[str] = field(default_factory=list)
    passes: dict[str, int] = field(default_factory=dict)
    """Id to end, ns."""
    joined: int | None = None
    inside_ns: int | None = None
    leaves_ns: int | None = None
    refused: str = ""
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """When people came, and when the fault was over."""

    from_ns: int
    to_ns: int
    mended_ns: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one round. The first six must be 0."""

    places_lost: int
    numbers_twice: int
    double_admissions: int
    over_cap: int
    """How many more than the cap were certainly inside at once."""
    unanswered: int
    """Visitors whom nobody could tell, seconds after the fault was over, where they stand."""
    stuck: int
    """1 when nobody at all was let in once the fault was over."""
    joined: int
    admitted: int
    most_inside: int
    stood_still_s: float
    """The longest time in the round without an admission, while people came."""
    take_over_s: float | None = None
    """From the fault until another process led; None where none had to."""

    @property
    def clean(self) -> bool:
        wrong = (self.places_lost, self.numbers_twice, self.double_admissions, self.over_cap)
        return not any(wrong) and not self.unanswered and not self.stuck


def read(path: Path) -> dict[int, Told]:
    """By visitor. A last line that was cut short is none."""
    visitors: defaultdict[int, Told] = defaultdict(Told)
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            kind, name, *words = line.split()
            _take(visitors[int(name)], kind, words)
    return dict(visitors)


def judge(visitors: dict[int, Told], *, cap: int, numbers: set[int], span: Span) -> Verdict:
    """``numbers`` are those of earlier rounds; this one's are added."""
    told = list(visitors.values())
    joined = [visitor.joined for visitor in told if visitor.joined is not None]
    given = Counter(joined)
    twice = sum(count - 1 for count in given.values()) + len(numbers & given.keys())
    numbers.update(given)
    passes = Counter(pass_id for visitor in told for pass_id in visitor.passes)
    double = sum(max(len(visitor.passes) - 1, 0) for visitor in told) + sum(n - 1 for n in passes.values())
    most = _most_inside(told)
    return Verdict(
        places_lost=sum(_lost(visitor) for visitor in told),
        numbers_twice=twice,
        double_admissions=double,
        over_cap=max(most - cap, 0),
        unanswered=sum(visitor.unanswered for visitor in told),
        stuck=int(not any((visitor.inside_ns or 0) > span.mended_ns for visitor in told)),
        joined=len(joined),
        admitted=sum(bool(visitor.passes) for visitor in told),
        most_inside=most,
        stood_still_s=_longest_gap_s(told, span.from_ns, span.to_ns),
    )


def _take(told: Told, kind: str, words: list[str]) -> None:
    at_ns = int(words[-1])
    if kind == "J":
        told.joined = int(words[0])
        told.numbers.add(int(words[0]))
    elif kind == "S":
        told.numbers.add(int(words[0]))
        told.states.append(words[1])
    elif kind == "A":
        told.numbers.add(int(words[0]))
        told.passes[words[1]] = int(words[2]) * 1_000_000_000
        told.inside_ns = at_ns if told.inside_ns is None else told.inside_ns
    elif kind == "L":
        told.leaves_ns = at_ns
    elif kind == "R":
        told.refused = words[0]
    elif kind == "U":
        told.unanswered = True


def _lost(told: Told) -> bool:
    """His number became another, his ticket was refused, or his turn was over for good."""
    over = bool(told.states) and told.states[-1] in LOST_STATES and not told.passes
    return len(told.numbers) > 1 or bool(told.refused) or over


def _most_inside(told: Iterable[Told]) -> int:
    most = inside = 0
    for _, change in sorted(_changes(told)):  # at one instant who leaves goes first
        inside += change
        most = max(most, inside)
    return most


def _changes(told: Iterable[Told]) -> Iterator[tuple[int, int]]:
    for visitor in told:
        if visitor.inside_ns is None:
            continue
        ends_ns = max(visitor.passes.values())
        out_ns = ends_ns if visitor.leaves_ns is None else min(visitor.leaves_ns, ends_ns)
        if out_ns > visitor.inside_ns:
            yield visitor.inside_ns, 1
            yield out_ns, -1


def _longest_gap_s(told: Iterable[Told], from_ns: int, to_ns: int) -> float:
    moments = sorted(
        visitor.inside_ns
        for visitor in told
        if visitor.inside_ns is not None and from_ns < visitor.inside_ns < to_ns
    )
    edges = [from_ns, *moments, to_ns]
    return max(after - before for before, after in pairwise(edges)) / 1e9
