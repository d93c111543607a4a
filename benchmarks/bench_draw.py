"""What a draw costs: entries taken in, frozen, and checked by somebody who has the public documents alone.

The database is a real one that flushes each commit to the disk; four workers gather at once. The draws that
are checked are made here, with the one true round of the beacon that is stored beside the tests.
"""

import argparse
import asyncio
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Goal, Report, Sample, at_least, at_most, no_log_lines
from benchmarks.words import Words
from queueing.draw import beacon, merkle
from queueing.draw.beacon import QUICKNET
from queueing.draw.document import Beacon, Draw, Proof, Published, encode, read, write_lines
from queueing.draw.draws import Draws
from queueing.draw.entry import HOLDER_BYTES, entry_of
from queueing.draw.postgres import PostgresDraws
from queueing.draw.seed import seed_of
from queueing.draw.shuffle import place
from queueing.draw.verification import faults_of_list, faults_of_proof, randomness_of
from sadd.embedded.stores import open_stores
from sadd.postgres.migrate import migrate
from sadd.postgres.pool import AWAY, Pool, open_pool

WORKERS, IN_FLIGHT = 4, 64
PROOFS = 50
ROUND = 657_413
SIGNATURE = "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b"


@dataclass(frozen=True, slots=True)
class Gathered:
    """Of entries that came one by one from as many visitors at once as four workers have in flight."""

    per_second: float
    commits: int
    bytes_each: float
    freeze_s: float


@dataclass(frozen=True, slots=True)
class Checked:
    """A whole draw in seconds, one place in milliseconds; by the clock, and by the processor's time."""

    whole_s: float
    whole_cpu_s: float
    place_ms: float
    place_cpu_ms: float


def main(argv: Sequence[str] | None = None) -> int:
    parser = Words(prog="sadd bench draw", description=__doc__)
    parser.add_argument("--entries", type=int, default=20_000, help="taken in and frozen [20000]")
    parser.add_argument(
        "--checked", type=int, default=1_000_000, help="in the draw that is checked [1000000]"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    with no_log_lines():
        gathered = asyncio.run(gather(args.entries))
    report = _report(args, gathered, check(args.checked))
    print(report.as_json()) if args.json else report.print()
    return report.exit_code()


async def gather(count: int) -> Gathered:
    """Entries through the engine into a database that flushes, and their freeze."""
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="sadd-bench-draw-")))
        stores = await opened.enter_async_context(open_stores(folder, want_valkey=False))
        await migrate(stores.database_url)
        pool = await open_pool(stores.database_url, pool_max=WORKERS, deadline_seconds=60)
        opened.push_async_callback(pool.close)
        workers = [Draws(PostgresDraws(pool, AWAY, (), QUICKNET)) for _ in range(WORKERS)]
        await workers[0].refresh()
        await workers[0].announce("bench", workers[0].now_ms() + 3_600_000)
        for worker in workers:
            await worker.refresh()
        began_s = time.perf_counter()
        await asyncio.gather(*(_visitors(worker, count // WORKERS) for worker in workers))
        seconds = time.perf_counter() - began_s
        stored = await pool.fetchval("SELECT pg_total_relation_size('queue_draw_entry')")
        freeze_s = await _freeze(pool, workers[0])
        commits = sum(worker.stats().commits for worker in workers)
        return Gathered(count / seconds, commits, stored / count, freeze_s)


async def _visitors(worker: Draws, count: int) -> None:
    left = iter(range(count))

    async def one_after_the_other() -> None:
        for _ in left:
            await worker.enter("bench", secrets.token_bytes(HOLDER_BYTES))

    await asyncio.gather(*(one_after_the_other() for _ in range(IN_FLIGHT)))


async def _freeze(pool: Pool, worker: Draws) -> float:
    """The start is moved to now behind the triggers' back: nobody waits an hour for a figure."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("UPDATE queue_draw SET closes_at = clock_timestamp()")
    await worker.refresh()
    began_s = time.perf_counter()
    assert await worker.freeze("bench") is not None
    return time.perf_counter() - began_s


def check(count: int) -> Checked:
    """A whole draw from the bytes of its file; one place with its proof and the signature, the median."""
    published = made(count)
    raw = encode(published.draw) + b"\n" + write_lines(published.entries)
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    shown = read(raw)
    assert isinstance(shown, Published)
    assert faults_of_list(shown) == []
    whole_s, whole_cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    nodes = merkle.chunk_nodes(published.entries)
    places = [_one_place_ms(published, nodes) for _ in range(PROOFS)]
    clock, processor = (statistics.median(column) for column in zip(*places, strict=True))
    return Checked(whole_s, whole_cpu_s, clock, processor)


def _one_place_ms(published: Published, nodes: Sequence[bytes]) -> tuple[float, float]:
    draw = published.draw
    index = random.randrange(draw.count)
    at = place(bytes.fromhex(draw.seed), index, draw.count)
    first = index - index % merkle.CHUNK
    path = merkle.chunk_proof(published.entries[first : first + merkle.CHUNK], nodes, index)
    raw = encode(
        Proof(draw, published.entries[index].hex(), index, [one.hex() for one in path], at, draw.number(at))
    )
    beacon.forget()
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    proof = read(raw)
    assert isinstance(proof, Proof)
    assert faults_of_proof(proof) == []
    return (time.perf_counter() - began_s) * 1000, (time.process_time() - began_cpu_s) * 1000


def made(count: int) -> Published:
    """A draw of so many, by the stored round."""
    chance = random.Random(count)
    entries = [entry_of("bench", 1, chance.randbytes(HOLDER_BYTES)) for _ in range(count)]
    named = Beacon("drand", QUICKNET.at_ms(ROUND), QUICKNET.id, ROUND, SIGNATURE)
    root = merkle.root(entries)
    seed = seed_of("bench", 1, count, root, randomness_of(named))
    closes_ms = named.at_ms - 30_000
    frozen_ms = closes_ms + 400
    draw = Draw("bench", 1, "drawn", closes_ms, named, count, frozen_ms, root.hex(), 0, seed.hex())
    return Published(draw, entries)


def _report(args: argparse.Namespace, gathered: Gathered, checked: Checked) -> Report:
    goals: list[Goal] = [
        at_least("entries taken in", 1_000, gathered.per_second, "a second"),
        at_most(f"a draw of {args.checked:,} checked in full", 10, checked.whole_s, "s"),
        at_most("one place checked with its proof", 5, checked.place_ms, "ms"),
    ]
    facts: dict[str, float | str] = {
        "entries a commit": round(args.entries / gathered.commits, 1),
        "bytes an entry, stored": round(gathered.bytes_each),
        "a whole draw, processor seconds": round(checked.whole_cpu_s, 2),
        "one place, processor milliseconds": round(checked.place_cpu_ms, 2),
        f"freeze of {args.entries:,}, seconds": round(gathered.freeze_s, 2),
    }
    samples = {
        "take an entry in": [Sample(gathered.per_second)],
        "check an entry of a whole draw": [
            Sample(args.checked / checked.whole_s, checked.whole_cpu_s / args.checked * 1e6)
        ],
        "check one place with its proof": [Sample(1000 / checked.place_ms, checked.place_cpu_ms * 1000)],
    }
    return Report("sadd bench draw", samples, {}, goals, facts, [])
