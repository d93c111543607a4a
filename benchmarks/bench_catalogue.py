"""What the catalogue costs a worker, and how well search forgives: ``sadd bench catalogue [--json]``.

The shipped catalogue, an embedded PostgreSQL in a folder that is gone afterwards, one process.
"""

import asyncio
import gc
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.harness import Goal, Report, at_least, at_most
from benchmarks.slips import name_rate, slips, word_rate
from benchmarks.words import Words
from sadd.catalogue import search
from sadd.catalogue.importing import import_catalogue
from sadd.catalogue.model import Catalogue
from sadd.catalogue.reading import SHIPPED, read_folder
from sadd.catalogue.view import CatalogueView
from sadd.embedded.stores import open_stores
from sadd.postgres.migrate import migrate
from sadd.postgres.pool import Pool, open_pool
from sadd.telemetry.logs import configure_logs

T = TypeVar("T")

LOOKUPS, REFRESHES, SEED = 200_000, 20, 7
LANGUAGES = ("ar", "en")


def main(argv: Sequence[str] | None = None) -> int:
    parser = Words(description=__doc__)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    configure_logs("warning", "console")
    report = measure()
    if args.json:
        sys.stdout.write(report.as_json() + "\n")
    else:
        report.print()
    return report.exit_code()


def measure() -> Report:
    reading_ms, catalogue = _milliseconds(_shipped)
    building_ms, index = _milliseconds(lambda: search.build(catalogue))
    chance = random.Random(SEED)
    made = {language: list(slips(catalogue, language, chance)) for language in LANGUAGES}
    goals = [
        at_least(
            f"one slip in a name, {language}: among the first five", 0.95, name_rate(index, found), "share"
        )
        for language, found in made.items()
    ]
    facts: dict[str, float | str] = {
        "services": len(catalogue.services),
        "reading and checking the files, ms": round(reading_ms, 1),
        "building the index in one go, ms": round(building_ms, 1),
    }
    for language, found in made.items():
        facts[f"one slip in a lone word, {language}, share"] = round(word_rate(catalogue, index, found), 3)
        names = _query_ms(index, [slip.name for slip in found])
        goals.append(at_most(f"a query of a whole name, {language}, median", 1.0, names[0], "ms"))
        facts[f"a query of a whole name, {language}, p99, ms"] = round(names[1], 3)
        lone = _query_ms(index, [slip.word for slip in found])
        facts[f"a query of one word, {language}, median and p99, ms"] = f"{lone[0]:.3f} {lone[1]:.3f}"
    served = asyncio.run(_serve(catalogue))
    return Report("sadd bench catalogue", {}, {}, [*goals, *served[0]], facts | served[1], [])


def _shipped() -> Catalogue:
    catalogue = read_folder(SHIPPED, date.today()).catalogue
    assert catalogue is not None, "sadd catalogue check says what is wrong"
    return catalogue


def _milliseconds(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return (time.perf_counter() - start) * 1e3, result


def _query_ms(index: search.Index, queries: Sequence[str]) -> tuple[float, float]:
    """Median and 99th percentile."""
    times = sorted(_milliseconds(partial(index.search, query))[0] for query in queries)
    return times[len(times) // 2], times[len(times) * 99 // 100]


async def _serve(catalogue: Catalogue) -> tuple[list[Goal], dict[str, float | str]]:
    """Import, and what a refresh does to an event loop that has other things to do."""
    with tempfile.TemporaryDirectory(prefix="sadd-bench-") as folder:
        async with open_stores(Path(folder), want_valkey=False) as stores:
            await migrate(stores.database_url)
            async with await open_pool(stores.database_url, pool_max=2, deadline_seconds=30.0) as pool:
                return await _served(pool, catalogue)


async def _served(pool: Pool, catalogue: Catalogue) -> tuple[list[Goal], dict[str, float | str]]:
    start = time.perf_counter()
    await import_catalogue(pool, catalogue, "bench")
    import_ms = (time.perf_counter() - start) * 1e3
    view = CatalogueView(pool)
    await view.refresh()
    gc.collect()
    gc.freeze()  # as a worker does once it has started
    holds, times = [], []
    for _ in range(REFRESHES):
        await pool.execute("UPDATE catalogue_version SET version = version + 1")
        hold, seconds = await _longest_hold(view)
        holds.append(hold * 1e3)
        times.append(seconds * 1e3)
    goals = [at_most("look-up by id", 1.0, _lookup_us(view), "µs")]
    return goals, {
        "import into an empty database, ms": round(import_ms, 1),
        "a refresh of everything, median processor ms": round(statistics.median(times), 1),
        "longest hold of the event loop in a refresh, median processor ms": round(
            statistics.median(holds), 2
        ),
        "longest hold in any refresh, processor ms": round(max(holds), 2),
    }


async def _longest_hold(view: CatalogueView) -> tuple[float, float]:
    """Longest processor time between two turns of another task during one refresh, and the whole of it.

    Processor time of this thread, since whatever else this machine does would count otherwise.
    """
    longest = 0.0
    refresh = asyncio.ensure_future(view.refresh())
    start = last = time.thread_time()
    while not refresh.done():
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, last = max(longest, now - last), now
    return longest, last - start


def _lookup_us(view: CatalogueView) -> float:
    ids = list(view.current.services)
    some = [ids[n % len(ids)] for n in range(LOOKUPS)]
    start = time.perf_counter()
    for id_ in some:
        view.current.services[id_]
    return (time.perf_counter() - start) / LOOKUPS * 1e6


if __name__ == "__main__":
    sys.exit(main())
