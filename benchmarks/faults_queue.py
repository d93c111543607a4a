"""Breaks what a waiting room stands on, round after round, and proves what must never happen.

In each round people join two machines of the platform at an even rate, wait, take their turns, leave; and in
the middle of it one thing breaks for real: the leader, a worker, Valkey (restored from its file, or from
nothing), PostgreSQL, the network of each. The crowd notes what it is told, and
``benchmarks.faults_queue_verdict`` judges that log, which knows nothing of how it came about: no place lost,
no number twice, nobody admitted twice, never more inside than the cap. How long nobody was let in, and how
long a new leader took, is told beside.
"""

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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.campaign import asked, exit_code, played, rows, show, words_of
from benchmarks.faults_queue_crowd import Orders
from benchmarks.faults_queue_scene import Machine, Scene, Watch, frozen, pause, room_for_a_crowd, scene
from benchmarks.faults_queue_verdict import Span, Verdict, judge, read

JOINS_PER_SECOND = 200.0
BEFORE_SECONDS = (2.0, 3.0)
BROKEN_SECONDS = (3.0, 4.0)
"""Longer than a lease."""
DATABASE_AWAY_SECONDS = 10.0
AFTER_SECONDS = 5.0
DRAIN_SECONDS = 20.0
VISITORS_MAX = 1_000_000
"""Of one round: the names of the next begin above."""
ALLOWANCE = 1.1
"""The outflow is so much more than the joins, so that a round ends; the cap so that a short stay fills it."""
WINDOW_MS, PASS_MS = 15_000, 20_000


@dataclass(slots=True)
class Act:
    """What a fault may use, and what it tells: which epoch it ended, if it took the leader away."""

    scene: Scene
    chance: random.Random
    ended_epoch: int | None = None

    def between(self, span: tuple[float, float]) -> None:
        pause(self.chance.uniform(*span))


Breaking = Callable[[Act], None]


def _kill_the_leader(act: Act) -> None:
    act.ended_epoch, machine = act.scene.leader()
    _kill(machine)


def _kill_a_worker(act: Act) -> None:
    _, machine = act.scene.leader()
    _kill(act.scene.other_than(machine))


def _kill(machine: Machine) -> None:
    worker = machine.worker()
    if worker is not None:
        worker.send_signal(signal.SIGKILL)


def _freeze_the_leader(act: Act) -> None:
    act.ended_epoch, machine = act.scene.leader()
    worker = machine.worker()
    assert worker is not None, "it leads"
    with frozen(worker):
        act.between(BROKEN_SECONDS)


def _freeze_a_worker(act: Act) -> None:
    _, machine = act.scene.leader()
    worker = act.scene.other_than(machine).worker()
    assert worker is not None, "the machine is whole"
    with frozen(worker):
        act.between(BROKEN_SECONDS)


def _cut_the_leader_off(act: Act) -> None:
    act.ended_epoch, machine = act.scene.leader()
    _cut(act, machine.ways)


def _cut_a_worker_off(act: Act) -> None:
    _, machine = act.scene.leader()
    _cut(act, act.scene.other_than(machine).ways)


def _kill_valkey(act: Act) -> None:
    act.scene.valkey.kill()
    act.between((0.5, 1.5))
    act.scene.valkey.start()


def _wipe_valkey(act: Act) -> None:
    act.scene.valkey.kill()
    shutil.rmtree(act.scene.valkey.folder)
    act.between((0.5, 1.5))
    act.scene.valkey.start()


def _freeze_valkey(act: Act) -> None:
    act.scene.valkey.freeze()
    act.between(BROKEN_SECONDS)
    act.scene.valkey.thaw()


def _cut_valkey_off(act: Act) -> None:
    _cut(act, [machine.ways[0] for machine in act.scene.machines])


def _kill_postgres(act: Act) -> None:
    act.scene.database.kill()
    pause(DATABASE_AWAY_SECONDS)
    act.scene.database.start()


def _freeze_postgres(act: Act) -> None:
    act.scene.database.freeze()
    act.between(BROKEN_SECONDS)
    act.scene.database.thaw()


def _cut_postgres_off(act: Act) -> None:
    _cut(act, [machine.ways[1] for machine in act.scene.machines])


def _cut(act: Act, ways: Sequence[subprocess.Popen[str]]) -> None:
    with ExitStack() as cut:
        for way in ways:
            cut.enter_context(frozen(way))
        act.between(BROKEN_SECONDS)


FAULTS: dict[str, Breaking] = {
    "the leader is killed": _kill_the_leader,
    "the leader freezes": _freeze_the_leader,
    "the leader is cut off": _cut_the_leader_off,
    "a worker is killed": _kill_a_worker,
    "a worker freezes": _freeze_a_worker,
    "a worker is cut off": _cut_a_worker_off,
    "Valkey is killed": _kill_valkey,
    "Valkey is killed and empty": _wipe_valkey,
    "Valkey freezes": _freeze_valkey,
    "Valkey is cut off": _cut_valkey_off,
    "PostgreSQL is killed for 10 s": _kill_postgres,
    "PostgreSQL freezes": _freeze_postgres,
    "PostgreSQL is cut off": _cut_postgres_off,
}


@dataclass(frozen=True, slots=True)
class Load:
    """How the crowd comes. ``cap`` is about what is inside when nothing is broken."""

    joins_per_second: float
    before_seconds: tuple[float, float] = BEFORE_SECONDS
    after_seconds: float = AFTER_SECONDS
    drain_seconds: float = DRAIN_SECONDS

    @property
    def cap(self) -> int:
        return max(round(self.joins_per_second * ALLOWANCE), 2)

    @property
    def outflow_per_minute(self) -> int:
        return round(self.joins_per_second * 60 * ALLOWANCE)


def main(argv: Sequence[str] | None = None) -> int:
    """0 when every round was clean, else 1."""
    parser = words_of("sadd faults queue", __doc__, FAULTS, seed=1)
    parser.add_argument("--joins", type=float, default=JOINS_PER_SECOND, help="a second [200]")
    args, names = asked(parser, argv, FAULTS)
    if args.joins <= 0:
        parser.error("--joins: more than 0")
    rounds = campaign(names, Load(args.joins), args.seed, tell=not args.json)
    if args.json:
        print(json.dumps({"joins_per_second": args.joins, "rounds": rows(rounds)}, indent=2))
    else:
        show(rounds, _HEADS, _cells, width=150, summary=f" at {args.joins:g} joins a second; {_SUMMARY}")
    return exit_code(rounds)


def campaign(names: Sequence[str], load: Load, seed: int, *, tell: bool = False) -> list[tuple[str, Verdict]]:
    """One platform, broken once a round."""
    room_of = partial(
        room_for_a_crowd,
        cap=load.cap,
        outflow_per_minute=load.outflow_per_minute,
        window_ms=WINDOW_MS,
        pass_ms=PASS_MS,
    )
    numbers: dict[str, set[int]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="sadd-faults-queue-") as name,
        scene(Path(name), len(names), room_of) as made,
    ):
        return played(names, lambda fault, number: _play(made, fault, number, load, seed, numbers), tell=tell)


def _play(
    made: Scene, fault: str, number: int, load: Load, seed: int, numbers: dict[str, set[int]]
) -> Verdict:
    made.await_whole()
    room = made.rooms[number % len(made.rooms)]
    act = Act(made, random.Random(f"{seed} {number}"))
    before_s = act.chance.uniform(*load.before_seconds)
    away_s = DATABASE_AWAY_SECONDS + 1 if FAULTS[fault] is _kill_postgres else BROKEN_SECONDS[1]
    coming_s = before_s + away_s + load.after_seconds
    log, seen = made.folder / f"crowd-{number}", made.folder / f"epochs-{number}"
    orders = Orders(
        [machine.address for machine in made.machines],
        room,
        str(log),
        load.joins_per_second,
        coming_s,
        load.drain_seconds,
        seed + number,
        number * VISITORS_MAX,
    )
    with Watch(made.database.url, seen) as watch, _crowd(orders) as crowd:
        began_ns = time.time_ns()
        pause(before_s)
        broke_ns = time.time_ns()
        FAULTS[fault](act)
        mended_ns = time.time_ns()
        crowd.wait()
        epochs = watch.epochs()
    span = Span(began_ns, began_ns + int(coming_s * 1e9), mended_ns)
    verdict = judge(read(log), cap=load.cap, numbers=numbers.setdefault(room, set()), span=span)
    return replace(verdict, take_over_s=_take_over_s(act.ended_epoch, epochs, broke_ns))


def _crowd(orders: Orders) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.faults_queue_crowd", msgspec.json.encode(orders).decode()]
    crowd = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert crowd.stdout is not None
    crowd.stdout.readline()
    return crowd


def _take_over_s(ended_epoch: int | None, epochs: list[tuple[int, int]], broke_ns: int) -> float | None:
    later = [at_ns for epoch, at_ns in epochs if ended_epoch is not None and epoch > ended_epoch]
    return (later[0] - broke_ns) / 1e9 if later else None


_HEADS = (
    "joined",
    "admitted",
    "lost",
    "twice",
    "double",
    "over cap",
    "untold",
    "stuck",
    "stood still",
    "take-over",
)
_SUMMARY = (
    "{dirty} with a place lost, a number twice, a double admission, the cap passed, somebody untold, or "
    "nobody let in any more. Times: the longest, in seconds."
)


def _cells(verdicts: Sequence[Verdict]) -> list[str]:
    overs = [verdict.take_over_s for verdict in verdicts if verdict.take_over_s is not None]
    return [
        f"{sum(verdict.joined for verdict in verdicts):,}",
        f"{sum(verdict.admitted for verdict in verdicts):,}",
        str(sum(verdict.places_lost for verdict in verdicts)),
        str(sum(verdict.numbers_twice for verdict in verdicts)),
        str(sum(verdict.double_admissions for verdict in verdicts)),
        str(max(verdict.over_cap for verdict in verdicts)),
        str(sum(verdict.unanswered for verdict in verdicts)),
        str(sum(verdict.stuck for verdict in verdicts)),
        f"{max(verdict.stood_still_s for verdict in verdicts):.1f}",
        f"{max(overs):.1f}" if overs else "–",
    ]
