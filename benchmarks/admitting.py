"""One worker of a fault campaign: asks the limiter as often as it may, and notes each admission.

python -m benchmarks.admitting ORDERS_JSON

Every line of its file is one admission that a caller has heard of: key, and the times in nanoseconds just
before the question and just after the answer. The unit was taken somewhere in between. The clock is the
machine's, as is the store's, so the files of several workers can be read as one.
"""

import asyncio
import os
import sys
import time
from functools import partial

import msgspec
import uvloop

from ratelimit.check import Check
from ratelimit.decision import Decision
from ratelimit.limiter import Limiter
from ratelimit.patience import Patient
from ratelimit.policy import Policy
from ratelimit.valkey import ValkeyStore
from sadd.valkey.topology import open_client

PAUSE_SECONDS = 0.005
"""Between two questions for one key: with four workers far more than the policy admits."""


class Orders(msgspec.Struct, frozen=True):
    store_url: str
    file: str
    keys: list[str]
    limit: int
    period_seconds: int
    burst: int
    workers: int
    shards: int

    def policy(self) -> Policy:
        """Closed, since whoever is not sure that it may must not admit: that is what is proved.

        Without a burst it counts in fixed windows, whose bound is the plainest to check for leased units.
        """
        if not self.burst:
            return Policy.fixed("faults", self.limit, self.period_seconds, "closed")
        return Policy("faults", self.limit, self.period_seconds, self.burst, "closed")


class Book:
    """The admissions of one worker. Each is in the file before the next question is asked."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, key: str, asked_ns: int) -> None:
        os.write(self._file, b"%b %d %d\n" % (key.encode(), asked_ns, time.time_ns()))

    def note_if_allowed(self, key: str, asked_ns: int, decision: Decision) -> None:
        if decision.allowed:
            self.note(key, asked_ns)


def main(argv: list[str]) -> None:
    orders = msgspec.json.decode(argv[0], type=Orders)
    uvloop.run(_work(orders))


async def _work(orders: Orders) -> None:
    client = await open_client(orders.store_url, deadline_ms=250, max_in_flight=20_000)
    limiter = Limiter(Patient(ValkeyStore(client, shards=orders.shards)), holders=orders.workers)
    book, policy = Book(orders.file), orders.policy()
    print("ready", flush=True)
    while True:
        for key in orders.keys:
            limiter.ask(Check(policy, key), partial(book.note_if_allowed, key, time.time_ns()))
        await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1:])
