"""``sadd up``: the platform on this machine: stores, schema, catalogue, then workers until told to stop."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import structlog

from sadd.app.grpc import ports as grpc_ports
from sadd.app.orders import Orders
from sadd.app.prepare import CatalogueInvalid, NotInstalled, prepare, probes, start_faults
from sadd.app.shield import ports as shield_ports
from sadd.embedded.binaries import BinaryMissing
from sadd.embedded.folder import FolderUnusable
from sadd.embedded.server import StoreFailed
from sadd.embedded.stores import open_stores
from sadd.postgres.migrate import MigrationError
from sadd.settings import Settings
from sadd.supervisor import signals
from sadd.supervisor.port import PortTaken, reserve_port
from sadd.supervisor.waiting import StoreAway, wait_for_stores
from sadd.supervisor.workers import CrashLoop, Crew, Supervisor
from sadd.telemetry.logs import configure_logs

EXPECTED = (
    BinaryMissing,
    CatalogueInvalid,
    CrashLoop,
    FolderUnusable,
    MigrationError,
    NotInstalled,
    PortTaken,
    StoreAway,
    StoreFailed,
)
"""What can go wrong without a defect of ours: each is one line for the operator, and exit code 1."""

log = structlog.get_logger("sadd.app")


def up(settings: Settings) -> int:
    """Run the platform until SIGTERM or Ctrl-C. 0: drained. 1: could not start, or the workers kept dying."""
    configure_logs(settings.log.level, settings.log.format)
    return signals.run(_one_line_on_failure(_up(settings)))


def migrate(settings: Settings) -> int:
    """Bring the schema up to date and load the catalogue into an empty database. 0, or 1 with one line."""
    configure_logs(settings.log.level, settings.log.format)
    return signals.run(_one_line_on_failure(_migrate(settings)))


async def _one_line_on_failure(work: Coroutine[Any, Any, int]) -> int:
    try:
        return await work
    except EXPECTED as error:
        print(f"sadd: {error}", file=sys.stderr)  # noqa: T201 - the operator's line
        return 1


async def _migrate(settings: Settings) -> int:
    async with _stores(settings) as found:
        await prepare(found)
    return 0


async def _up(settings: Settings) -> int:
    limits = settings.server
    for fault in start_faults(settings):
        raise fault
    # The stores first: of two instances on one folder the second shall read of the folder, not of the port.
    async with _stores(settings) as found:
        with reserve_port(limits.host, limits.port) as port, ExitStack() as reserved:
            found = replace(found, server=replace(limits, port=port, workers=_workers(settings)))
            for grpc_port in grpc_ports(found):
                reserved.enter_context(reserve_port(found.grpc.host, grpc_port))
            for shield_port in shield_ports(found):
                reserved.enter_context(reserve_port(found.shield.host, shield_port))
            await prepare(found)
            with _told(found):
                await _serve(found)
    return 0


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[Settings]:
    """The settings with the addresses of stores that answer: given ones, or embedded ones for the block."""
    async with open_stores(
        Path(settings.data.dir),
        want_valkey=not settings.valkey.url,
        want_postgres=not settings.database.url,
        start_timeout_seconds=settings.startup.timeout_seconds,
    ) as urls:
        found = replace(
            settings,
            valkey=replace(settings.valkey, url=settings.valkey.url or urls.valkey_url),
            database=replace(settings.database, url=settings.database.url or urls.database_url),
        )
        await wait_for_stores(probes(found), settings.startup.timeout_seconds)
        yield found


async def _serve(settings: Settings) -> None:
    crew = Crew(
        command=(sys.executable, "-m", "sadd.app.worker"),
        orders=lambda slot: msgspec.json.encode(Orders(slot, settings)),
        workers=settings.server.workers,
        drain_timeout_seconds=settings.server.drain_timeout_seconds + 5,  # the worker ends itself before
    )
    supervisor = Supervisor(crew)
    announcing = asyncio.create_task(_announce(supervisor, settings))
    try:
        await supervisor.run()
    finally:
        announcing.cancel()


async def _announce(supervisor: Supervisor, settings: Settings) -> None:
    await supervisor.all_ready.wait()
    url = http_url(settings)
    log.info("serving", url=url, workers=settings.server.workers)
    if sys.stdout.isatty():
        print(f"Sadd serves {url}   interface: {url}/docs   Ctrl-C stops it")  # noqa: T201


@contextmanager
def _told(settings: Settings) -> Iterator[None]:
    """``run/stores.json``: how commands on this machine find us. Mode 0600: it is the key to the stores."""
    file = Path(settings.data.dir) / "run" / "stores.json"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    told = {
        "valkey_url": settings.valkey.url,
        "database_url": settings.database.url,
        "http_url": http_url(settings),
        "pid": os.getpid(),
    }
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(told, out)
    fresh.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def http_url(settings: Settings) -> str:
    """Where a program on this machine reaches the workers."""
    host = settings.server.host
    local = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"http://{f'[{local}]' if ':' in local else local}:{settings.server.port}"


def _workers(settings: Settings) -> int:
    """0 is one for each core that this process may use."""
    return settings.server.workers or len(os.sched_getaffinity(0))
