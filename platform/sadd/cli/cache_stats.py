"""``sadd cache stats``: what is kept, what the workers answered, and which keys are asked for most."""

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec import to_builtins

from cache.answers import Usage
from sadd.caching import hot
from sadd.caching.hot import HotKey
from sadd.cli.cache_sources import GROUP, Here, opened
from sadd.cli.outcome import UsageError
from sadd.cli.parser import Parser
from sadd.cli.table import print_json, print_table
from sadd.settings import Settings
from sadd.telemetry.snapshot import Slots

MEANING = """\
Lists every namespace that holds something, with its bounds, and what the workers of this machine counted
since they began. --hot adds the keys that are asked for most, which may name people.
"""
COUNTED = "sadd_cache_"
STALE_SECONDS = 10.0
"""What a worker holds that has not written for so long is gone; what it counted is not."""
LARGEST = frozenset({"invalidation_age_ms"})
"""Of the workers' numbers the largest counts, not their sum."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one namespace holds and may hold."""

    agency: str
    namespace: str
    entries: int
    bytes_used: int
    bytes_max: int


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    one = words.add_parser("stats", help="show what is kept, and what was answered", description=MEANING)
    one.add_argument("agency", metavar="AGENCY", nargs="?", help="of this agency only")
    one.add_argument("--hot", metavar="N", type=int, default=0, help="the N keys that are asked for most")
    one.add_argument("--json", action="store_true", help="one object")
    one.set_defaults(run=lambda args, settings: asyncio.run(_stats(args, settings)))


async def _stats(args: argparse.Namespace, settings: Settings) -> int:
    async with opened(settings) as here:
        if args.agency is not None and args.agency not in here.catalogue.agencies:
            raise UsageError(f"{GROUP} stats: there is no agency {args.agency!r}")
        held = [one async for one in _held(here, args.agency)]
    counts = counted(Path(settings.data.dir) / "run" / "metrics", time.time())
    keys = _hot(settings, args.agency, args.hot)
    if args.json:
        print_json({"namespaces": to_builtins(held), "counted": counts, "hot": to_builtins(keys)})
        return 0
    rows = [(one.agency, one.namespace, f"{one.entries:,}", _size(one)) for one in held]
    print_table(("agency", "namespace", "entries", "bytes"), rows)
    print()
    print("\n".join(_told(counts)))
    if keys:
        print()
        hottest = [(f"{one.hits:,}", one.namespace, one.key) for one in keys]
        print_table(("hits", "namespace", "key"), hottest)
    return 0


async def _held(here: Here, agency: str | None) -> AsyncIterator[Held]:
    agencies = [agency] if agency else sorted(here.catalogue.agencies)
    for one in agencies:
        for name, usage in (await here.quotas.usages(one)).items():
            yield _one(here, one, name, usage)
    for name, owner in sorted(here.spaces.of_shield(agency).items()):
        usage = await here.cache.usage(here.spaces.of(owner, name))
        if usage.entries:
            yield _one(here, owner, name, usage)


def _one(here: Here, agency: str, name: str, usage: Usage) -> Held:
    return Held(agency, name, usage.entries, usage.bytes_used, here.spaces.of(agency, name).bytes_max)


def counted(folder: Path, now: float) -> dict[str, float]:
    """What the workers that write into ``folder`` counted of the cache, each family over all its labels."""
    sums: dict[str, float] = {}
    for snapshot in Slots(folder, -1).others():
        is_live = snapshot.written_at >= now - STALE_SECONDS
        for name, samples in (*snapshot.totals.items(), *(snapshot.gauges.items() if is_live else ())):
            if name.startswith(COUNTED):
                short, value = name.removeprefix(COUNTED), sum(sample.value for _, sample in samples)
                before = sums.get(short, 0)
                sums[short] = max(before, value) if short in LARGEST else before + value
    return sums


TOLD = """\
  from memory        {near_hits}, stale {stale_hits}, in the place of a failing origin {spared}
origin calls         {loads}, of which failed {failed_loads}, could not be shared {own_loads}
  collapsed          {collapsed} in a worker, {waits} waited for another worker
  not kept           {superseded} overtaken by a purge, {full} for want of room
memory of workers    {near_bytes} of {near_bytes_max} bytes, {near_entries} entries
  evictions          {near_evictions}
  may answer         {feed_proven} workers; forgot all {feed_losses} times, and {feed_gaps} for a gap
purges               {purges}, puts {puts}, deletes {deletes}
  heard after        {invalidation_age_ms} ms at most, in the last minutes
store away           {unavailable} look-ups"""
"""What an operator asks first; ``--json`` and the metrics have every counter."""


def _told(counts: Mapping[str, float]) -> Iterator[str]:
    if not counts:
        yield "no platform has counted here yet"
        return
    looked = counts.get("hits", 0) + counts.get("misses", 0)
    ratio = f"{counts.get('hits', 0) / looked:.1%} of {looked:,.0f}" if looked else "nothing was looked up"
    yield f"hit ratio            {ratio}"
    yield TOLD.format_map(defaultdict(lambda: "0", {name: f"{value:,.0f}" for name, value in counts.items()}))


def _size(held: Held) -> str:
    return f"{held.bytes_used:,} of {held.bytes_max:,}"


def _hot(settings: Settings, agency: str | None, count: int) -> tuple[HotKey, ...]:
    if not count:
        return ()
    keys = hot.read(Path(settings.data.dir) / "run" / "cache-hot", time.time()).keys
    mine = (one for one in keys if agency is None or one.namespace.startswith(f"{agency}:"))
    return tuple(mine)[:count]
