"""What people were told of their sessions, judged by the log alone: nothing here knows how it came about.

A look is held against what was acknowledged before it was asked for. What a class may lose by rule is
forgiven and counted apart: of ``hot`` what was acknowledged in the time that the fault may cost. Nothing of
``durable`` is, and no sign-out of either.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.forgiven import Span


@dataclass(frozen=True, slots=True)
class Look:
    """``value`` None: there was no session."""

    asked_ns: int
    value: int | None


@dataclass(slots=True)
class Life:
    """All that was told of one session."""

    kind: str = ""
    session_id: str = ""
    known_ns: int = 0
    """When its present id was acknowledged."""
    turning_ns: int | None = None
    """Since then it is not known which id holds."""
    leaving_ns: int | None = None
    left_ns: int | None = None
    changes: list[tuple[int, int]] = field(default_factory=list)
    """(when it was acknowledged, value), rising."""
    looks: list[Look] = field(default_factory=list)
    doubles: list[int] = field(default_factory=list)
    """When the id was acknowledged instead of which an older one could still change the session."""
    untold: bool = False
    turns: int = 0
    away: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one round. The first six must be 0."""

    revoked_alive: int
    """Looks that found a session after its sign-out was acknowledged."""
    durable_lost: int
    durable_undone: int
    """Looks that found less than the last change that was acknowledged."""
    hot_lost: int
    """Sessions and changes of ``hot``, but for what the fault may cost."""
    two_ids: int
    untold: int
    hot_forgiven: int
    signed_in: int
    signed_out: int
    changed: int
    turned: int
    looks: int
    away: int
    """Answers "a store is away"."""

    @property
    def clean(self) -> bool:
        wrong = (self.revoked_alive, self.durable_lost, self.durable_undone, self.hot_lost, self.two_ids)
        return not any(wrong) and not self.untold


def read(paths: Iterable[str | Path]) -> dict[str, Life]:
    """By name, in the order of the files. A last line that was cut short is none."""
    lives: defaultdict[str, Life] = defaultdict(Life)
    for path in paths:
        for line in Path(path).read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                kind, name, *words = line.split()
                _take(lives[name], kind, words[:-2], int(words[-2]), int(words[-1]))
    return dict(lives)


def _take(life: Life, kind: str, words: list[str], asked_ns: int, told_ns: int) -> None:
    match kind:
        case "C":
            life.kind, life.session_id = words
            life.known_ns = told_ns
        case "B" if words[0] == "turn":
            life.turning_ns = asked_ns
        case "B" if words[0] == "leave":
            life.leaving_ns = asked_ns
        case "T":
            (life.session_id,) = words
            life.known_ns, life.turning_ns = told_ns, None
            life.turns += 1
        case "W":
            life.changes.append((told_ns, int(words[0])))
        case "E":
            life.left_ns = told_ns
        case "G":
            life.looks.append(Look(asked_ns, int(words[0])))
        case "X":
            life.looks.append(Look(asked_ns, None))
            life.turning_ns = None  # it was asked for by the id that is known
        case "D":
            life.doubles.append(life.known_ns)
        case "U":
            life.untold = True
        case "A":
            life.away += 1


def judge(lives: Iterable[Life], forgiven: Span) -> Verdict:
    """``forgiven``: what ``hot`` may lose in this round."""
    told = [life for life in lives if life.kind]
    faults = [found for life in told for found in _faults(life, forgiven)]
    return Verdict(
        revoked_alive=faults.count("revoked alive"),
        durable_lost=faults.count("durable lost"),
        durable_undone=faults.count("durable undone"),
        hot_lost=faults.count("hot lost"),
        two_ids=faults.count("two ids"),
        untold=sum(life.untold for life in told),
        hot_forgiven=faults.count("forgiven"),
        signed_in=len(told),
        signed_out=sum(life.left_ns is not None for life in told),
        changed=sum(len(life.changes) for life in told),
        turned=sum(life.turns for life in told),
        looks=sum(len(life.looks) for life in told),
        away=sum(life.away for life in told),
    )


def _faults(life: Life, forgiven: Span) -> list[str]:
    found = []
    for look in life.looks:
        if life.left_ns is not None and look.asked_ns > life.left_ns:
            found += ["revoked alive"] if look.value is not None else []
        elif life.leaving_ns is None or look.asked_ns < life.leaving_ns:
            found += _missing(life, look, forgiven)
    for known_ns in life.doubles:
        found.append("two ids" if life.kind == "durable" or known_ns not in forgiven else "forgiven")
    return found


def _missing(life: Life, look: Look, forgiven: Span) -> list[str]:
    if look.asked_ns < life.known_ns:
        return []  # a look by an id before; nobody asks at once with two
    if look.value is None:
        return [_of_class(life, life.known_ns, forgiven, "lost")]
    due = [(at_ns, value) for at_ns, value in life.changes if at_ns < look.asked_ns]
    if not due or look.value >= due[-1][1]:
        return []
    gone = [at_ns for at_ns, value in due if value > look.value]
    return [_of_class(life, min(gone), forgiven, "undone")]


def _of_class(life: Life, at_ns: int, forgiven: Span, how: str) -> str:
    if life.kind == "durable":
        return f"durable {how}"
    return "forgiven" if at_ns in forgiven else "hot lost"
