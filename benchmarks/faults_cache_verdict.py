"""What the readers of a cache were told, judged by the log alone: nothing here knows how it came about.

An answer is too old when it has a version for which a purge was acknowledged more than the bound before the
question. What a fail-over may forget is forgiven and counted apart: purges that were acknowledged so shortly
before a primary died that its replica had not heard of them.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.forgiven import NOTHING, Span


@dataclass(frozen=True, slots=True)
class Purge:
    told_ns: int
    version: int


@dataclass(frozen=True, slots=True)
class Answer:
    asked_ns: int
    version: int
    is_near: bool
    reader: str


@dataclass(slots=True)
class Told:
    """All that was told of one key."""

    purges: list[Purge] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    loads: list[tuple[int, int]] = field(default_factory=list)
    away: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one round. The first three must be 0."""

    too_old: int
    over_cap: int
    """How many more loads of one key were under way at once than there are workers."""
    deaf: int
    """Readers that were asked to the end and answered nothing from memory once the fault was over."""
    near: int
    """Answers from memory."""
    answers: int
    purges: int
    loads: int
    most_loads: int
    """Of one key at once."""
    away: int
    forgiven: int
    oldest_ms: float
    """The longest after an acknowledged purge that an older version was still the answer."""

    @property
    def clean(self) -> bool:
        return not (self.too_old or self.over_cap or self.deaf)


def read(paths: Iterable[str | Path]) -> dict[int, Told]:
    """By key. A last line that was cut short is none."""
    keys: defaultdict[int, Told] = defaultdict(Told)
    for path in map(Path, paths):
        for line in path.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                kind, key, word, asked_ns, told_ns = line.split()
                _take(keys[int(key)], kind, word, int(asked_ns), int(told_ns), path.name)
    for told in keys.values():
        told.purges.sort(key=lambda purge: purge.told_ns)
    return dict(keys)


def _take(told: Told, kind: str, word: str, asked_ns: int, told_ns: int, reader: str) -> None:
    if kind == "P":
        told.purges.append(Purge(told_ns, int(word)))
    elif kind in "NF":
        told.answers.append(Answer(asked_ns, int(word), kind == "N", reader))
    elif kind == "L":
        told.loads.append((asked_ns, told_ns))
    else:
        told.away += 1


def judge(
    keys: dict[int, Told], *, bound_ms: int, workers: int, mended_ns: int, forgiven: Span = NOTHING
) -> Verdict:
    """``workers`` is how many processes may load at most."""
    ages = list(_ages(keys.values(), forgiven))
    told = [answer for key in keys.values() for answer in key.answers]
    most = max((_most_at_once(key.loads) for key in keys.values()), default=0)
    late = {answer.reader for answer in told if answer.asked_ns > mended_ns}
    heard = {answer.reader for answer in told if answer.asked_ns > mended_ns and answer.is_near}
    return Verdict(
        too_old=sum(age_ns > bound_ms * 1e6 for age_ns, is_forgiven in ages if not is_forgiven),
        over_cap=max(0, most - workers),
        deaf=len(late - heard),
        near=sum(answer.is_near for answer in told),
        answers=len(told),
        purges=sum(len(key.purges) for key in keys.values()),
        loads=sum(len(key.loads) for key in keys.values()),
        most_loads=most,
        away=sum(key.away for key in keys.values()),
        forgiven=sum(is_forgiven for _, is_forgiven in ages),
        oldest_ms=round(max((age for age, is_forgiven in ages if not is_forgiven), default=0) / 1e6, 1),
    )


def _ages(keys: Iterable[Told], forgiven: Span) -> Iterator[tuple[int, bool]]:
    """Of each answer that was overtaken: since when (ns), and whether only by purges that are forgiven."""
    for told in keys:
        held = [purge for purge in told.purges if purge.told_ns not in forgiven]
        for answer in told.answers:
            age_ns = _age_ns(answer, held)
            if age_ns is not None:
                yield age_ns, False
            elif (whole_ns := _age_ns(answer, told.purges)) is not None:
                yield whole_ns, True


def _age_ns(answer: Answer, purges: list[Purge]) -> int | None:
    """How long before the question the first purge of that version was acknowledged. None: none was.

    There is one writer, so that versions rise as purges are told.
    """
    place = bisect_right(purges, answer.version, key=lambda purge: purge.version)
    if place == len(purges) or purges[place].told_ns >= answer.asked_ns:
        return None
    return answer.asked_ns - purges[place].told_ns


def _most_at_once(loads: Iterable[tuple[int, int]]) -> int:
    changes: Counter[tuple[int, int]] = Counter()
    for began_ns, ended_ns in loads:
        changes[began_ns, 1] += 1
        changes[ended_ns, -1] += 1
    most = under_way = 0
    for (_, change), count in sorted(changes.items()):  # at one instant what ends goes first
        under_way += change * count
        most = max(most, under_way)
    return most
