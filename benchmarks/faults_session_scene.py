"""What one round of the campaign of sessions stands on: both stores, and workers of the real engine.

::

    crowd 0 ─┬─▶ Valkey, append-only file, or a cluster
    crowd 1 ─┼─▶ PostgreSQL, each commit flushed
    crowd 2 ─┘    a crowd that is started by a fault reaches one of them by a network that can be cut
"""

import asyncio
import random
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.faults_queue_scene import Database
from benchmarks.faults_session_crowd import Orders
from benchmarks.program import first_line, program
from benchmarks.servers import ClusterNodes, Server, cluster, free_ports
from sadd.postgres.migrate import migrate

BROKEN_SECONDS = (1.0, 2.5)
AUDIT_SECONDS = 120.0


@dataclass(slots=True)
class Scene:
    """What runs in one round. ``chance`` says where and when it breaks."""

    folder: Path
    chance: random.Random
    stack: ExitStack
    database: Database
    people: int
    pepper: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    seal: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    server: Server | None = None
    nodes: ClusterNodes | None = None
    workers: list["subprocess.Popen[str]"] = field(default_factory=list)
    hot_from_ns: int | None = None
    """Since when what is acknowledged of ``hot`` may be lost by this fault; None: not at all."""

    @property
    def valkey(self) -> Server:
        assert self.server is not None
        return self.server

    @property
    def store_url(self) -> str:
        return self.nodes.url if self.nodes is not None else self.valkey.url

    def start_worker(self, store_url: str = "", database_url: str = "") -> None:
        number = len(self.workers)
        orders = self._orders(
            store_url or self.store_url, database_url or self.database.url, f"crowd-{number}", number
        )
        self.workers.append(self.stack.enter_context(crowd(orders)))
        first_line(self.workers[-1])

    def audit(self) -> None:
        """Every session is looked at by a worker that has just begun."""
        files = sorted(map(str, self.folder.glob("crowd-*")))
        orders = self._orders(self.store_url, self.database.url, "audit", len(self.workers), files)
        with crowd(orders) as auditor:
            auditor.wait(AUDIT_SECONDS)

    def _orders(
        self, store: str, database: str, name: str, number: int, audits: list[str] | None = None
    ) -> Orders:
        file = str(self.folder / name)
        return Orders(
            store,
            database,
            file,
            number,
            self.people,
            self.chance.randrange(2**32),
            self.pepper,
            self.seal,
            audits or [],
        )

    def pause(self, between: tuple[float, float] = BROKEN_SECONDS) -> None:
        time.sleep(self.chance.uniform(*between))

    def network(self, port: int) -> tuple["subprocess.Popen[str]", int]:
        """A way to that port which can be cut; and where it begins."""
        relay = self.stack.enter_context(program("benchmarks.relay", str(port)))
        return relay, int(first_line(relay))

    def may_lose(self, since_ns: int) -> None:
        self.hot_from_ns = since_ns


def opened(folder: Path, chance: random.Random, stack: ExitStack, people: int, *, clustered: bool) -> Scene:
    """The stores, the schema in place; ``stack`` ends all of it."""
    ports = free_ports(2)
    database = Database(folder / "postgres", ports[0])
    stack.callback(database.stop)
    database.make()
    asyncio.run(migrate(database.url))
    scene = Scene(folder, chance, stack, database, people)
    if clustered:
        scene.nodes = stack.enter_context(cluster(folder / "nodes"))
    else:
        words = ["--appendonly", "yes"]
        scene.server = stack.enter_context(Server(folder / "valkey", ports[1], words).start())
    return scene


@contextmanager
def crowd(orders: Orders) -> Iterator["subprocess.Popen[str]"]:
    with program("benchmarks.faults_session_crowd", msgspec.json.encode(orders).decode()) as worker:
        yield worker
