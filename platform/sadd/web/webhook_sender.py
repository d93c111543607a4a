"""Sends what is in an outbox: signed, to addresses of the open internet only, again until it is taken.

A 2xx takes a message. 410 ends who gets it. Anything else, a redirect too, is tried again after growing
pauses for three days; then the message is given up, and stays to be looked at.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import aiohttp
import asyncpg
import structlog

from sadd.logout.database import DatabaseAway
from sadd.postgres.pool import Pool
from sadd.rooms import webhooks
from sadd.rooms.store import StoreUnavailable
from sadd.rooms.webhook_target import Forbidden, check_url
from sadd.session.store import StoreUnavailable as SessionsUnavailable
from sadd.version import __version__
from sadd.web.calling_out import calling_out

LOOK_SECONDS = 1.0
AT_ONCE_MAX = 64
EACH_AT_ONCE_MAX = 4
"""So many go at once to who does not answer, twice as many at most: he holds up nobody else."""
TIMEOUT_SECONDS = 10.0
FORGET_SECONDS = 3_600.0
ERROR_LENGTH_MAX = 200

PAUSES_SECONDS = (5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000)
"""After each failed attempt; in sum three days."""
JITTER = 0.2

GONE = 410
AWAY = (StoreUnavailable, SessionsUnavailable, DatabaseAway, asyncpg.PostgresError)
"""Refused, too: what is in the outbox stays there."""

_log = structlog.get_logger("sadd.web")


@dataclass(frozen=True, slots=True)
class SenderStats:
    delivered: int
    failed: int
    """Attempts."""
    given_up: int


class Delivery(Protocol):
    """A message that was taken out to be sent; the ``attempts``-th time."""

    @property
    def webhook(self) -> str:
        """Who gets it."""

    @property
    def url(self) -> str: ...

    @property
    def attempts(self) -> int: ...

    def letter(self, sent_s: int) -> tuple[Mapping[str, str], bytes]:
        """Header fields and body, as they leave now."""


class Outbox(Protocol):
    """Where messages wait. A delivery comes back to where it was taken from."""

    async def take(
        self, pool: Pool, most: int, each_most: int = EACH_AT_ONCE_MAX, but: Sequence[str] = ()
    ) -> Sequence[Delivery]:
        """What is due, for this worker alone, for longer than an attempt may take; so many for each who gets
        some, and none for ``but``."""

    async def done(self, pool: Pool, delivery: Any) -> None: ...

    async def again(self, pool: Pool, delivery: Any, after_seconds: float, error: str) -> None: ...

    async def give_up(self, pool: Pool, delivery: Any, error: str, *, disable: bool = False) -> None: ...

    async def forget(self, pool: Pool) -> None: ...


class Sender:
    """One in each worker for each outbox; a message is with one of them at a time."""

    def __init__(
        self,
        pool: Pool,
        outbox: Outbox = webhooks,
        *,
        to_loopback: bool = False,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pool = pool
        self._outbox = outbox
        self._news = asyncio.Event()
        self._to_loopback = to_loopback
        self._chance = chance
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()

    def stats(self) -> SenderStats:
        return SenderStats(self._counts["delivered"], self._counts["failed"], self._counts["given_up"])

    def wake(self) -> None:
        """There is something new: look at once, and not in a second."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        forget_at = 0.0
        async with self.client() as client, asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                begun = 0
                try:
                    begun = await self._begin(client, group)
                    if self._clock() >= forget_at:
                        await self._outbox.forget(self._pool)
                        forget_at = self._clock() + FORGET_SECONDS
                except AWAY as away:
                    _log.warning("webhooks are not sent", reason=type(away).__name__)
                if not begun:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_SECONDS):
                            await self._news.wait()

    async def _begin(self, client: aiohttp.ClientSession, group: asyncio.TaskGroup) -> int:
        """Begin to send what is due and what there is room for; how many that were."""
        room = AT_ONCE_MAX - self._under_way.total()
        if room <= 0:
            return 0
        busy = [each for each, count in self._under_way.items() if count >= EACH_AT_ONCE_MAX]
        due = await self._outbox.take(self._pool, room, EACH_AT_ONCE_MAX, busy)
        for delivery in due:
            self._under_way[delivery.webhook] += 1
            task = group.create_task(self._deliver(client, delivery))
            task.add_done_callback(partial(self._ended, delivery.webhook))
        return len(due)

    def _ended(self, webhook: str, _task: "asyncio.Task[None]") -> None:
        self._under_way[webhook] -= 1
        if not self._under_way[webhook]:
            del self._under_way[webhook]
        self._news.set()

    def client(self) -> aiohttp.ClientSession:
        """A client that calls no network behind us."""
        return calling_out(
            to_loopback=self._to_loopback, at_once_max=AT_ONCE_MAX, timeout_seconds=TIMEOUT_SECONDS
        )

    async def send(self, client: aiohttp.ClientSession) -> int:
        """What is due just now, to its end; how many that were."""
        due = await self._outbox.take(self._pool, AT_ONCE_MAX)
        async with asyncio.TaskGroup() as group:
            for delivery in due:
                group.create_task(self._deliver(client, delivery))
        return len(due)

    async def _deliver(self, client: aiohttp.ClientSession, delivery: Delivery) -> None:
        status, error = await self._attempt(client, delivery)
        try:
            await self._settle(delivery, status, error)
        except AWAY as away:  # when its lease is over the message is sent once more
            _log.warning("what became of a message is not noted", reason=type(away).__name__)

    async def _settle(self, delivery: Delivery, status: int, error: str) -> None:
        if not error:
            self._counts["delivered"] += 1
            await self._outbox.done(self._pool, delivery)
            return
        self._counts["failed"] += 1
        if status == GONE or delivery.attempts > len(PAUSES_SECONDS):
            self._counts["given_up"] += 1
            _log.warning("a message is given up", webhook=delivery.webhook, reason=error)
            await self._outbox.give_up(self._pool, delivery, error, disable=status == GONE)
            return
        pause = PAUSES_SECONDS[delivery.attempts - 1] * (1 - JITTER + 2 * JITTER * self._chance())
        await self._outbox.again(self._pool, delivery, pause, error)

    async def _attempt(self, client: aiohttp.ClientSession, delivery: Delivery) -> tuple[int, str]:
        """The status (0: none came) and what was wrong, empty if it was taken."""
        said, body = delivery.letter(int(self._clock()))
        fields = {**said, "User-Agent": f"sadd/{__version__}"}
        try:
            check_url(delivery.url, to_loopback=self._to_loopback)
            async with client.post(delivery.url, data=body, headers=fields, allow_redirects=False) as answer:
                status = answer.status
        except (Forbidden, aiohttp.ClientError, OSError, TimeoutError) as wrong:
            return 0, f"{type(wrong).__name__}: {wrong}"[:ERROR_LENGTH_MAX]
        return status, "" if 200 <= status < 300 else f"status {status}"
