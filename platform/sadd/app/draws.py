"""The draws of one worker, put together, and what moves them on when nobody asks.

Every worker runs the keeper: who freezes or draws is settled in the database, where each is done once.

    four times a second   people gather from the announced moment on; who is closed is frozen
    once a second         the value of a beacon that is due is fetched, if that is switched on; else it is
                          looked for in the database, lest the news of it was lost
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import aiohttp
import asyncpg
import msgspec
import structlog

from queueing.activation import Scheduled
from queueing.draw.beacon import QUICKNET
from queueing.draw.document import Draw
from queueing.draw.draws import Draws
from queueing.draw.postgres import PostgresDraws
from queueing.draw.store import Refused
from queueing.store import StoreUnavailable
from sadd.postgres.pool import AWAY, Pool
from sadd.rooms.spec import RoomSpec
from sadd.telemetry.metrics import Metrics
from sadd.web.visits import Specs

log = structlog.get_logger("sadd.app")

CHANNEL = "sadd_draws"
"""Notified by the table's own trigger when a draw goes on."""
REFUSED = (asyncpg.RaiseError, asyncpg.IntegrityConstraintViolationError)
STEP_SECONDS = 0.25
EXPECTED_MS = 500
"""Before people gather nobody joins any more, so that no number is given out while the draw is announced."""
LOOK_SECONDS = 1.0
FETCH_DEADLINE_SECONDS = 5.0
ANSWER_BYTES_MAX = 4_096


class _Round(msgspec.Struct):
    """What a relay of drand says of a round; the signature is all that counts."""

    signature: str


async def open_draws(pool: Pool) -> Draws:
    draws = Draws(PostgresDraws(pool, AWAY, REFUSED, QUICKNET))
    await draws.refresh()
    return draws


class DrawKeeper:
    """Moves draws on. ``beacon_url`` is a relay of drand; empty: an operator gives the values."""

    def __init__(self, draws: Draws, specs: Specs, beacon_url: str = "") -> None:
        self._draws = draws
        self._specs = specs
        self._url = beacon_url.rstrip("/")
        self._said = ""
        self._looked_s = float("-inf")

    def changes(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        yield CHANNEL, self._draws.refresh

    def show(self, metrics: Metrics) -> None:
        metrics.register(
            "sadd_draws", self._draws.stats, gauges={"gathering": "max", "waiting_for_beacon": "max"}
        )

    async def run(self) -> None:
        """Until cancelled. What cannot be done now is tried again; the log says why, once for each reason."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(FETCH_DEADLINE_SECONDS)) as http:
            while True:
                await asyncio.sleep(STEP_SECONDS)
                for step in self._steps(http):
                    await self._done(step)

    def _steps(self, http: aiohttp.ClientSession) -> Iterator[Awaitable[object]]:
        """What is to be done now; a list, since rooms and draws are others after each."""
        specs, now_ms = list(self._specs.current.values()), self._draws.now_ms()
        self._draws.expected = frozenset(
            spec.id for spec in specs if self._due(spec, now_ms + EXPECTED_MS) is not None
        )
        for spec in specs:
            opens_at_ms = self._due(spec, now_ms)
            if opens_at_ms is not None:
                yield self._draws.announce(spec.id, opens_at_ms)
        looks = asyncio.get_running_loop().time() >= self._looked_s + LOOK_SECONDS
        for draw in [draw for room in self._draws.rooms() if (draw := self._draws.of(room)) is not None]:
            if not draw.root and self._draws.now_ms() >= draw.closes_at_ms:
                yield self._draws.freeze(draw.room)
            elif looks and _waits(draw) and self._draws.now_ms() >= draw.beacon.at_ms:
                self._looked_s = asyncio.get_running_loop().time()
                fetches = self._url and draw.beacon.kind == "drand"
                yield self._fetch(http, draw) if fetches else self._draws.refresh()

    def _due(self, spec: RoomSpec, now_ms: int) -> int | None:
        """The start of the event for which people gather then and no draw is announced yet."""
        schedule = spec.activation
        if spec.room.method != "lottery" or not isinstance(schedule, Scheduled):
            return None
        if schedule.gathers_at_ms is None or not schedule.gathers_at_ms <= now_ms < schedule.opens_at_ms:
            return None
        last = self._draws.of(spec.id)
        known = last is not None and last.closes_at_ms == schedule.opens_at_ms
        return None if known else schedule.opens_at_ms

    async def _fetch(self, http: aiohttp.ClientSession, draw: Draw) -> None:
        address = f"{self._url}/{draw.beacon.chain}/public/{draw.beacon.round}"
        try:
            async with http.get(address, allow_redirects=False) as answer:
                said = await answer.content.read(ANSWER_BYTES_MAX)
                answer.raise_for_status()
            signature = msgspec.json.decode(said, type=_Round).signature
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            raise _NotFetched(f"round {draw.beacon.round}: {type(error).__name__}") from error
        await self._draws.draw(draw.room, signature)

    async def _done(self, step: Awaitable[object]) -> None:
        reason = ""
        try:
            await step
        except (StoreUnavailable, Refused, LookupError, _NotFetched) as error:
            reason = str(error)
        if reason and reason != self._said:
            log.warning("a draw waits", reason=reason)
        self._said = reason or self._said


class _NotFetched(Exception):
    """The relay did not say the round."""


def _waits(draw: Draw) -> bool:
    """For the value of its beacon; to a list of nobody it gives nothing."""
    return draw.stage == "frozen" and bool(draw.count)
