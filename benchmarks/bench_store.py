"""The store client against redis-py's asyncio client and redis-benchmark, and a cluster losing a primary.

One GCRA decision for one of 100,000 keys, 256 in flight, one Valkey on this machine.
"""

import asyncio
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import uvloop
from redis.asyncio import Redis

from benchmarks.cluster_kill import Kill, kill_a_primary
from benchmarks.harness import (
    Machine,
    Report,
    Sample,
    Subject,
    at_least,
    at_most,
    no_log_lines,
    quiet_rounds,
    ratio,
)
from benchmarks.servers import Server, free_ports
from benchmarks.words import Words
from sadd.valkey.batch import Batch
from sadd.valkey.client import ValkeyClient
from sadd.valkey.script import Script
from sadd.valkey.topology import open_client

KEYS = 100_000
IN_FLIGHT = 256
PIPELINE, CONNECTIONS = 16, 16  # redis-benchmark: 256 in flight too
ARGS = (1_000, 10_000_000)  # one a millisecond, burst 10,000: decisions that write
SCRIPTS = Path(__file__).parent / "scripts"

OURS, MANY, PLAIN, NATIVE = (
    "sadd, one key a call",
    "sadd, many keys a call",
    "redis-py asyncio",
    "redis-benchmark",
)

Ask = Callable[[bytes], Awaitable[object]]


def main(argv: list[str]) -> int:
    """0 when every goal that could be measured was met, else 1."""
    parser = Words(prog="sadd bench store", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print everything as JSON, with a list of goals")
    parser.add_argument("--rounds", type=int, default=25, help="turns of each subject (default 25)")
    parser.add_argument("--operations", type=int, default=40_000, help="of a turn (default 40000)")
    parser.add_argument("--no-cluster", action="store_true", help="leave the cluster's part out")
    args = parser.parse_args(argv)
    with no_log_lines(), tempfile.TemporaryDirectory(prefix="sadd-bench-") as folder:
        with Server(Path(folder) / "store", free_ports(1)[0]) as server:
            report = uvloop.run(_measure(server, args.rounds, args.operations))
        kill = None if args.no_cluster else kill_a_primary(Path(folder) / "cluster")
    _add_kill(report, kill)
    print(report.as_json()) if args.json else report.print()
    return report.exit_code()


async def _measure(server: Server, rounds: int, operations: int) -> Report:
    chance = random.Random(7)
    keys = [b"gcra:%012d" % chance.randrange(KEYS) for _ in range(operations)]
    one = Script("gcra_one", (SCRIPTS / "gcra_one.lua").read_bytes())
    many = Script("gcra_many", (SCRIPTS / "gcra_many.lua").read_bytes())
    client = await open_client(server.url, deadline_ms=5_000, max_in_flight=20_000)
    plain = Redis(port=server.port, max_connections=IN_FLIGHT)
    plain_script = await plain.script_load(one.source)
    subjects = [
        Subject(OURS, lambda: _turn(server, keys, _ask_ours(client, one))),
        Subject(MANY, lambda: _turn(server, keys, _ask_many(client, many))),
        Subject(PLAIN, lambda: _turn(server, keys[: operations // 6], _ask_plain(plain, plain_script))),
    ]
    notes = []
    if shutil.which("redis-benchmark"):
        subjects.append(Subject(NATIVE, lambda: _native_turn(server, one, operations)))
    else:
        notes.append(
            "redis-benchmark is absent (Debian: apt-get install redis-tools): its goals are not measured."
        )
    try:
        run = await quiet_rounds(subjects, rounds, chance)
    finally:
        await plain.aclose()
        await client.aclose()
    return _report(run.samples, chance, run.notes() + notes)


def _ask_ours(client: ValkeyClient, script: Script) -> Ask:
    return lambda key: client.run(script, (key,), ARGS)


def _ask_many(client: ValkeyClient, script: Script) -> Ask:
    batch = Batch(client, script, width=3)
    return lambda key: batch.ask(key, ARGS)


def _ask_plain(client: Redis, sha: str) -> Ask:
    return lambda key: client.evalsha(sha, 1, key, *ARGS)


async def _turn(server: Server, keys: list[bytes], ask: Ask) -> Sample:
    """IN_FLIGHT workers share the keys; each asks for the next one when the last is answered."""
    source = iter(keys)

    async def work() -> None:
        for key in source:
            await ask(key)

    server_before, machine = server.cpu_seconds(), Machine()
    cpu, clock = time.process_time(), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    seconds, client_seconds = time.perf_counter() - clock, time.process_time() - cpu
    server_seconds = server.cpu_seconds() - server_before
    return Sample(
        len(keys) / seconds,
        client_seconds * 1e6 / len(keys),
        server_seconds * 1e6 / len(keys),
        machine.others(client_seconds + server_seconds),
    )


async def _native_turn(server: Server, script: Script, operations: int) -> Sample:
    words = f"redis-benchmark -p {server.port} -P {PIPELINE} -c {CONNECTIONS} -n {operations} -r {KEYS} --csv"
    command = [*words.split(), "EVALSHA", script.sha.decode(), "1", "gcra:__rand_int__", *map(str, ARGS)]
    server_before, own_before, machine = server.cpu_seconds(), getrusage(RUSAGE_CHILDREN), Machine()
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: ASYNC221 (its turn)
    own = getrusage(RUSAGE_CHILDREN)
    client_seconds = own.ru_utime + own.ru_stime - own_before.ru_utime - own_before.ru_stime
    server_seconds = server.cpu_seconds() - server_before
    # Its own clock, not ours: ours would charge it for starting up.
    rate = float(done.stdout.splitlines()[-1].rsplit('","')[1])
    return Sample(
        rate,
        client_seconds * 1e6 / operations,
        server_seconds * 1e6 / operations,
        machine.others(client_seconds + server_seconds),
    )


def _report(samples: dict[str, list[Sample]], chance: random.Random, notes: list[str]) -> Report:
    ratios = {f"{OURS} / {PLAIN}": ratio(samples[OURS], samples[PLAIN], chance)}
    if NATIVE in samples:
        ratios[f"{OURS} / {NATIVE}"] = ratio(samples[OURS], samples[NATIVE], chance)
        ratios[f"{MANY} / {NATIVE}"] = ratio(samples[MANY], samples[NATIVE], chance)

    def measured(name: str) -> float | None:
        return ratios[name].median if name in ratios else None

    goals = [
        at_least("single-key calls against redis-py asyncio", 8, measured(f"{OURS} / {PLAIN}"), "x"),
        at_least("single-key calls against redis-benchmark -P 16", 0.9, measured(f"{OURS} / {NATIVE}"), "x"),
        at_least("multi-key calls against redis-benchmark -P 16", 1.3, measured(f"{MANY} / {NATIVE}"), "x"),
    ]
    return Report("sadd bench store", samples, ratios, goals, {}, notes)


def _add_kill(report: Report, kill: Kill | None) -> None:
    name = "errors to callers when a cluster's primary is killed"
    report.goals.append(at_most(name, 0, None if kill is None else kill.errors, "errors"))
    name = "acknowledged increments lost when a cluster's primary is killed"
    report.goals.append(at_most(name, 0, None if kill is None else kill.lost, "increments"))
    if kill is not None:
        report.facts["cluster: acknowledged increments"] = kill.acknowledged
        report.facts["cluster: seconds until whole"] = round(kill.whole_seconds, 2)
        report.facts["cluster: slowest call, seconds"] = round(kill.slowest_seconds, 2)
        report.facts["cluster: increments that ran twice"] = kill.extra
