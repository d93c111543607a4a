"""Breaks what sessions stand on, round after round, and proves what must never happen.

In each round people sign in at several workers of the real engine, look, change what is kept, get new ids and
sign out; and in the middle of it one thing breaks for real: a worker, Valkey (restored from its file, or from
nothing), PostgreSQL, the network, a primary of a cluster. At the end every session is looked at once more by
a worker that knows nothing. ``benchmarks.faults_session_verdict`` judges the log: nobody who signed out is
alive, nothing acknowledged of ``durable`` is lost, of ``hot`` only what the fault may cost.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.faults_session_scene import Scene, opened
from benchmarks.faults_session_verdict import NOTHING, Span, Verdict, judge, read
from benchmarks.harness import no_log_lines
from benchmarks.words import Words

WORKERS = 3
BEFORE_SECONDS = (1.0, 2.0)
AFTER_SECONDS = 2.0
FAIL_OVER_SECONDS = 5.0
HOT_WINDOW_NS = 1_000_000_000
"""Of ``hot``, what was acknowledged so shortly before Valkey is killed: its file is flushed once a second."""


Breaking = Callable[[Scene], None]


def _kill_a_worker(scene: Scene) -> None:
    scene.chance.choice(scene.workers).kill()
    scene.pause()
    scene.start_worker()


def _freeze_a_worker(scene: Scene) -> None:
    _freeze(scene, scene.chance.choice(scene.workers))


def _kill_valkey(scene: Scene) -> None:
    scene.may_lose(time.time_ns() - HOT_WINDOW_NS)
    scene.valkey.kill()
    scene.pause()
    scene.valkey.start()


def _wipe_valkey(scene: Scene) -> None:
    scene.may_lose(0)
    scene.valkey.kill()
    shutil.rmtree(scene.valkey.folder)
    scene.pause()
    scene.valkey.start()


def _freeze_valkey(scene: Scene) -> None:
    scene.valkey.freeze()
    scene.pause()
    scene.valkey.thaw()


def _kill_postgres(scene: Scene) -> None:
    scene.database.kill()
    scene.pause()
    scene.database.start()


def _freeze_postgres(scene: Scene) -> None:
    scene.database.freeze()
    scene.pause()
    scene.database.thaw()


def _cut_valkey_off(scene: Scene) -> None:
    """One worker reaches the store by a network of its own, which lets nothing through for a while."""
    relay, port = scene.network(scene.valkey.port)
    scene.start_worker(store_url=f"redis://127.0.0.1:{port}")
    scene.pause(BEFORE_SECONDS)
    _freeze(scene, relay)


def _cut_postgres_off(scene: Scene) -> None:
    relay, port = scene.network(scene.database.port)
    scene.start_worker(database_url=f"postgresql://sadd@127.0.0.1:{port}/sadd")
    scene.pause(BEFORE_SECONDS)
    _freeze(scene, relay)


def _fail_over(scene: Scene) -> None:
    assert scene.nodes is not None
    scene.may_lose(time.time_ns() - HOT_WINDOW_NS)
    scene.chance.choice(scene.nodes.servers[:3]).kill()
    time.sleep(FAIL_OVER_SECONDS)


def _freeze(scene: Scene, program: "subprocess.Popen[str]") -> None:
    program.send_signal(signal.SIGSTOP)
    scene.pause()
    program.send_signal(signal.SIGCONT)


FAULTS: dict[str, Breaking] = {
    "a worker is killed": _kill_a_worker,
    "a worker freezes": _freeze_a_worker,
    "Valkey is killed": _kill_valkey,
    "Valkey is killed and empty": _wipe_valkey,
    "Valkey freezes": _freeze_valkey,
    "Valkey is cut off": _cut_valkey_off,
    "PostgreSQL is killed": _kill_postgres,
    "PostgreSQL freezes": _freeze_postgres,
    "PostgreSQL is cut off": _cut_postgres_off,
    "a primary is killed": _fail_over,
}


def main(argv: Sequence[str] | None = None) -> int:
    """0 when every round was clean, else 1."""
    parser = Words(prog="sadd faults session", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=len(FAULTS), help=f"one fault each, in turn [{len(FAULTS)}]"
    )
    parser.add_argument("--fault", choices=sorted(FAULTS), help="only this one")
    parser.add_argument("--people", type=int, default=32, help="at once at each of three workers [32]")
    parser.add_argument("--seed", type=int, default=0, help="of where and when things break [0]")
    parser.add_argument("--json", action="store_true", help="every round as JSON")
    args = parser.parse_args(argv)
    _check(parser, args)
    names = [args.fault] if args.fault else list(FAULTS)
    rounds: list[tuple[str, Verdict]] = []
    for number in range(args.rounds):
        name = names[number % len(names)]
        rounds.append((name, play(name, args.seed + number, people=args.people)))
        if not args.json:
            told = "clean" if rounds[-1][1].clean else rounds[-1][1]
            print(f"{number + 1}/{args.rounds} {name}: {told}", file=sys.stderr)
    print(_as_json(rounds)) if args.json else _print(rounds)
    return int(any(not verdict.clean for _, verdict in rounds))


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    for word in ("rounds", "people"):
        if getattr(args, word) < 1:
            parser.error(f"--{word}: at least 1")


def play(name: str, seed: int, *, people: int) -> Verdict:
    """One round of the fault of this name."""
    clustered = FAULTS[name] is _fail_over
    with (
        no_log_lines(),
        tempfile.TemporaryDirectory(prefix="sadd-faults-session-") as folder,
        ExitStack() as stack,
    ):
        scene = opened(Path(folder), random.Random(seed), stack, people, clustered=clustered)
        for _ in range(WORKERS):
            scene.start_worker()
        scene.pause(BEFORE_SECONDS)
        FAULTS[name](scene)
        mended_ns = time.time_ns()
        time.sleep(AFTER_SECONDS)
        for worker in scene.workers:
            worker.kill()
            worker.wait()
        scene.audit()
        lives = read([*sorted(scene.folder.glob("crowd-*")), scene.folder / "audit"])
    forgiven = NOTHING if scene.hot_from_ns is None else Span(scene.hot_from_ns, mended_ns)
    return judge(lives.values(), forgiven)


def _as_json(rounds: Sequence[tuple[str, Verdict]]) -> str:
    told = [{"fault": name, **asdict(verdict), "clean": verdict.clean} for name, verdict in rounds]
    return json.dumps({"rounds": told}, indent=2)


_HEADS = {
    "signed in": "signed_in",
    "changed": "changed",
    "new ids": "turned",
    "signed out": "signed_out",
    "looks": "looks",
    "told away": "away",
    "alive after": "revoked_alive",
    "durable lost": "durable_lost",
    "undone": "durable_undone",
    "hot lost": "hot_lost",
    "forgiven": "hot_forgiven",
    "two ids": "two_ids",
    "untold": "untold",
}


def _print(rounds: Sequence[tuple[str, Verdict]]) -> None:
    table = Table("what broke", "rounds", *_HEADS)
    for fault in dict(rounds):
        of_fault = [verdict for name, verdict in rounds if name == fault]
        sums = (sum(getattr(verdict, name) for verdict in of_fault) for name in _HEADS.values())
        table.add_row(fault, str(len(of_fault)), *(f"{total:,}" for total in sums))
    Console(width=170).print(table)
    dirty = sum(not verdict.clean for _, verdict in rounds)
    Console(width=170).print(
        f"{len(rounds)} rounds; {dirty or 'none'} with somebody alive who had signed out, durable lost, "
        "more of hot lost than the fault may cost (forgiven), two ids at once, or anybody untold."
    )
