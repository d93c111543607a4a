"""The limiter's ways in against what people use today, and against what store and protocol allow at most.

One decision for one of 100,000 random keys under one wide limit; one worker, one store, this machine.
"""

import argparse
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from benchmarks import bench_ratelimit_store as store
from benchmarks.bench_ratelimit_field import Field
from benchmarks.bench_ratelimit_goals import GRPC, LANE, Apart, goals, p99, ratios
from benchmarks.bench_ratelimit_report import RateReport, draw
from benchmarks.drivers.turn import Reading, pace
from benchmarks.harness import Run, no_log_lines, quiet_rounds
from benchmarks.peers.folder import DEFAULT, PeerAbsent
from benchmarks.peers.others import Place
from benchmarks.peers.process import StartFailed
from benchmarks.servers import Server, free_ports
from benchmarks.words import Words

PACED_SHARE = 0.7
EXTRA = 0.3  # of the rounds, for those that others disturbed: a full run stays under eight minutes


@dataclass(frozen=True, slots=True)
class Length:
    """Of a run: rounds, seconds of a turn, and how often each lane is paced."""

    rounds: int
    seconds: float
    paced: int


FULL, QUICK = Length(6, 2.0, 5), Length(2, 1.0, 1)


def main(argv: Sequence[str]) -> int:
    """0 when every goal that could be measured was met, else 1."""
    args = _parser().parse_args(argv)
    length = QUICK if args.quick else FULL
    length = Length(args.rounds or length.rounds, args.seconds or length.seconds, length.paced)
    try:
        with no_log_lines(), tempfile.TemporaryDirectory(prefix="sadd-bench-") as folder:
            report = measure(Path(folder), length, args)
    except (StartFailed, PeerAbsent) as why:  # of our own platform: a peer's is a line of the report
        print(f"sadd bench ratelimit: {why}", file=sys.stderr)
        return 1
    if args.plot:
        draw(report, args.plot)
    print(report.as_json()) if args.json else report.print()
    return report.exit_code()


def _parser() -> argparse.ArgumentParser:
    parser = Words(prog="sadd bench ratelimit", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print everything as JSON, with a list of goals")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the rates into an SVG")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s: shows that it runs, no more")
    parser.add_argument("--rounds", type=int, help="turns of each subject (default 6)")
    parser.add_argument("--seconds", type=float, help="of a turn (default 2)")
    parser.add_argument(
        "--peers", type=Path, default=DEFAULT, metavar="DIR", help=f"where peers lie (default {DEFAULT})"
    )
    parser.add_argument("--only-ours", action="store_true", help="no peers, and nothing to install")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="subjects whose name has this text in it; =NAME: that one"
    )
    return parser


def measure(folder: Path, length: Length, args: argparse.Namespace) -> RateReport:
    chance = random.Random(7)
    with ExitStack() as stack:
        server = stack.enter_context(Server(folder / "store", free_ports(1)[0]))
        apart = stack.enter_context(Server(folder / "apart", free_ports(1)[0]))
        bytes_a_key = store.bytes_a_key(apart)
        place = Place(stack, folder, args.peers, server.port)
        field = Field.open(place, server, only_ours=args.only_ours, only=args.only)
        subjects = field.subjects(length.seconds)
        run = uvloop.run(quiet_rounds(subjects, length.rounds, chance, extra=EXTRA))
        paced = {name: _paced(field, name, run, length) for name in (LANE, GRPC) if name in field.contenders}
    return _report(run, paced, bytes_a_key, field.notes, chance)


def _paced(field: Field, name: str, run: Run[Reading], length: Length) -> list[Reading]:
    """Turns at a steady share of the rate that it reached in the rounds."""
    rate = PACED_SHARE * statistics.median(reading.rate for reading in run.samples[name])
    contender = field.contenders[name]
    drive = partial(pace, contender, length.seconds, rate)
    return [field.read(contender, drive) for _ in range(length.paced)]


def _report(
    run: Run[Reading],
    paced: dict[str, list[Reading]],
    bytes_a_key: tuple[float, float],
    notes: list[str],
    chance: random.Random,
) -> RateReport:
    usage, growth = bytes_a_key
    apart = Apart(p99(paced.get(LANE)), p99(paced.get(GRPC)), max(usage, growth))
    facts: dict[str, float | str] = {
        "a live key, bytes by MEMORY USAGE": round(usage, 1),
        "a live key, bytes by the growth of used memory": round(growth, 1),
    }
    for name, readings in paced.items():
        facts |= _paced_facts(name, readings)
    found = ratios(run.samples, chance)
    goals_found = goals(run.samples, found, apart)
    return RateReport("sadd bench ratelimit", run.samples, found, goals_found, facts, run.notes() + notes)


def _paced_facts(name: str, readings: Sequence[Reading]) -> dict[str, float | str]:
    def median(of: Callable[[Reading], float | None]) -> float:
        return round(statistics.median(of(reading) or 0.0 for reading in readings), 2)

    return {
        f"{name}, at 70 %: calls a second": median(lambda reading: reading.rate),
        f"{name}, at 70 %: median ms": median(lambda reading: reading.p50_ms),
        f"{name}, at 70 %: p99 ms": median(lambda reading: reading.p99_ms),
        f"{name}, at 70 %: p99 of how late the pump itself sent, ms": median(lambda reading: reading.lag_ms),
        f"{name}, at 70 %: the pump's use of its core": median(lambda reading: reading.cores["generator"]),
        f"{name}, at 70 %: share of the machine that others used": median(lambda reading: reading.others),
        f"{name}, at 70 %: failed": sum(reading.failed for reading in readings),
    }
