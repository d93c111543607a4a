"""One lease holder of a fault campaign: spends what it was lent without asking, and notes each unit.

python -m benchmarks.leasing ORDERS_JSON        as ``benchmarks.admitting``

It is the plainest holder there can be: a unit is spent only if the lease's time, counted from before it was
asked for, is not over just before.
"""

import asyncio
import sys
import time
from contextlib import suppress

import msgspec
import uvloop

from benchmarks.admitting import Book, Orders
from ratelimit.holdings import ValkeyHoldings
from ratelimit.lease import Lease
from ratelimit.limiter import Limiter
from ratelimit.policy import Policy
from ratelimit.store import StoreUnavailable
from ratelimit.valkey import ValkeyStore
from sadd.valkey.topology import open_client

TOKENS = 15
PAUSE_SECONDS = 0.06
"""Between two units of a lease: four holders want half as much again as there is, all the time."""
KEEP_MS = 800


def main(argv: list[str]) -> None:
    uvloop.run(_work(msgspec.json.decode(argv[0], type=Orders)))


async def _work(orders: Orders) -> None:
    client = await open_client(orders.store_url, deadline_ms=250, max_in_flight=20_000)
    store = ValkeyStore(client, shards=orders.shards)
    holdings = ValkeyHoldings(client, shards=orders.shards, keep_ms=KEEP_MS)
    limiter = Limiter(store, holdings=holdings, holders=orders.workers)
    book, policy = Book(orders.file), orders.policy()
    print("ready", flush=True)
    await asyncio.gather(*(_spend(limiter, policy, key, book) for key in orders.keys))


async def _spend(limiter: Limiter, policy: Policy, key: str, book: Book) -> None:
    while True:
        asked = time.monotonic()
        lease = await limiter.lease(policy, key, TOKENS)
        if lease.granted:
            unused = await _spend_lease(lease, asked + lease.expires_in_ms / 1000, book)
            with suppress(StoreUnavailable):  # then they stay used, which admits no more
                await limiter.give_back(policy, lease.id, unused)
        else:
            await asyncio.sleep(PAUSE_SECONDS)


async def _spend_lease(lease: Lease, ends: float, book: Book) -> int:
    """How many units were left when its time was over, or in one case of three on purpose."""
    for left in range(lease.granted, 0, -1):
        asked_ns = time.time_ns()
        if time.monotonic() >= ends or (left == 5 and asked_ns % 3 == 0):
            return left
        book.note(lease.key, asked_ns)
        await asyncio.sleep(PAUSE_SECONDS)
    return 0


if __name__ == "__main__":
    main(sys.argv[1:])
