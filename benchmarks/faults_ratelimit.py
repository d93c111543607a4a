"""Breaks what a limit stands on, round after round, and proves that nothing is admitted that it forbids.

In each round four workers ask for the same few keys far more often than the limit admits, and in the
middle of it one thing breaks for real: a worker, a holder of leases, the store, a primary of the cluster,
the network. What
callers were told is read back by ``benchmarks.admissions``, which knows nothing of how it was decided.
Admitting too little is no fault of a limiter that is not sure, but it costs, so it is told beside.
"""

import json
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.admissions import Limit, Verdict, judge, read
from benchmarks.admitting import Orders
from benchmarks.campaign import asked, exit_code, played, rows, show, words_of
from benchmarks.program import first_line, program
from benchmarks.servers import ClusterNodes, Server, cluster, free_ports

WORKERS = 4
KEYS = [f"citizen-{number}" for number in range(8)]
ASKED = Limit(limit=40, period_seconds=1, burst=20)
LENT = Limit(limit=80, period_seconds=2, burst=0)
"""Its windows are longer than a lease."""
BEFORE_SECONDS = (0.5, 1.0)
BROKEN_SECONDS = (0.5, 1.5)
AFTER_SECONDS = 1.5
CLUSTER_AFTER_SECONDS = 4.0
CLUSTER_SHARDS = 16


@dataclass(slots=True)
class Scene:
    """What runs in one round. ``chance`` says where and when it breaks."""

    folder: Path
    chance: random.Random
    stack: ExitStack
    workers: list["subprocess.Popen[str]"] = field(default_factory=list)
    server: Server | None = None
    nodes: ClusterNodes | None = None
    relay: "subprocess.Popen[str] | None" = None
    lends: bool = False

    @property
    def store_url(self) -> str:
        if self.nodes is not None:
            return self.nodes.url
        assert self.server is not None
        return self.server.url

    @property
    def limit(self) -> Limit:
        return LENT if self.lends else ASKED

    def start_worker(self, store_url: str) -> None:
        shards = CLUSTER_SHARDS if self.nodes is not None else 1
        book = str(self.folder / f"admissions-{len(self.workers)}-{time.monotonic_ns()}")
        limit = self.limit
        orders = Orders(
            store_url, book, KEYS, limit.limit, limit.period_seconds, limit.burst, WORKERS, shards
        )
        module = "benchmarks.leasing" if self.lends else "benchmarks.admitting"
        words = [module, msgspec.json.encode(orders).decode()]
        self.workers.append(self.stack.enter_context(program(*words)))
        first_line(self.workers[-1])

    def pause(self, between: tuple[float, float]) -> None:
        time.sleep(self.chance.uniform(*between))


Breaking = Callable[[Scene], None]


def _kill_a_worker(scene: Scene) -> None:
    victim = scene.chance.choice(scene.workers)
    victim.kill()
    scene.pause(BROKEN_SECONDS)
    scene.start_worker(scene.store_url)


def _freeze_a_worker(scene: Scene) -> None:
    _freeze(scene, scene.chance.choice(scene.workers))


def _kill_the_store(scene: Scene) -> None:
    assert scene.server is not None
    scene.server.kill()
    scene.pause(BROKEN_SECONDS)
    scene.server.start()


def _freeze_the_store(scene: Scene) -> None:
    assert scene.server is not None
    scene.server.freeze()
    scene.pause(BROKEN_SECONDS)
    scene.server.thaw()


def _cut_the_network(scene: Scene) -> None:
    """One worker reaches the store by a network of its own, which lets nothing through for a while."""
    assert scene.server is not None
    scene.relay = scene.stack.enter_context(program("benchmarks.relay", str(scene.server.port)))
    scene.start_worker(f"redis://127.0.0.1:{first_line(scene.relay)}")
    scene.pause(BEFORE_SECONDS)
    _freeze(scene, scene.relay)


def _fail_over(scene: Scene) -> None:
    assert scene.nodes is not None
    scene.chance.choice(scene.nodes.servers[:3]).kill()
    time.sleep(CLUSTER_AFTER_SECONDS)


def _freeze(scene: Scene, started: "subprocess.Popen[str]") -> None:
    started.send_signal(signal.SIGSTOP)
    scene.pause(BROKEN_SECONDS)
    started.send_signal(signal.SIGCONT)


FAULTS: dict[str, Breaking] = {
    "a worker is killed": _kill_a_worker,
    "a worker freezes": _freeze_a_worker,
    "the store is killed": _kill_the_store,
    "the store freezes": _freeze_the_store,
    "the network is cut": _cut_the_network,
    "a primary is killed": _fail_over,
    "a lease holder is killed": _kill_a_worker,
    "a lease holder freezes": _freeze_a_worker,
    "the store of leases is killed": _kill_the_store,
    "the network of leases is cut": _cut_the_network,
    "a primary of leases is killed": _fail_over,
}


def main(argv: Sequence[str] | None = None) -> int:
    """0 when no round admitted more than the limit, else 1."""
    args, names = asked(words_of("sadd faults ratelimit", __doc__, FAULTS), argv, FAULTS)
    rounds = played(names, lambda name, number: play(name, args.seed + number), tell=not args.json)
    if args.json:
        told = zip(rows(rounds), rounds, strict=True)
        print(json.dumps([{**row, "under": verdict.under} for row, (_, verdict) in told]))
    else:
        show(rounds, _HEADS, _cells, width=150, summary=_SUMMARY)
    return exit_code(rounds)


def play(name: str, seed: int) -> Verdict:
    """One round of the fault of this name."""
    with tempfile.TemporaryDirectory(prefix="sadd-faults-") as folder, ExitStack() as stack:
        scene = Scene(Path(folder), random.Random(seed), stack, lends="lease" in name)
        _open_store(scene, clustered=FAULTS[name] is _fail_over)
        scene.start_worker(scene.store_url)
        began_ns = time.time_ns()
        for _ in range(WORKERS - 1):
            scene.start_worker(scene.store_url)
        scene.pause(BEFORE_SECONDS)
        FAULTS[name](scene)
        time.sleep(AFTER_SECONDS)
        for worker in scene.workers:
            worker.kill()
            worker.wait()
        ended_ns = time.time_ns()
        admissions = read(scene.folder.glob("admissions-*"))
    return judge(admissions, scene.limit, began_ns=began_ns, ended_ns=ended_ns)


def _open_store(scene: Scene, *, clustered: bool) -> None:
    if clustered:
        scene.nodes = scene.stack.enter_context(cluster(scene.folder / "nodes"))
    else:
        words = ["--appendonly", "yes"]
        scene.server = scene.stack.enter_context(
            Server(scene.folder / "store", free_ports(1)[0], words).start()
        )


_HEADS = ("admitted", "could have been", "too few", "too many in any span")
_SUMMARY = (
    "; {dirty} in which more was admitted than the limit "
    f"allows: {ASKED.limit} a second with a burst of {ASKED.burst}, in any span; or, lent in slices, "
    f"{LENT.limit} in each window of {LENT.period_seconds} s."
)


def _cells(verdicts: Sequence[Verdict]) -> Iterator[str]:
    whole = Verdict(
        sum(verdict.admitted for verdict in verdicts),
        sum(verdict.possible for verdict in verdicts),
        max(verdict.excess for verdict in verdicts),
    )
    yield f"{whole.admitted:,}"
    yield f"{whole.possible:,}"
    yield f"{whole.under:.1%}"
    yield str(max(0, whole.excess))
