"""Sessions against what bounds them: the lane's decision, bytes of store, and signing out everywhere.

One worker, one store, this machine. Rates take turns; what a session takes in the store, and what it costs to
end a subject among a million sessions, are measured before or after.
"""

import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks.bench_ratelimit_report import RateReport
from benchmarks.bench_session_goals import Apart, Ended, goals, ratios
from benchmarks.bench_session_platform import open_sessions, revocations
from benchmarks.bench_session_store import ended_ms, fill, stored
from benchmarks.drivers import wrk
from benchmarks.harness import no_log_lines, quiet_rounds
from benchmarks.peers.folder import PeerAbsent
from benchmarks.peers.process import StartFailed
from benchmarks.servers import Server, free_ports
from benchmarks.words import Words

EXTRA = 0.3  # of the rounds, for those that others disturbed


@dataclass(frozen=True, slots=True)
class Length:
    """Of a run: rounds, seconds of a turn, sessions whose bytes are counted, sessions in the store while
    subjects are ended, how many subjects, their sessions, and sign-outs that are listened for."""

    rounds: int
    seconds: float
    weighed: int
    others: int
    subjects: int
    each: int
    heard: int


FULL = Length(6, 2.0, 10_000, 1_000_000, 20, 50, 200)
QUICK = Length(1, 0.3, 500, 20_000, 3, 5, 10)


def main(argv: Sequence[str]) -> int:
    """0 when every goal that could be measured was met, else 1."""
    args = _parser().parse_args(argv)
    length = QUICK if args.quick else FULL
    try:
        with no_log_lines(), tempfile.TemporaryDirectory(prefix="sadd-bench-") as folder:
            report = measure(Path(folder), length)
    except (StartFailed, PeerAbsent) as why:
        print(f"sadd bench session: {why}", file=sys.stderr)
        return 1
    print(report.as_json()) if args.json else report.print()
    return report.exit_code()


def _parser() -> Words:
    parser = Words(prog="sadd bench session", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print everything as JSON, with a list of goals")
    parser.add_argument("--quick", action="store_true", help="a small store: shows that it runs, no more")
    return parser


def measure(folder: Path, length: Length) -> RateReport:
    chance = random.Random(7)
    weighed = stored(folder / "weighed", length.weighed)
    with ExitStack() as stack:
        server = stack.enter_context(Server(folder / "store", free_ports(1)[0]))
        subjects = list(open_sessions(stack, folder / "platform", server, length.seconds))
        run = uvloop.run(quiet_rounds(subjects, length.rounds, chance, extra=EXTRA))
        fill(server, length.others)
        ended = ended_ms(server, length.subjects, length.each)
        heard = revocations(folder / "four", server, length.heard)
    apart = Apart(weighed, Ended(length.others, length.each, ended, heard))
    found = ratios(run.samples, chance)
    notes = run.notes() + ([] if wrk.present() else [wrk.ABSENT])
    return RateReport("sadd bench session", run.samples, found, goals(found, apart), apart.facts(), notes)
