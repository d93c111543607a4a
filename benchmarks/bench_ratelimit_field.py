"""The field: every contender that could be started and decides, and a line for each that could not."""

from collections.abc import Callable
from functools import partial

from benchmarks.bench_ratelimit_goals import CLIENT, GRPC, GRPC_CHECKED
from benchmarks.bench_ratelimit_platform import LEASED, Platform, open_fast, ours
from benchmarks.bench_ratelimit_store import native
from benchmarks.drivers import h2load, leaser, redis_benchmark, wrk
from benchmarks.drivers.asked import Grpc, Http
from benchmarks.drivers.outcome import Outcome
from benchmarks.drivers.probe import probe
from benchmarks.drivers.turn import Reading, read, saturate
from benchmarks.harness import Subject
from benchmarks.peers.contender import Contender
from benchmarks.peers.envoy import in_front, open_origin
from benchmarks.peers.folder import PeerAbsent
from benchmarks.peers.others import GUBER, PEERS, RATELIMIT, Place
from benchmarks.peers.process import StartFailed, started
from benchmarks.servers import Server


class Field:
    """Contenders by name, and ``notes`` of those that are absent."""

    def __init__(self, server: Server, fast: Platform, only: str) -> None:
        self._server = server
        self._fast = fast
        self._only = only
        self.contenders: dict[str, Contender] = {}
        self.notes = [
            said
            for said, there in (
                (wrk.ABSENT, wrk.present()),
                (redis_benchmark.ABSENT, redis_benchmark.present()),
                (h2load.ABSENT, h2load.present()),
                (leaser.ABSENT, leaser.present()),
            )
            if not there
        ]

    @classmethod
    def open(cls, place: Place, server: Server, *, only_ours: bool, only: str = "") -> "Field":
        """Starts everything whose name has ``only`` in it, or is what follows its ``=``.

        Peers are absent rather than an error.
        """
        fast = open_fast(place, server.url)
        field = cls(server, fast, only)
        for one in ours(place, server.url, fast, field._wants):
            field.contenders[one.name] = probe(one)
        if not only_ours:
            for name, start in PEERS.items():
                if field._wants(name):
                    field._add(partial(start, place))
            field._add_envoys(place)
        return field

    def subjects(self, seconds: float) -> list[Subject[Reading]]:
        """Every contender, the client that spends leases, and the store alone."""
        found = [self._subject(one, seconds) for one in self.contenders.values()]
        if GRPC in self.contenders and h2load.present():
            found.append(self._checked(self.contenders[GRPC], seconds))
        if self._wants(CLIENT) and leaser.present():
            found.append(self._leased(seconds))
        if redis_benchmark.present():
            found += [one for one in native(self._server, seconds) if self._wants(one.name)]
        return found

    def _leased(self, seconds: float) -> Subject[Reading]:
        fast = self._fast
        errand = leaser.Errand(f"http://127.0.0.1:{fast.port}", fast.key, LEASED, seconds)
        roles = {**fast.roles, "store": (self._server.pid,)}

        async def turn() -> Reading:
            return read(partial(leaser.run, errand), roles, 1)

        return Subject(CLIENT, turn)

    def _checked(self, contender: Contender, seconds: float) -> Subject[Reading]:
        """The gRPC lane once more, by a driver that is not ours."""
        assert isinstance(contender.asked, Grpc)
        lines, streams = contender.lines, contender.streams
        drive = partial(h2load.run, contender.asked, contender.port, seconds, lines, streams)

        async def turn() -> Reading:
            return self.read(contender, drive)

        return Subject(GRPC_CHECKED, turn)

    def _subject(self, contender: Contender, seconds: float) -> Subject[Reading]:
        async def turn() -> Reading:
            return self.read(contender, partial(saturate, contender, seconds))

        return Subject(contender.name, turn)

    def read(self, contender: Contender, drive: Callable[[], Outcome]) -> Reading:
        roles = dict(contender.roles)
        if contender.needs_store:
            roles["store"] = (self._server.pid,)
        decisions = contender.asked.decisions if isinstance(contender.asked, Http) else 1
        return read(drive, roles, decisions, contender.counts)

    def _wants(self, name: str) -> bool:
        return name == self._only[1:] if self._only.startswith("=") else self._only in name

    def _add(self, start: Callable[[], Contender]) -> None:
        try:
            one = probe(started(lambda _: start()))
        except (PeerAbsent, StartFailed) as why:
            self.notes.append(f"Not measured: {why}")
        else:
            self.contenders[one.name] = one

    def _add_envoys(self, place: Place) -> None:
        services = [self.contenders[name] for name in (GRPC, RATELIMIT, GUBER) if name in self.contenders]
        if not services:
            return
        try:
            origin = started(lambda _: open_origin(place))
        except (PeerAbsent, StartFailed) as why:
            self.notes.append(f"Not measured: {why}")
            return
        for service in services:
            self._add(partial(in_front, place, service, origin))
