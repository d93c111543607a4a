"""Looks at the rooms that somebody wants to hear of, and puts what is news into the outbox.

At least once: the state that was told and the messages about it are one transaction. What comes and goes
between two looks, or faster than CALM_SECONDS, is no news; the state that stays is told in any case.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import asyncpg
import msgspec
import structlog

from queueing.policy import Room
from queueing.standing import RoomStatus
from queueing.store import StoreUnavailable as RoomsAway
from sadd.postgres.pool import Pool
from sadd.rooms import webhooks
from sadd.rooms.spec import RoomSpec
from sadd.rooms.store import StoreUnavailable
from sadd.rooms.view import RoomsView
from sadd.rooms.webhook_events import event_of, may_wait
from sadd.rooms.webhook_signing import new_id
from sadd.rooms.webhooks import Message, Told, Wanted

LOOK_SECONDS = 2.0
UNSEEN = Told("open", math.inf)
"""What a room was that nobody looked at before: who begins to listen is told what is unusual about it."""

_log = structlog.get_logger("sadd.rooms")


class Announcer:
    """One in each worker; one of all of them looks at a time. ``now`` tells the moment of a message."""

    def __init__(
        self,
        pool: Pool,
        specs: RoomsView,
        status: Callable[[Room], Awaitable[RoomStatus]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self._specs = specs
        self._status = status
        self._now = now

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            # Refused, too: what cannot be told now is told once it can.
            except (StoreUnavailable, asyncpg.PostgresError) as away:
                _log.warning("rooms are not looked at", reason=type(away).__name__)

    async def look(self) -> int:
        """Once; how many messages that made."""
        async with webhooks.looking(self._pool) as connection:
            wanted = [] if connection is None else await webhooks.read_wanted(connection)
            if connection is None or not wanted:
                return 0
            specs = {id_: spec for id_, spec in self._specs.current.items() if _wanting(wanted, spec)}
            told = await webhooks.read_told(connection)
            found = await self._statuses(specs)
            states, messages = self._news(specs, found, told, wanted)
            if states:
                await webhooks.tell(connection, states)
            if messages:
                await webhooks.put(connection, messages)
            return len(messages)

    def _news(
        self,
        specs: Mapping[str, RoomSpec],
        found: Mapping[str, RoomStatus],
        told: Mapping[str, Told],
        wanted: list[Wanted],
    ) -> tuple[dict[str, str], list[Message]]:
        states: dict[str, str] = {}
        messages: list[Message] = []
        for id_, status in found.items():
            before = told.get(id_, UNSEEN)
            event = event_of(before.state, status.state, status.stock_left)
            if status.state == before.state or may_wait(event, before.since_seconds):
                continue
            states[id_] = status.state
            if event is not None:
                body = body_of(event, specs[id_], status, self._now())
                whom = [one for one in _wanting(wanted, specs[id_]) if event in one.events]
                messages += [Message(one.id, new_id("msg"), body) for one in whom]
        return states, messages

    async def _statuses(self, specs: Mapping[str, RoomSpec]) -> Mapping[str, RoomStatus]:
        found = await asyncio.gather(*(self._asked(spec.room) for spec in specs.values()))
        return {status.room: status for status in found if status is not None}

    async def _asked(self, room: Room) -> RoomStatus | None:
        try:
            return await self._status(room)
        except RoomsAway:
            return None


def body_of(event: str, spec: RoomSpec, status: RoomStatus, at: datetime) -> str:
    """The message, as the Standard Webhooks specification shapes it."""
    data = {
        "room": spec.id,
        "name": spec.name,
        "services": spec.services,
        "state": status.state,
        "waiting": status.waiting,
        "active": status.active,
        "serving": status.serving,
        "issued": status.issued,
    }
    if status.stock_left is not None:
        data["stock_left"] = status.stock_left
    said = {"type": f"queue.{event}", "timestamp": at.isoformat(timespec="milliseconds"), "data": data}
    return msgspec.json.encode(said).decode()


def _wanting(wanted: list[Wanted], spec: RoomSpec) -> list[Wanted]:
    return [one for one in wanted if one.agency == spec.agency and one.room in (None, spec.id)]
