"""The store by itself: what it does with a script under redis-benchmark, and what a live key costs it."""

import hashlib
from functools import partial
from pathlib import Path

import uvloop

from benchmarks.bench_ratelimit_goals import PIPELINED, SINGLE
from benchmarks.drivers import redis_benchmark
from benchmarks.drivers.turn import Reading, read
from benchmarks.harness import Subject
from benchmarks.servers import Server
from ratelimit.limiter import Check, Limiter
from ratelimit.policy import Policy
from ratelimit.valkey import ValkeyStore
from sadd.valkey.topology import open_client

SCRIPT = Path(__file__).parent / "scripts" / "gcra_one.lua"
ARGS = ("1000", "10000000")  # one a millisecond, burst 10,000: decisions that write
CALLS_A_SECOND = {SINGLE: 70_000, PIPELINED: 160_000}  # about what it does, so that a turn takes its time
LIVE_KEYS = 100_000
NAME_CHARACTERS = 29
BATCH = 1_000


def native(server: Server, seconds: float) -> list[Subject[Reading]]:
    """redis-benchmark, unpipelined at 64 connections, and 16 calls in flight on each of 16."""
    source = SCRIPT.read_bytes()
    with server.client() as client:
        client.script_load(source)
    sha = hashlib.sha1(source, usedforsecurity=False).hexdigest()
    command = ("EVALSHA", sha, "1", "gcra:__rand_int__", *ARGS)
    roles = {"store": (server.pid,)}

    def subject(name: str, connections: int, pipeline: int) -> Subject[Reading]:
        calls = round(CALLS_A_SECOND[name] * seconds)
        drive = partial(redis_benchmark.run, server.port, command, calls, connections, pipeline)

        async def turn() -> Reading:
            return read(drive, roles, 1)

        return Subject(name, turn)

    return [subject(SINGLE, 64, 1), subject(PIPELINED, 16, 16)]


def bytes_a_key(server: Server) -> tuple[float, float]:
    """(by MEMORY USAGE, by the growth of used memory) of a key whose whole name has 29 characters.

    The server must be empty and nobody else's.
    """
    return uvloop.run(_bytes_a_key(server))


async def _bytes_a_key(server: Server) -> tuple[float, float]:
    client = await open_client(server.url, deadline_ms=5_000, max_in_flight=20_000)
    try:
        limiter = Limiter(ValkeyStore(client))
        policy = Policy("exam", limit=1, period_seconds=3600, burst=10)
        await limiter.check(policy, "x")
        with server.client() as looking:
            prefix = len(looking.keys()[0]) - 1
            looking.flushall()
            before = _used(server)
            digits = NAME_CHARACTERS - prefix
            for first in range(0, LIVE_KEYS, BATCH):
                await limiter.check_many(
                    [Check(policy, f"{number:0{digits}d}") for number in range(first, first + BATCH)]
                )
            after = _used(server)
            return _usage(server), (after - before) / LIVE_KEYS
    finally:
        await client.aclose()


def _used(server: Server) -> int:
    with server.client() as client:
        return int(client.info("memory")["used_memory"])


def _usage(server: Server) -> float:
    with server.client() as client:
        keys = [key for key in client.scan_iter(count=10_000) if len(key) == NAME_CHARACTERS]
        asking = client.pipeline(transaction=False)
        for key in keys:
            asking.memory_usage(key)
        sizes = asking.execute()
        assert len(sizes) == LIVE_KEYS, "every key is live and of the length that is asked about"
        return float(sum(sizes)) / len(sizes)
