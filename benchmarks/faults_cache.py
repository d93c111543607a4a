"""Breaks what the cache stands on, round after round, and proves that nothing purged is served for long.

In each round four workers of the real engine answer a few keys all the time, from memory where they may, and
one writer changes the origin and purges: by key, by tag, everything. In the middle of it one thing breaks for
real: the feed of one worker or of all, the network, Valkey (restored from its file, or from nothing), a
primary of a cluster, a worker. ``benchmarks.faults_cache_verdict`` judges the log: no answer is older than
the bound after an acknowledged purge, and no key has more loads at once than there are workers.
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
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.campaign import asked, exit_code, played, rows, show, words_of
from benchmarks.faults_cache_crowd import Orders, make_origin
from benchmarks.faults_cache_verdict import Verdict, judge, read
from benchmarks.forgiven import NOTHING, Span
from benchmarks.program import first_line, program
from benchmarks.servers import ClusterNodes, Server, cluster, free_ports
from sadd.feed.feed import BOUND_MS

WORKERS = 4
BEFORE_SECONDS = (1.0, 2.0)
BROKEN_SECONDS = (1.0, 2.5)
HALF_OPEN_SECONDS = (3.0, 4.0)
"""Longer than a feed is silent before it is dialled anew."""
AFTER_SECONDS = 3.0
FAIL_OVER_SECONDS = 5.0
REPLICATION_NS = 1_000_000_000
"""Of purges, what was acknowledged so shortly before a primary dies: its replica may not have heard it."""


@dataclass(slots=True)
class Scene:
    """What runs in one round. ``chance`` says where and when it breaks; ``ways`` are the readers'."""

    folder: Path
    chance: random.Random
    stack: ExitStack
    server: Server | None = None
    nodes: ClusterNodes | None = None
    readers: list["subprocess.Popen[str]"] = field(default_factory=list)
    ways: list["subprocess.Popen[str]"] = field(default_factory=list)
    forgets_from_ns: int | None = None

    @property
    def valkey(self) -> Server:
        assert self.server is not None
        return self.server

    def start_reader(self) -> None:
        url = self.nodes.url if self.nodes is not None else f"redis://127.0.0.1:{self._way()}"
        self.readers.append(self._start(url, f"reader-{len(self.readers)}"))

    def start_writer(self) -> None:
        """By no network of ours: what breaks the readers' does not keep it from purging."""
        self._start(self.nodes.url if self.nodes is not None else self.valkey.url, "writer", writes=True)

    def _way(self) -> int:
        relay = program("benchmarks.faults_cache_relay", str(self.valkey.port), obeys=True)
        self.ways.append(self.stack.enter_context(relay))
        return int(first_line(self.ways[-1]))

    def _start(self, url: str, name: str, *, writes: bool = False) -> "subprocess.Popen[str]":
        origin, file = str(self.folder / "origin"), str(self.folder / name)
        orders = Orders(url, file, origin, len(self.readers), writes)
        words = ("benchmarks.faults_cache_crowd", msgspec.json.encode(orders).decode())
        started = self.stack.enter_context(program(*words))
        first_line(started)
        return started

    def pause(self, between: tuple[float, float] = BROKEN_SECONDS) -> None:
        time.sleep(self.chance.uniform(*between))


Breaking = Callable[[Scene], None]


def _tell(ways: Sequence["subprocess.Popen[str]"], word: str) -> None:
    for way in ways:
        assert way.stdin is not None
        way.stdin.write(word + "\n")
        way.stdin.flush()


def _freeze_a_feed(scene: Scene) -> None:
    _break_feeds(scene, [scene.chance.choice(scene.ways)], "freeze", BROKEN_SECONDS)


def _freeze_all_feeds(scene: Scene) -> None:
    _break_feeds(scene, scene.ways, "freeze", BROKEN_SECONDS)


def _halve_a_feed(scene: Scene) -> None:
    _break_feeds(scene, [scene.chance.choice(scene.ways)], "half", HALF_OPEN_SECONDS)


def _break_feeds(
    scene: Scene, ways: Sequence["subprocess.Popen[str]"], word: str, between: tuple[float, float]
) -> None:
    _tell(ways, word)
    scene.pause(between)
    _tell(ways, "mend")


def _kill_all_feeds(scene: Scene) -> None:
    for _ in range(5):
        with scene.valkey.client() as client:
            client.client_kill_filter(_type="pubsub")
        scene.pause((0.1, 0.5))


def _cut_a_worker_off(scene: Scene) -> None:
    _freeze(scene, scene.chance.choice(scene.ways))


def _kill_valkey(scene: Scene) -> None:
    scene.valkey.kill()
    scene.pause()
    scene.valkey.start()


def _wipe_valkey(scene: Scene) -> None:
    scene.valkey.kill()
    shutil.rmtree(scene.valkey.folder)
    scene.pause()
    scene.valkey.start()


def _freeze_valkey(scene: Scene) -> None:
    scene.valkey.freeze()
    scene.pause()
    scene.valkey.thaw()


def _kill_a_worker(scene: Scene) -> None:
    scene.chance.choice(scene.readers).kill()
    scene.pause()
    scene.start_reader()


def _freeze_a_worker(scene: Scene) -> None:
    _freeze(scene, scene.chance.choice(scene.readers))


def _fail_over(scene: Scene) -> None:
    """All keys of a namespace are on one primary: that one dies."""
    assert scene.nodes is not None
    victim = next(server for server in scene.nodes.servers[:3] if _holds_something(server))
    scene.forgets_from_ns = time.time_ns() - REPLICATION_NS
    victim.kill()
    time.sleep(FAIL_OVER_SECONDS)


def _holds_something(server: Server) -> bool:
    with server.client() as client:
        return any(b"cache:{" in key for key in client.keys("cache:{*"))


def _freeze(scene: Scene, started: "subprocess.Popen[str]") -> None:
    started.send_signal(signal.SIGSTOP)
    scene.pause()
    started.send_signal(signal.SIGCONT)


FAULTS: dict[str, Breaking] = {
    "a worker's feed freezes": _freeze_a_feed,
    "all feeds freeze": _freeze_all_feeds,
    "a feed is half open": _halve_a_feed,
    "all feeds are killed": _kill_all_feeds,
    "a worker is cut off": _cut_a_worker_off,
    "Valkey is killed": _kill_valkey,
    "Valkey is killed and empty": _wipe_valkey,
    "Valkey freezes": _freeze_valkey,
    "a worker is killed": _kill_a_worker,
    "a worker freezes": _freeze_a_worker,
    "a primary is killed": _fail_over,
}


def main(argv: Sequence[str] | None = None) -> int:
    """0 when every round was clean, else 1."""
    args, names = asked(words_of("sadd faults cache", __doc__, FAULTS), argv, FAULTS)
    rounds = played(names, lambda name, number: play(name, args.seed + number), tell=not args.json)
    if args.json:
        print(json.dumps({"bound_ms": BOUND_MS, "rounds": rows(rounds)}, indent=2))
    else:
        show(rounds, _HEADS, _cells, width=150, summary=_SUMMARY)
    return exit_code(rounds)


def play(name: str, seed: int) -> Verdict:
    """One round of the fault of this name."""
    with tempfile.TemporaryDirectory(prefix="sadd-faults-cache-") as folder, ExitStack() as stack:
        scene = Scene(Path(folder), random.Random(seed), stack)
        make_origin(scene.folder / "origin")
        _open_store(scene, clustered=FAULTS[name] is _fail_over)
        for _ in range(WORKERS):
            scene.start_reader()
        scene.start_writer()
        scene.pause(BEFORE_SECONDS)
        FAULTS[name](scene)
        mended_ns = time.time_ns()
        time.sleep(AFTER_SECONDS)
        keys = read([*scene.folder.glob("reader-*"), scene.folder / "writer"])
    forgets = scene.forgets_from_ns
    forgiven = NOTHING if forgets is None else Span(forgets, mended_ns)
    return judge(keys, bound_ms=BOUND_MS, workers=len(scene.readers), mended_ns=mended_ns, forgiven=forgiven)


def _open_store(scene: Scene, *, clustered: bool) -> None:
    if clustered:
        scene.nodes = scene.stack.enter_context(cluster(scene.folder / "nodes"))
        return
    words = ["--appendonly", "yes"]
    server = Server(scene.folder / "valkey", free_ports(1)[0], words)
    scene.server = scene.stack.enter_context(server.start())


_SUMS = {
    "answers": "answers",
    "from memory": "near",
    "purges": "purges",
    "loads": "loads",
    "no answer": "away",
    "too old": "too_old",
    "forgiven": "forgiven",
    "deaf": "deaf",
}
_HEADS = (*_SUMS, "loads at once", "oldest ms")
_SUMMARY = (
    f"; {{dirty}} with an answer older than {BOUND_MS} ms after its purge, "
    "more loads of a key at once than workers, or a worker whose memory stayed silent."
)


def _cells(verdicts: Sequence[Verdict]) -> Iterator[str]:
    for name in _SUMS.values():
        yield f"{sum(getattr(verdict, name) for verdict in verdicts):,}"
    yield str(max(verdict.most_loads for verdict in verdicts))
    yield f"{max(verdict.oldest_ms for verdict in verdicts):.0f}"
