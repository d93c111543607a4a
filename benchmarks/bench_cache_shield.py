"""The shield and three proxies before one origin: hits, misses at once, crowds that cannot share."""

import random
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from benchmarks.bench_cache_goals import COLLAPSED, CROWDED, SHIELD, Rush, hits_of
from benchmarks.drivers import crowd as at_once
from benchmarks.drivers.asked import Http
from benchmarks.drivers.probe import probe
from benchmarks.drivers.turn import Reading, read, saturate
from benchmarks.harness import Subject
from benchmarks.peers.contender import Contender
from benchmarks.peers.folder import PeerAbsent
from benchmarks.peers.others import Place
from benchmarks.peers.own_shield import HOST
from benchmarks.peers.process import StartFailed, started
from benchmarks.peers.proxies import PROXIES, Roles
from benchmarks.servers import Server, free_ports

ORIGIN_MS, CROWD_MS = 500, 200
FLEET = 4
GOOD = b"x" * 1024


@dataclass(frozen=True, slots=True)
class Before:
    """A proxy before the origin."""

    name: str
    port: int
    roles: Roles


class Shields:
    """All that stand before one origin; ``notes`` of those that are absent."""

    def __init__(self, place: Place, server: Server, *, only_ours: bool = False) -> None:
        self.notes: list[str] = []
        self._place, self._server = place, server
        self._origin = free_ports(1)[0]
        self._turn = 0
        self._marks = random.Random().randbytes(4).hex()
        words = (sys.executable, "-m", "benchmarks.peers.slow_origin", str(self._origin))
        place.run("slow-origin", words, self._origin)
        self.standing = [self._shield("shield", free_ports(1)[0]), *self._proxies(only_ours=only_ours)]

    def subjects(self, seconds: float) -> Iterator[Subject[Reading]]:
        for one in self.standing:
            asked = Http(_request("/page/0/hit"), good=GOOD)
            contender = probe(Contender(hits_of(one.name), one.port, asked, one.roles))
            yield _subject(contender, seconds)

    def rushes(self, count: int, crowd: int, rounds: int) -> dict[tuple[str, str], list[Rush]]:
        """Every proxy in its turn, pages that nobody has asked for yet."""
        told: dict[tuple[str, str], list[Rush]] = {}
        for _ in range(rounds):
            for one in self.standing:
                misses = self._rush(one.port, "page", ORIGIN_MS, count)
                told.setdefault((COLLAPSED, one.name), []).append(misses)
                private = self._rush(one.port, "private", CROWD_MS, crowd)
                told.setdefault((CROWDED, one.name), []).append(private)
        return told

    def fleet(self, count: int, slow_ms: int) -> tuple[Rush, Rush]:
        """Four workers on one port, before an origin of a second and one of ``slow_ms``."""
        port = free_ports(1)[0]
        for number in range(FLEET):
            self._shield(f"fleet-{number}", port)
        return self._rush(port, "page", 1_000, count), self._rush(port, "page", slow_ms, count)

    def _rush(self, port: int, kind: str, milliseconds: int, count: int) -> Rush:
        self._turn += 1
        before = self._calls()
        request = _request(f"/{kind}/{milliseconds}/{self._marks}-{self._turn}")
        seen = at_once.run(port, request, count)
        return Rush(count, self._calls() - before, seen.seconds, seen.failed)

    def _calls(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._origin}/count", timeout=10) as answer:
            return int(answer.read())

    def _shield(self, name: str, port: int) -> Before:
        stores = (str(port), str(self._server.port), str(self._origin))
        words = (sys.executable, "-m", "benchmarks.peers.own_shield", *stores)
        roles = self._place.run(name, words, port)
        return Before(SHIELD, port, {**roles, "store": (self._server.pid,)})

    def _proxies(self, *, only_ours: bool) -> Iterator[Before]:
        for name, start in () if only_ours else PROXIES.items():
            try:
                port, roles = self._started(start)
            except (PeerAbsent, StartFailed) as why:
                self.notes.append(f"Not measured: {why}")
            else:
                yield Before(name, port, roles)

    def _started(self, start: Callable[[Place, int], tuple[int, Roles]]) -> tuple[int, Roles]:
        return started(lambda _: start(self._place, self._origin))


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def _subject(contender: Contender, seconds: float) -> Subject[Reading]:
    async def turn() -> Reading:
        return read(partial(saturate, contender, seconds), contender.roles, 1)

    return Subject(contender.name, turn)
