"""The cache against libraries, proxies and what bounds it: one load for a crowd, hits, coherence.

One store, this machine. Rates take turns with their peers; crowds, the memory's hit ratio and how soon all
workers hear of an invalidation are measured before or after.
"""

import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks.bench_cache_goals import Apart, goals, ratios
from benchmarks.bench_cache_libraries import Libraries
from benchmarks.bench_cache_memory import find
from benchmarks.bench_cache_platform import invalidations, open_cached
from benchmarks.bench_cache_shield import CROWD_MS, Shields
from benchmarks.bench_cache_store import open_far
from benchmarks.bench_ratelimit_report import RateReport
from benchmarks.drivers import wrk
from benchmarks.drivers.turn import Reading
from benchmarks.harness import Run, Subject, no_log_lines, quiet_rounds
from benchmarks.peers.folder import DEFAULT, PeerAbsent
from benchmarks.peers.others import Place
from benchmarks.peers.process import StartFailed
from benchmarks.servers import Server, free_ports
from benchmarks.words import Words

EXTRA = 0.3  # of the rounds, for those that others disturbed


@dataclass(frozen=True, slots=True)
class Length:
    """Of a run: rounds, seconds of a turn, the crowd over four workers and its slow origin, misses and
    uncacheable requests at once before each proxy and how often, deletes that are listened for."""

    rounds: int
    seconds: float
    crowd: int
    slow_ms: int
    misses: int
    private: int
    rushes: int
    deletes: int


FULL = Length(4, 0.8, 10_000, 6_000, 1_000, 50, 3, 200)
QUICK = Length(1, 0.3, 300, 1_500, 100, 10, 1, 10)
REQUESTS, KEYS = 1_000_000, 100_000
"""Of the trace, which does not depend on the machine: so it is the same in both."""


def main(argv: Sequence[str]) -> int:
    """0 when every goal that could be measured was met, else 1."""
    args = _parser().parse_args(argv)
    length = QUICK if args.quick else FULL
    try:
        with no_log_lines(), tempfile.TemporaryDirectory(prefix="sadd-bench-") as folder:
            report = measure(Path(folder), args.peers, length, only_ours=args.only_ours)
    except (StartFailed, PeerAbsent) as why:
        print(f"sadd bench cache: {why}", file=sys.stderr)
        return 1
    print(report.as_json()) if args.json else report.print()
    return report.exit_code()


def _parser() -> Words:
    parser = Words(prog="sadd bench cache", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print everything as JSON, with a list of goals")
    parser.add_argument("--quick", action="store_true", help="small crowds: shows that it runs, no more")
    parser.add_argument("--only-ours", action="store_true", help="without libraries and proxies of others")
    parser.add_argument("--peers", type=Path, default=DEFAULT, help=f"where libraries are kept [{DEFAULT}]")
    return parser


def measure(folder: Path, peers: Path, length: Length, *, only_ours: bool) -> RateReport:
    chance = random.Random(7)
    with ExitStack() as stack:
        server = stack.enter_context(Server(folder / "store", free_ports(1)[0]))
        place = Place(stack, folder, peers, server.port)
        libraries = Libraries(place, length.seconds)
        shields = Shields(place, server, only_ours=only_ours)
        subjects = [
            *libraries.subjects(only_ours=only_ours),
            *shields.subjects(length.seconds),
            *open_cached(stack, folder / "platform", server, length.seconds),
        ]
        run = uvloop.run(_rounds(subjects, server, length, chance))
        rushes = shields.rushes(length.misses, length.private, length.rushes)
        fleet, slow = shields.fleet(length.crowd, length.slow_ms)
        heard = invalidations(folder / "four", server, length.deletes)
    apart = Apart(
        found=find(REQUESTS, KEYS, seed=7),
        fleet=fleet,
        fleet_slow=slow,
        rushes=rushes,
        crowd_origin_seconds=CROWD_MS / 1_000,
        feed_ms=heard,
        loads=libraries.loads,
    )
    found = ratios(run.samples, chance)
    notes = run.notes() + libraries.notes + shields.notes + ([] if wrk.present() else [wrk.ABSENT])
    told = goals(run.samples, found, apart)
    return RateReport("sadd bench cache", run.samples, found, told, apart.facts(), notes)


async def _rounds(
    subjects: list[Subject[Reading]], server: Server, length: Length, chance: random.Random
) -> Run[Reading]:
    far, close = await open_far(server, length.seconds)
    try:
        warm_up = length.rounds > 1  # who only looks whether it runs need not wait for two rounds
        return await quiet_rounds([*subjects, *far], length.rounds, chance, extra=EXTRA, warm_up=warm_up)
    finally:
        await close()
