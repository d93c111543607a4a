"""Breaks what sessions stand on, round after round, and proves what must never happen.

In each round people sign in at several workers of the real engine, look, change what is kept, get new ids and
sign out; and in the middle of it one thing breaks for real: a worker, Valkey (restored from its file, or from
nothing), PostgreSQL, the network, a primary of a cluster. At the end every session is looked at once more by
a worker that knows nothing. ``benchmarks.faults_session_verdict`` judges the log: nobody who signed out is
alive, nothing acknowledged of ``durable`` is lost, of ``hot`` only what the fault may cost.
"""

import json
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.campaign import asked, exit_code, played, rows, show, words_of
from benchmarks.faults_session_scene import Scene, opened
from benchmarks.faults_session_verdict import Verdict, judge, read
from benchmarks.forgiven import NOTHING, Span
from benchmarks.harness import no_log_lines

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
    parser = words_of("sadd faults session", __doc__, FAULTS)
    parser.add_argument("--people", type=int, default=32, help="at once at each of three workers [32]")
    args, names = asked(parser, argv, FAULTS)
    if args.people < 1:
        parser.error("--people: at least 1")
    rounds = played(
        names, lambda name, number: play(name, args.seed + number, people=args.people), tell=not args.json
    )
    if args.json:
        print(json.dumps({"rounds": rows(rounds)}, indent=2))
    else:
        show(rounds, _HEADS, _cells, width=170, summary=_SUMMARY)
    return exit_code(rounds)


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
_SUMMARY = (
    "; {dirty} with somebody alive who had signed out, durable lost, "
    "more of hot lost than the fault may cost (forgiven), two ids at once, or anybody untold."
)


def _cells(verdicts: Sequence[Verdict]) -> Iterator[str]:
    for name in _HEADS.values():
        yield f"{sum(getattr(verdict, name) for verdict in verdicts):,}"
