"""What every campaign of faults has: its words, one round after another, and what is told of them."""

import argparse
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Protocol, TypeVar

from rich.console import Console
from rich.table import Table

from benchmarks.words import Words


class Judged(Protocol):
    """The verdict on one round: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def clean(self) -> bool: ...


V = TypeVar("V", bound=Judged)


def words_of(prog: str, description: str | None, faults: Collection[str], *, seed: int = 0) -> Words:
    """The words that all campaigns have; a campaign adds its own."""
    parser = Words(prog=prog, description=description)
    of_each = f"one fault each, in turn [{len(faults)}]"
    parser.add_argument("--rounds", type=int, default=len(faults), help=of_each)
    parser.add_argument("--fault", choices=sorted(faults), help="only this one")
    parser.add_argument("--seed", type=int, default=seed, help=f"of where and when things break [{seed}]")
    parser.add_argument("--json", action="store_true", help="every round as JSON")
    return parser


def asked(
    parser: Words, argv: Sequence[str] | None, faults: Iterable[str]
) -> tuple[argparse.Namespace, list[str]]:
    """The words that were given, and the fault of each round."""
    args = parser.parse_args(argv)
    if args.rounds < 1:
        parser.error("--rounds: at least 1")
    names = [args.fault] if args.fault else list(faults)
    return args, [names[number % len(names)] for number in range(args.rounds)]


def played(names: Sequence[str], play: Callable[[str, int], V], *, tell: bool) -> list[tuple[str, V]]:
    """``play`` with the fault and the number of each round; ``tell``: a line to stderr when one is over."""
    rounds = []
    for number, name in enumerate(names):
        verdict = play(name, number)
        rounds.append((name, verdict))
        if tell:
            told = "clean" if verdict.clean else verdict
            print(f"{number + 1}/{len(names)} {name}: {told}", file=sys.stderr)
    return rounds


def exit_code(rounds: Iterable[tuple[str, Judged]]) -> int:
    """0 when every round was clean, else 1."""
    return int(any(not verdict.clean for _, verdict in rounds))


def rows(rounds: Iterable[tuple[str, Judged]]) -> list[dict[str, Any]]:
    """Every round, for JSON."""
    return [{"fault": name, **asdict(verdict), "clean": verdict.clean} for name, verdict in rounds]


def show(
    rounds: Sequence[tuple[str, V]],
    heads: Iterable[str],
    cells: Callable[[list[V]], Iterable[str]],
    *,
    width: int,
    summary: str,
) -> None:
    """A line for each fault, and what its rounds come to; ``{dirty}`` in the summary counts the bad ones."""
    table = Table("what broke", "rounds", *heads)
    for fault in dict(rounds):
        of_fault = [verdict for name, verdict in rounds if name == fault]
        table.add_row(fault, str(len(of_fault)), *cells(of_fault))
    dirty = sum(not verdict.clean for _, verdict in rounds)
    console = Console(width=width)
    console.print(table)
    console.print(f"{len(rounds)} rounds{summary.format(dirty=dirty or 'none')}")
