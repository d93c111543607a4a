"""What a decision in process costs: ``python -m benchmarks.bench_client [--json] [--rounds N]``.

Subjects take turns: a limiter of ``sadd_client`` for asyncio and one for threads, each spending a lease that
it holds; and, as the limits of what Python can do, a look-up in a dictionary and an awaited function that
does nothing. With ``--url`` and ``--key`` of a platform one more limiter leases from it, with everything that
comes with that.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.harness import Machine, Report, Sample, Subject, at_least, quiet_rounds, ratio
from benchmarks.words import Words
from sadd_client import AsyncClient, AsyncLimiter, Client, Limiter
from sadd_client.clock import now
from sadd_client.lease import Lease

CALLS = 100_000
ROUNDS = 15
KEY = "sadd_aaaaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"  # asks nobody
NOWHERE = "http://127.0.0.1:1"
FOR_EVER = Lease("bench", 10**15, now() + 1e9)

LEASED, THREADS, LOOKUP, AWAITED = (
    "await AsyncLimiter.allow, leased",
    "Limiter.allow, leased",
    "a look-up in a dictionary",
    "an awaited function that does nothing",
)
PLATFORM = "await AsyncLimiter.allow, leasing from a platform"
PAUSE_EVERY = 1_000
"""Calls between two turns of the event loop, as other work of a server would take them."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = Words(prog="sadd bench client", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--url", help="a platform")
    parser.add_argument("--key", help="its API key")
    parser.add_argument("--policy", default="moehe-secondary-results")
    args = parser.parse_args(argv)
    report = asyncio.run(_measure(args))
    if args.json:
        print(report.as_json())
    else:
        report.print()
    return report.exit_code()


async def _measure(args: argparse.Namespace) -> Report:
    chance = random.Random(1)
    async with AsyncClient(NOWHERE, key=KEY, on_loss="closed") as client:
        limiter = client.limiter("bench")
        threads = Client(NOWHERE, key=KEY, on_loss="closed").limiter("bench")
        for one in (limiter, threads):
            _hold(one)
        subjects = [
            Subject(LEASED, lambda: _turn(_allow_many(limiter, args.calls), args.calls)),
            Subject(THREADS, lambda: _turn(_threads_allow_many(threads, args.calls), args.calls)),
            Subject(LOOKUP, lambda: _turn(_look_up_many(args.calls), args.calls)),
            Subject(AWAITED, lambda: _turn(_await_many(args.calls), args.calls)),
        ]
        if args.url is None:
            run = await quiet_rounds(subjects, args.rounds, chance)
        else:
            async with AsyncClient(args.url, key=args.key, on_loss="closed") as real:
                busy = real.limiter(args.policy)
                subjects.append(Subject(PLATFORM, lambda: _turn(_allow_many(busy, args.calls), args.calls)))
                run = await quiet_rounds(subjects, args.rounds, chance)
    return _report(run.samples, run.notes(), chance)


def _hold(limiter: AsyncLimiter | Limiter) -> None:
    """As if a platform had granted more than will be spent."""
    limiter._holder.ledger.slice("citizen-1", now()).add(FOR_EVER, now())


async def _turn(work: Awaitable[int], calls: int) -> Sample:
    machine, cpu, clock = Machine(), time.process_time(), time.perf_counter()
    passed = await work
    seconds, cpu_seconds = time.perf_counter() - clock, time.process_time() - cpu
    return Sample(passed / seconds, cpu_seconds * 1e6 / calls, others=machine.others(cpu_seconds))


async def _allow_many(limiter: AsyncLimiter, calls: int) -> int:
    """How many of the calls passed: only those are a rate."""
    allow, passed = limiter.allow, 0
    for _ in range(calls // PAUSE_EVERY):
        for _ in range(PAUSE_EVERY):
            passed += await allow("citizen-1")
        await asyncio.sleep(0)
    return passed


async def _threads_allow_many(limiter: Limiter, calls: int) -> int:
    allow = limiter.allow
    return sum(allow("citizen-1") for _ in range(calls))


async def _look_up_many(calls: int) -> int:
    get: Callable[[str], int | None] = {"citizen-1": 1}.get
    return sum(get("citizen-1") is not None for _ in range(calls))


async def _await_many(calls: int) -> int:
    async def nothing(_: str) -> bool:
        return True

    passed = 0
    for _ in range(calls):
        passed += await nothing("citizen-1")
    return passed


def _report(samples: dict[str, list[Sample]], notes: list[str], chance: random.Random) -> Report:
    ratios = {
        f"{mine} / {limit}": ratio(samples[mine], samples[limit], chance)
        for mine, limit in ((LEASED, AWAITED), (LEASED, LOOKUP), (THREADS, LOOKUP))
    }
    told = PLATFORM if PLATFORM in samples else LEASED
    rate = sorted(sample.rate for sample in samples[told])[len(samples[told]) // 2]
    goals = [at_least("leased decisions in the SDK, one process", 1_000_000, rate, "1/s")]
    return Report("sadd bench client", samples, ratios, goals, {}, notes)


if __name__ == "__main__":
    sys.exit(main())
