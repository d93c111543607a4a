"""Lists of those invited to a lane: who is on one joins that lane, whatever door he comes by.

A list holds holders (``sadd.rooms.holder``), so the database has no names and a thief of it cannot tell
whose they are. Which rooms have lists is in each worker's memory; only joins of those rooms ask the database,
all of one turn of the loop in one statement. With the database away such a join raises StoreUnavailable: in
the open lane an invited person would have a worse place, for good.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg
import msgspec

from sadd.postgres.pool import AWAY, Pool
from sadd.rooms.store import StoreUnavailable

CHANNEL = "sadd_invited"
"""Notified by the table's own trigger."""

MEMBERS_MAX = 1_000_000
"""Of all lanes of a room together: 100 MB of table and indices."""
LOOKS_MAX = 1_000
"""In one statement."""

_ROOMS = """
WITH RECURSIVE listed AS (
    (SELECT room FROM lane_invited ORDER BY room LIMIT 1)
    UNION ALL
    SELECT (SELECT room FROM lane_invited WHERE room > listed.room ORDER BY room LIMIT 1)
    FROM listed WHERE listed.room IS NOT NULL
)
SELECT room FROM listed WHERE room IS NOT NULL
"""
_COUNTS = "SELECT lane, count(*) AS members FROM lane_invited WHERE room = $1 GROUP BY lane ORDER BY lane"
_FIND = """
SELECT room, holder, lane FROM lane_invited
WHERE (room, holder) IN (SELECT * FROM unnest($1::text[], $2::bytea[]))
"""
_ADD = """
INSERT INTO lane_invited (room, holder, lane) SELECT $1, holder, $2 FROM unnest($3::bytea[]) AS new (holder)
ON CONFLICT (room, holder) DO UPDATE SET lane = excluded.lane, added_at = now()
WHERE lane_invited.lane <> excluded.lane
"""
_REMOVE = "DELETE FROM lane_invited WHERE room = $1 AND lane = $2 AND holder = ANY ($3::bytea[])"
_CLEAR = "DELETE FROM lane_invited WHERE room = $1 AND lane = $2"
_AUDIT = "INSERT INTO audit (actor, action, subject, after) VALUES ($1, $2, $3, $4::text::jsonb)"

_Asked = tuple[str, bytes]


class TooMany(Exception):
    """The lists of the room would have more than ``MEMBERS_MAX``. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class InvitedStats:
    rooms: int
    """With lists; a gauge."""
    looks: int
    """Joins that asked whether somebody is on one."""
    found: int
    unavailable: int


class Invited:
    """The lists of all rooms."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._rooms: frozenset[str] = frozenset()
        self._waiting: dict[_Asked, asyncio.Future[str]] = {}
        self._flights: set[asyncio.Task[None]] = set()
        self._looks = 0
        self._found = 0
        self._unavailable = 0

    async def refresh(self) -> None:
        """Learn which rooms have lists. Raises StoreUnavailable; what was known stays."""
        self._rooms = frozenset(row["room"] for row in await self._fetch(_ROOMS))

    def has_lists(self, room: str) -> bool:
        return room in self._rooms

    async def lane_of(self, room: str, holder: bytes) -> str:
        """The lane that the holder is invited to, empty for none. Raises StoreUnavailable."""
        if room not in self._rooms:
            return ""
        self._looks += 1
        asked = (room, holder)
        answer = self._waiting.get(asked)
        if answer is None:
            if not self._waiting:
                asyncio.get_running_loop().call_soon(self._depart)
            answer = self._waiting[asked] = asyncio.get_running_loop().create_future()
        lane = await asyncio.shield(answer)  # one caller's cancellation is not the others'
        self._found += bool(lane)
        return lane

    async def counts(self, room: str) -> Mapping[str, int]:
        """Members by lane, of lanes that have any. Raises StoreUnavailable."""
        return {row["lane"]: row["members"] for row in await self._fetch(_COUNTS, room)}

    async def add(self, room: str, lane: str, holders: Sequence[bytes], actor: str) -> int:
        """Invite; how many were not on this list before. Raises TooMany, StoreUnavailable.

        Two who add at once may pass the bound by what one of them adds.
        """
        if sum((await self.counts(room)).values()) + len(set(holders)) > MEMBERS_MAX:
            raise TooMany
        return await self._change(_ADD, "invite", room, lane, actor, sorted(set(holders)))

    async def remove(self, room: str, lane: str, holders: Sequence[bytes], actor: str) -> int:
        """Take the invitation back; how many had it. A place that was given already stays."""
        return await self._change(_REMOVE, "uninvite", room, lane, actor, list(holders))

    async def clear(self, room: str, lane: str, actor: str) -> int:
        """Take all invitations of the lane back."""
        return await self._change(_CLEAR, "uninvite-all", room, lane, actor)

    def stats(self) -> InvitedStats:
        return InvitedStats(len(self._rooms), self._looks, self._found, self._unavailable)

    async def _change(self, query: str, verb: str, room: str, lane: str, actor: str, *args: object) -> int:
        """One statement, and the row of the audit, which counts people and names none."""
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                done = int((await connection.execute(query, room, lane, *args)).rpartition(" ")[2])
                subject, after = (
                    f"queues/{room}/lanes/{lane}",
                    msgspec.json.encode({"members": done}).decode(),
                )
                await connection.execute(_AUDIT, actor, f"queues.{verb}", subject, after)
        except AWAY as error:
            raise StoreUnavailable(str(error) or type(error).__name__) from error
        await self.refresh()  # so that who wrote it finds it, here at least; the others follow by NOTIFY
        return done

    def _depart(self) -> None:
        """All that were asked in this turn of the loop go together."""
        waiting, self._waiting = self._waiting, {}
        pairs = list(waiting.items())
        for at in range(0, len(pairs), LOOKS_MAX):
            flight = asyncio.ensure_future(self._look(dict(pairs[at : at + LOOKS_MAX])))
            self._flights.add(flight)
            flight.add_done_callback(self._flights.discard)

    async def _look(self, asked: Mapping[_Asked, asyncio.Future[str]]) -> None:
        try:
            rows = await self._fetch(_FIND, *map(list, zip(*asked, strict=True)))
        except BaseException as error:
            gone = error if isinstance(error, StoreUnavailable) else StoreUnavailable(type(error).__name__)
            for answer in asked.values():
                answer.set_exception(gone)
                answer.exception()  # else reported as never retrieved where all callers have left
            if not isinstance(error, StoreUnavailable):
                raise
            return
        found = {(row["room"], bytes(row["holder"])): row["lane"] for row in rows}
        for pair, answer in asked.items():
            answer.set_result(found.get(pair, ""))

    async def _fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        try:
            return await self._pool.fetch(query, *args)
        except AWAY as error:
            self._unavailable += 1
            raise StoreUnavailable(str(error) or type(error).__name__) from error
