"""The platform with a crowded room: its contenders, and how soon another worker leads when one is killed."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from benchmarks.bench_queue_goals import JOIN, JUDGED, POLL
from benchmarks.bench_ratelimit_goals import LANE, LANE_BARE
from benchmarks.bench_ratelimit_platform import (
    CROWDED,
    SERVICE,
    SHUT,
    Platform,
    check,
    open_fast,
    open_platform,
)
from benchmarks.drivers.asked import ADDRESS, Http
from benchmarks.drivers.probe import probe
from benchmarks.drivers.turn import Reading, read, saturate
from benchmarks.harness import Subject
from benchmarks.peers.contender import Contender
from benchmarks.peers.others import Place
from benchmarks.servers import Server, free_ports

LEADS = "SELECT holder, epoch FROM queue_leader"
STEPS = "SELECT max(ticked_at) FROM queue_line"
SETTLE_SECONDS = 15.0
POLL_SECONDS = 0.02


def open_crowded(
    stack: ExitStack, folder: Path, server: Server, seconds: float
) -> Iterator[Subject[Reading]]:
    """Polls and joins of a room in which people wait, and what they are compared with."""
    place = Place(stack, folder, folder / "peers", server.port)
    fast = open_fast(place, server.url)
    for one in _contenders(fast):
        yield _subject(probe(one), server, seconds)


def _contenders(fast: Platform) -> Iterator[Contender]:
    yield Contender(LANE, fast.port, check(fast.key, SERVICE), fast.roles, counts=fast.counts)
    shut = check(fast.key, SHUT, allowed=False)
    yield Contender(LANE_BARE, fast.port, shut, fast.roles, needs_store=False)
    yield Contender(JOIN, fast.port, _join(""), fast.roles)
    judged = _join(f"X-Forwarded-For: {ADDRESS.decode()}\r\n")
    yield Contender(JUDGED, fast.port, judged, fast.roles)
    poll = f"GET /v1/queues/{CROWDED} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    yield Contender(POLL, fast.port, Http(poll, good=b'"room":'), fast.roles, needs_store=False)


def _join(header: str) -> Http:
    head = (
        f"POST /v1/queues/{CROWDED}/tickets HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}Content-Length: 0\r\n\r\n"
    )
    return Http(head.encode(), good=b'"ticket":')


def _subject(contender: Contender, server: Server, seconds: float) -> Subject[Reading]:
    roles = dict(contender.roles)
    if contender.needs_store:
        roles["store"] = (server.pid,)

    async def turn() -> Reading:
        return read(partial(saturate, contender, seconds), roles, 1, contender.counts)

    return Subject(contender.name, turn)


def take_overs(folder: Path, rounds: int) -> list[float]:
    """Seconds from the kill -9 of the worker that leads to the first step of the next one."""
    with ExitStack() as stack:
        server = stack.enter_context(Server(folder / "store", free_ports(1)[0]))
        workers = {"SERVER_WORKERS": "3"}
        platform = open_platform(stack, folder / "platform", server.url, workers)
        crowd = probe(Contender(JOIN, platform.port, _join(""), platform.roles))
        saturate(replace(crowd, lines=4), 1)  # somebody waits, so there are steps to be seen
        return uvloop.run(_take_overs(platform, rounds))


async def _take_overs(platform: Platform, rounds: int) -> list[float]:
    connection = await asyncpg.connect(platform.database_url)
    try:
        return [await _take_over(connection) for _ in range(rounds)]
    finally:
        await connection.close()


async def _take_over(connection: "asyncpg.Connection[asyncpg.Record]") -> float:
    leads = await _until(lambda: connection.fetchrow(LEADS), lambda row: bool(row and row["holder"]))
    await _until(lambda: connection.fetchval(STEPS), lambda at: at is not None)
    began_s = time.monotonic()
    os.kill(int(leads["holder"].split(":")[1]), signal.SIGKILL)
    await _until(
        lambda: connection.fetchrow(LEADS), lambda row: row is not None and row["epoch"] > leads["epoch"]
    )
    seen = await connection.fetchval(STEPS)
    await _until(lambda: connection.fetchval(STEPS), lambda at: at > seen)
    taken_s = time.monotonic() - began_s
    await asyncio.sleep(2)  # the worker that was killed is started again
    return taken_s


async def _until(look: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:
    until_s = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < until_s:
        found = await look()
        if is_so(found):
            return found
        await asyncio.sleep(POLL_SECONDS)
    raise TimeoutError(f"not within {SETTLE_SECONDS:g} s")
