"""The waiting room against what bounds it: the lane's bare answer, a decision, the signature's own price.

One worker, one store, this machine. Rates take turns with their limits; what a room stores, how evenly it
lets in, how soon another leader takes over and what a draw costs are measured once, before or after.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks.bench_queue_goals import Apart, Drawn, goals, ratios
from benchmarks.bench_queue_keeping import kept
from benchmarks.bench_queue_outflow import let_in
from benchmarks.bench_queue_passes import passes
from benchmarks.bench_queue_platform import open_crowded, take_overs
from benchmarks.bench_ratelimit_report import RateReport
from benchmarks.drivers import wrk
from benchmarks.drivers.turn import Reading
from benchmarks.harness import Subject, no_log_lines, quiet_rounds
from benchmarks.peers.folder import PeerAbsent
from benchmarks.peers.process import StartFailed
from benchmarks.servers import Server, free_ports
from benchmarks.words import Words

EXTRA = 0.3  # of the rounds, for those that others disturbed


@dataclass(frozen=True, slots=True)
class Length:
    """Of a run: rounds, seconds of a turn, visitors who wait, entries of the draw, kills of the leader."""

    rounds: int
    seconds: float
    waiting: int
    drawn: int
    kills: int


FULL, QUICK = Length(6, 2.0, 1_000_000, 1_000_000, 5), Length(2, 1.0, 20_000, 20_000, 1)


def main(argv: Sequence[str]) -> int:
    """0 when every goal that could be measured was met, else 1."""
    args = _parser().parse_args(argv)
    length = QUICK if args.quick else FULL
    try:
        with no_log_lines(), tempfile.TemporaryDirectory(prefix="sadd-bench-") as folder:
            report = measure(Path(folder), length, seed=args.seed)
    except (StartFailed, PeerAbsent) as why:
        print(f"sadd bench queue: {why}", file=sys.stderr)
        return 1
    print(report.as_json()) if args.json else report.print()
    return report.exit_code()


def _parser() -> argparse.ArgumentParser:
    parser = Words(prog="sadd bench queue", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print everything as JSON, with a list of goals")
    parser.add_argument("--quick", action="store_true", help="a small crowd: shows that it runs, no more")
    parser.add_argument("--seed", type=int, default=7, help="of all chance [7]")
    return parser


def measure(folder: Path, length: Length, *, seed: int) -> RateReport:
    chance = random.Random(seed)
    apart = Apart(
        waiting=length.waiting,
        drawn=length.drawn,
        kept=kept(folder / "kept", length.waiting),
        let_in=let_in(seed),
        take_over_s=take_overs(folder / "leaders", length.kills),
        draw=_draw(length.drawn),
    )
    with ExitStack() as stack:
        server = stack.enter_context(Server(folder / "store", free_ports(1)[0]))
        subjects: list[Subject[Reading]] = [
            *open_crowded(stack, folder / "platform", server, length.seconds),
            *passes(chance),
        ]
        run = uvloop.run(quiet_rounds(subjects, length.rounds, chance, extra=EXTRA))
    notes = run.notes() + ([] if wrk.present() else [wrk.ABSENT])
    found = ratios(run.samples, chance)
    return RateReport(
        "sadd bench queue", run.samples, found, goals(run.samples, found, apart), apart.facts(), notes
    )


def _draw(count: int) -> Drawn:
    from benchmarks.bench_draw import check  # late: it loads numpy and the beacon's curve

    checked = check(count)
    return Drawn(checked.whole_s, checked.place_ms, checked.whole_cpu_s, checked.place_cpu_ms)
